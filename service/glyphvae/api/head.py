"""The head of a request, as operations see it."""

from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any

from starlette.types import Scope

RawHeaders = list[tuple[bytes, bytes]]

LONGEST_ID = 128
_ID_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:=+/-"


class RequestHeaders:
    """The headers of a request, read once for all requests of a connection that repeat them.

    Args:
        pairs: Names in lower case, and values.

    Attributes:
        pairs: As there.
        size: Bytes of all of them.
        accept: All `Accept` headers as one.
        content_type: `Content-Type`, empty where there is none.
        content_types: How many there are; more than one are refused.
        is_json: Whether it is one of JSON.
        hosts: How many `Host` headers there are; HTTP/1.1 wants one.
        upgrades: Whether another protocol is asked for; the server's own connections pass over that.
        length: Announced bytes of the body; None where it comes in chunks of unknown number.
        timeout: `X-Request-Timeout`, empty where there is none.
        origin: `Origin`, empty where there is none.
        content_encoding: All `Content-Encoding` headers as one.
        if_none_match: All `If-None-Match` headers as one.
        accept_encoding: All `Accept-Encoding` headers as one.
        authorization: Every `Authorization`.
        id: `X-Request-ID`, None where there is none that a log can hold.
        trace: Headers of the W3C trace context.
    """

    def __init__(self, pairs: RawHeaders) -> None:
        self.pairs = pairs
        self.size = sum(map(len, chain.from_iterable(pairs)))
        self._values: dict[bytes, list[bytes]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)
        # Repeated headers mean the same as one with commas.
        self.accept = ", ".join(self.all(b"accept"))
        kinds = self.all(b"content-type")
        self.content_type = kinds[0] if kinds else ""
        self.content_types = len(kinds)
        self.is_json = "json" in self.content_type.lower()
        self.hosts = len(self._values.get(b"host", ()))
        self.upgrades = b"upgrade" in self._values and "upgrade" in ",".join(self.all(b"connection")).lower()
        length = self.last(b"content-length")
        # Servers refuse lengths of anything but digits.
        self.length = None if self.all(b"transfer-encoding") else int(length) if length.isdecimal() else 0
        self.timeout = self.last(b"x-request-timeout")
        self.origin = self.last(b"origin")
        self.content_encoding = ", ".join(self.all(b"content-encoding"))
        self.if_none_match = ", ".join(self.all(b"if-none-match"))
        self.accept_encoding = ", ".join(self.all(b"accept-encoding"))
        self.authorization = self.all(b"authorization")
        ids = self._values.get(b"x-request-id", ())
        self.id = next(
            (id_ for id_ in ids if 0 < len(id_) <= LONGEST_ID and not id_.translate(None, _ID_CHARACTERS)), None
        )
        carried = {name: self.last(name.encode()) for name in ("traceparent", "tracestate")}
        self.trace = {name: value for name, value in carried.items() if value}

    def all(self, name: bytes) -> list[str]:
        """Return the values of every header of a name."""
        return [value.decode("latin-1") for value in self._values.get(name, ())]

    def last(self, name: bytes) -> str:
        """Return the value of the last header of a name, empty where there is none."""
        values = self._values.get(name)
        return values[-1].decode("latin-1") if values else ""


class RequestHead:
    """The head of a request.

    Args:
        method: Its method.
        path: Its path below the one that the application is mounted at.
        query: Its query string.
        headers: Its headers.

    Attributes:
        method: As there.
        path: As there.
        query: As there.
        headers: As there.
        parameters: The values of a path template's parameters.
    """

    parameters: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, method: str, path: str, query: bytes, headers: RequestHeaders) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers

    @property
    def accept(self) -> str:
        """All `Accept` headers as one."""
        return self.headers.accept


def below(path: str, root: str) -> str:
    """Return a path below `root`, as it is where it is not below that."""
    return path[len(root) :] if f"{path}/".startswith(f"{root}/") else path


def path_of(scope: Scope) -> str:
    """Return the path of a request below the one that the application is mounted at."""
    root, path = scope.get("root_path"), scope["path"]
    return (below(path, root) or "/") if root else path
