"""The head of a request, as operations see it."""

from collections.abc import Mapping
from typing import Any

from starlette.types import Scope

RawHeaders = list[tuple[bytes, bytes]]

LONGEST_ID = 128
_ID_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:=+/-"


class RequestHead:
    """The head of a request.

    Args:
        method: Its method.
        path: Its path below the one that the application is mounted at.
        query: Its query string.
        headers: All headers, for the few that only one operation reads.

    Attributes:
        method: As there.
        path: As there.
        query: As there.
        headers: As there.
        size: Bytes of all headers.
        accept: All `Accept` headers as one.
        content_type: The first `Content-Type`, empty where there is none.
        is_json: Whether any `Content-Type` is one of JSON.
        length: Announced bytes of the body; None where it comes in chunks of unknown number.
        authorization: Every `Authorization`.
        parameters: What stands in the places of a path template.
    """

    def __init__(self, method: str, path: str, query: bytes, headers: RawHeaders) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.parameters: Mapping[str, Any] = {}
        self.size = 0
        values = dict[bytes, list[bytes]]()
        for name, value in headers:
            self.size += len(name) + len(value)
            values.setdefault(name, []).append(value)
        self._values = values
        kinds = values.get(b"content-type", ())
        # Repeated `Accept` headers mean the same as one with commas.
        self.accept = b", ".join(values.get(b"accept", ())).decode("latin-1")
        self.content_type = kinds[0].decode("latin-1") if kinds else ""
        self.is_json = any(b"json" in kind.lower() for kind in kinds) if kinds else False
        length = self.last(b"content-length", "0")
        # Servers refuse lengths of anything but digits.
        self.length = None if b"transfer-encoding" in values else int(length) if length.isdigit() else 0
        self.authorization = values.get(b"authorization", ())

    @classmethod
    def of(cls, scope: Scope) -> "RequestHead":
        """Return the head of the request that an ASGI scope describes."""
        return cls(scope["method"], path_of(scope), scope["query_string"], scope["headers"])

    def last(self, name: bytes, default: str = "") -> str:
        """Return the value of a header, the last one of several, or `default` where there is none."""
        values = self._values.get(name)
        return values[-1].decode("latin-1") if values else default

    @property
    def has_body(self) -> bool:
        """Whether a body was announced, by its length or by coming in chunks."""
        return self.length != 0

    @property
    def id(self) -> bytes | None:
        """`X-Request-ID`, None where there is none that a log can hold."""
        for value in self._values.get(b"x-request-id", ()):
            if 0 < len(value) <= LONGEST_ID and not value.translate(None, _ID_CHARACTERS):
                return value
        return None

    @property
    def trace(self) -> dict[str, str]:
        """Headers of the W3C trace context."""
        names = (b"traceparent", b"tracestate")
        return {name.decode(): self.last(name) for name in names if name in self._values}


def path_of(scope: Scope) -> str:
    """Return the path of a request below the one that the application is mounted at."""
    path: str = scope["path"]
    root = scope.get("root_path")
    return path[len(root) :] or "/" if root and f"{path}/".startswith(f"{root}/") else path
