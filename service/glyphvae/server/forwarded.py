"""Headers by which trusted proxies state the scheme, the client and the prefix of a request."""

import re
from typing import TYPE_CHECKING, Any

from glyphvae.scheduling.immediate import result_now
from glyphvae.server.uvicorn_internals import ProxyHeadersMiddleware
from glyphvae.settings import ROOT_PATH

if TYPE_CHECKING:
    from glyphvae.server.uvicorn_internals import HTTPScope

# Stands for the address of whoever connects through a Unix domain socket.
UNIX = ("unix", 0)

_PREFIX = b"x-forwarded-prefix"
_ROOT_PATH = re.compile(ROOT_PATH)


class TrustedProxies:
    """The proxies that are believed.

    Args:
        names: As in the setting `trusted_proxies`, at least one.
    """

    def __init__(self, names: str) -> None:
        self._headers = ProxyHeadersMiddleware(_nothing, names)

    def believes(self, client: tuple[str, int] | None) -> bool:
        """Return whether the client of a connection, None for that of a Unix domain socket, is one of them."""
        return (client or UNIX)[0] in self._headers.trusted_hosts

    def apply(self, scope: "HTTPScope") -> None:
        """Change a request's scope to what one of them says."""
        if scope["client"] is None:
            scope["client"] = UNIX
        result_now(self._headers(scope, _nothing, _nothing))
        for name, value in scope["headers"]:
            prefix = value.decode("latin-1").rstrip("/") if name == _PREFIX else ""
            if prefix and _ROOT_PATH.match(prefix):
                scope["root_path"] = prefix


async def _nothing(*_: Any) -> Any:  # noqa: ANN401 (stands in for an application)
    """Stand in for the application that the middleware would call, and for what it would be called with."""
