"""A request that a benchmark sends, and its answer."""

import http.client
from dataclasses import dataclass, field
from time import perf_counter

JSON = "application/json"


@dataclass(frozen=True)
class Tail:
    """The end of a path that is new in every request.

    Attributes:
        lua: An expression for wrk; `counter` counts its requests.
        example: What it may look like.
    """

    lua: str
    example: str


@dataclass(frozen=True)
class Call:
    """One kind of request.

    Attributes:
        name: What tables call it.
        path: With the query.
        body: Sent as it is.
        headers: Beside `Host` and `Content-Length`.
        tail: The varying end of the path, if any.
        method: Of HTTP.
    """

    name: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    tail: Tail | None = None
    method: str = "POST"

    @property
    def example(self) -> str:
        """A path as it may be sent."""
        return self.path + (self.tail.example if self.tail else "")

    def raw(self) -> bytes:
        """The request as HTTP/1.1."""
        headers = {"Host": "127.0.0.1", "Content-Length": str(len(self.body))} | self.headers
        lines = [f"{self.method} {self.example} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: Of HTTP.
        content: The body.
        seconds: From sending to the last byte.
    """

    status: int
    content: bytes
    seconds: float


def exchange(connection: http.client.HTTPConnection, call: Call) -> Answer:
    """Send one request over a connection and read its answer."""
    start = perf_counter()
    connection.request(call.method, call.example, call.body or None, call.headers)
    response = connection.getresponse()
    content = response.read()
    return Answer(response.status, content, perf_counter() - start)
