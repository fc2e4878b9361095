"""The head of a request, as operations see it."""

from collections.abc import Mapping
from types import MappingProxyType
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
        timeout: `X-Request-Timeout`, None where there is none.
        origin: `Origin`, None where there is none.
        authorization: Every `Authorization`.
        id: `X-Request-ID`, None where there is none that a log can hold.
        trace: Headers of the W3C trace context.
        parameters: What stands in the places of a path template.
    """

    # Defaults of the class, because most requests have few headers, and each assignment costs time.
    size = 0
    accept = ""
    content_type = ""
    is_json = False
    length: int | None = 0
    timeout: str | None = None
    origin: str | None = None
    authorization: tuple[bytes, ...] = ()
    id: bytes | None = None
    trace: Mapping[str, str] = MappingProxyType({})
    parameters: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, method: str, path: str, query: bytes, headers: RawHeaders) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers

    @classmethod
    def of(cls, scope: Scope) -> "RequestHead":
        """Return the head of the request that an ASGI scope describes."""
        headers: RawHeaders = scope["headers"]
        head = cls(scope["method"], path_of(scope), scope["query_string"], headers)
        size = 0
        for name, value in headers:
            size += len(name) + len(value)
            read = _READERS.get(name)
            if read is not None:
                read(head, value)
        head.size = size
        return head

    @property
    def has_body(self) -> bool:
        """Whether a body was announced, by its length or by coming in chunks."""
        return self.length != 0


def path_of(scope: Scope) -> str:
    """Return the path of a request below the one that the application is mounted at."""
    path: str = scope["path"]
    root = scope.get("root_path")
    return path[len(root) :] or "/" if root and f"{path}/".startswith(f"{root}/") else path


def _read_accept(head: RequestHead, value: bytes) -> None:
    # Repeated headers mean the same as one with commas.
    text = value.decode("latin-1")
    head.accept = f"{head.accept}, {text}" if head.accept else text


def _read_content_type(head: RequestHead, value: bytes) -> None:
    head.content_type = head.content_type or value.decode("latin-1")
    head.is_json = head.is_json or b"json" in value.lower()


def _read_length(head: RequestHead, value: bytes) -> None:
    if head.length is not None:  # a body in chunks has no other length
        head.length = int(value) if value.isdigit() else 0  # servers refuse anything but digits


def _read_coding(head: RequestHead, _: bytes) -> None:
    head.length = None


def _read_timeout(head: RequestHead, value: bytes) -> None:
    head.timeout = value.decode("latin-1")


def _read_origin(head: RequestHead, value: bytes) -> None:
    head.origin = value.decode("latin-1")


def _read_authorization(head: RequestHead, value: bytes) -> None:
    head.authorization = (*head.authorization, value)


def _read_id(head: RequestHead, value: bytes) -> None:
    if head.id is None and 0 < len(value) <= LONGEST_ID and not value.translate(None, _ID_CHARACTERS):
        head.id = value


def _read_traceparent(head: RequestHead, value: bytes) -> None:
    head.trace = {**head.trace, "traceparent": value.decode("latin-1")}


def _read_tracestate(head: RequestHead, value: bytes) -> None:
    head.trace = {**head.trace, "tracestate": value.decode("latin-1")}


_READERS = {
    b"accept": _read_accept,
    b"content-type": _read_content_type,
    b"content-length": _read_length,
    b"transfer-encoding": _read_coding,
    b"x-request-timeout": _read_timeout,
    b"origin": _read_origin,
    b"authorization": _read_authorization,
    b"x-request-id": _read_id,
    b"traceparent": _read_traceparent,
    b"tracestate": _read_tracestate,
}
