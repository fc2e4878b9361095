"""Calls as data: the request and the function that reads the response, shared by both clients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from glyphvae.client.errors import BrokenResponseError

Result = TypeVar("Result")
Item = TypeVar("Item")

# Names and bytes of files, as httpx takes them for a multipart body.
Files = list[tuple[str, tuple[str, bytes]]]


@dataclass(frozen=True)
class Response:
    """A complete response.

    Attributes:
        status: The HTTP status code.
        headers: The headers, by lower-case name.
        content: The body.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def model(self) -> str:
        """Name and version of the model that was used, `cvae/1`."""
        return self.headers.get("glyphvae-model", "")

    @property
    def seed(self) -> int | None:
        """The seed that reproduces the result, None if nothing was sampled."""
        return int(self.headers["glyphvae-seed"]) if "glyphvae-seed" in self.headers else None


@dataclass(frozen=True)
class Request:
    """A request.

    Attributes:
        method: `GET` or `POST`.
        path: The path on the service.
        accept: The requested media type.
        query: The query parameters; None omits a parameter, and a list repeats it.
        json: The JSON body, if any.
        content: The body as bytes, if any.
        files: The files of a multipart body, if any.
    """

    method: str
    path: str
    accept: str = "application/json"
    query: Mapping[str, Any] | None = None
    json: Mapping[str, Any] | None = None
    content: bytes | None = None
    files: Files | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `httpx.Client.build_request`."""
        head = {"method": self.method, "url": self.path, "headers": {"Accept": self.accept}}
        json = None if self.json is None else given(self.json)
        return head | {"params": given(self.query or {}), "json": json, "content": self.content, "files": self.files}


@dataclass(frozen=True)
class Call(Generic[Result]):
    """A request whose response is read as a whole.

    Attributes:
        request: The request.
        read: Converts the response to the result.
        also: Status codes besides success that `read` accepts.
    """

    request: Request
    read: Callable[[Response], Result]
    also: frozenset[int] = frozenset()

    def result(self, response: Response) -> Result:
        """Convert `response` to the result.

        Raises:
            BrokenResponseError: It is not a valid response to the request.
        """
        try:
            return self.read(response)
        except (ValueError, KeyError, TypeError) as error:
            raise BrokenResponseError(f"the response to {self.request.path} cannot be read: {error}") from error


@dataclass(frozen=True)
class Stream(Generic[Item]):
    """A request whose response is read while it arrives.

    Attributes:
        request: The request.
        reader: Returns a new function that takes the next bytes and returns the items that they complete.
    """

    request: Request
    reader: Callable[[], Callable[[bytes], Iterable[Item]]]


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `values` that are not None, so that the service's defaults apply to the others."""
    return {name: value for name, value in values.items() if value is not None}
