"""Cross-origin requests: Starlette's rules, with refusals in this service's words."""

from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from glyphvae.api.head import RequestHead
from glyphvae.errors import OriginRefused
from glyphvae.wording import quoted

# Keys travel in a header of their own, never in cookies, so no origin needs credentials.
_ALLOWED: Final[dict[str, Any]] = {
    "allow_methods": ["GET", "HEAD", "POST"],
    "allow_headers": ["Accept", "Authorization", "Content-Type", "X-Request-ID", "X-Request-Timeout"],
    "expose_headers": ["*"],
    "max_age": 600,
}
_ASKED: Final = b"access-control-request-method"


class Cors:
    """The rules that tell browsers which pages may call the service.

    Args:
        origins: Those allowed, as `https://example.org`; `*` for any.
    """

    def __init__(self, origins: list[str]) -> None:
        self._rules = CORSMiddleware(_nothing, origins, **_ALLOWED)
        self.headers = lru_cache(maxsize=64)(self._headers)

    def is_preflight(self, head: RequestHead) -> bool:
        """Return whether a browser asks before it sends a request for a page."""
        return head.method == "OPTIONS" and bool(head.headers.origin) and bool(head.headers.last(_ASKED))

    def preflight(self, head: RequestHead) -> Response:
        """Return the response to such a question.

        Raises:
            OriginRefused: The request would be refused.
        """
        headers = Headers(raw=head.headers.pairs)
        response = self._rules.preflight_response(headers)
        if response.status_code < HTTPStatus.BAD_REQUEST:
            return response
        # Starlette names what it refuses: origin, method, headers.
        refused = bytes(response.body).decode().removeprefix("Disallowed CORS ")
        detail = f"A page of {quoted(headers['origin'])} may not send this: not allowed is its {refused}."
        raise OriginRefused(detail, headers={"Vary": "Origin"})

    def _headers(self, origin: str) -> tuple[tuple[bytes, bytes], ...]:
        """Return the headers that let pages of an origin read a response."""
        pairs = [(name.lower().encode(), value.encode()) for name, value in self._rules.simple_headers.items()]
        if not self._rules.allow_all_origins and self._rules.is_allowed_origin(origin):
            pairs += [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
        return tuple(pairs)


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Stand in for the application that the middleware would call."""
