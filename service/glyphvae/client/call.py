"""A call as data: what is sent, and how the answer is read. Sync and async clients share all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from glyphvae.client.errors import BrokenAnswerError

Result = TypeVar("Result")
Item = TypeVar("Item")

# Names and bytes of files, as httpx takes them for a multipart body.
Files = list[tuple[str, tuple[str, bytes]]]


@dataclass(frozen=True)
class Answer:
    """An answer that has been read to its end.

    Attributes:
        status: Its status.
        headers: By lower-case name.
        content: The body.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def model(self) -> str:
        """Name and version of the model that answered, `cvae/1`."""
        return self.headers.get("glyphvae-model", "")

    @property
    def seed(self) -> int | None:
        """The seed that reproduces it, None where nothing was drawn."""
        return self.count("glyphvae-seed")

    def count(self, name: str) -> int | None:
        """A number from a header."""
        return int(self.headers[name]) if name in self.headers else None


@dataclass(frozen=True)
class Request:
    """What is sent.

    Attributes:
        method: `GET` or `POST`.
        path: On the service.
        accept: The media type that is asked for.
        query: Parameters; those that are None stay out, those in lists are repeated.
        json: The JSON body, if it has one.
        content: The body in bytes, if it has one.
        files: The files of a multipart body, if it has one.
    """

    method: str
    path: str
    accept: str = "application/json"
    query: Mapping[str, Any] | None = None
    json: Mapping[str, Any] | None = None
    content: bytes | None = None
    files: Files | None = None

    def arguments(self) -> dict[str, Any]:
        """The arguments of `httpx.Client.build_request`."""
        arguments: dict[str, Any] = {
            "method": self.method,
            "url": self.path,
            "headers": {"Accept": self.accept},
            "params": given(self.query or {}),
        }
        if self.json is not None:
            arguments["json"] = given(self.json)
        bodies = {"content": self.content, "files": self.files}
        return arguments | {name: body for name, body in bodies.items() if body is not None}


@dataclass(frozen=True)
class Call(Generic[Result]):
    """A request whose answer is read as a whole.

    Attributes:
        request: What is sent.
        read: Makes the result.
        also: Statuses besides success that `read` understands.
    """

    request: Request
    read: Callable[[Answer], Result]
    also: frozenset[int] = frozenset()

    def result(self, answer: Answer) -> Result:
        """What `answer` says.

        Raises:
            BrokenAnswerError: It is not what was asked for.
        """
        try:
            return self.read(answer)
        except (ValueError, KeyError, TypeError) as error:
            raise BrokenAnswerError(f"the answer to {self.request.path} cannot be read: {error}") from error


@dataclass(frozen=True)
class Stream(Generic[Item]):
    """A request whose answer is read while it arrives.

    Attributes:
        request: What is sent.
        reader: Makes a function that takes the bytes as they come and gives the items that are complete.
    """

    request: Request
    reader: Callable[[], Callable[[bytes], Iterable[Item]]]


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `values` that are not None, so that the service's own defaults hold for the others."""
    return {name: value for name, value in values.items() if value is not None}
