"""The logic that both clients share: request headers, deadlines and the handling of responses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import httpx

from glyphvae.client.call import Call, Request, Response
from glyphvae.client.errors import BrokenResponseError, problem_of
from glyphvae.client.retry import Attempts, Retry

try:
    VERSION = version("glyphvae-client")
except PackageNotFoundError:  # run from a source tree that was never installed
    VERSION = "0+unknown"

Result = TypeVar("Result")

# Header with the remaining seconds, so that the service drops requests that nobody waits for any more.
DEADLINE = "X-Request-Timeout"


@dataclass(frozen=True)
class Policy:
    """The configuration of a client.

    Attributes:
        url: URL of the service.
        key: Bearer key, if the service requires one.
        timeout: Seconds, None for no limit.
        retry: The retry policy.
    """

    url: str
    key: str | None
    timeout: float | None
    retry: Retry

    def attempts(self, *, streamed: bool = False) -> Attempts:
        """Start a call; a streamed response has no overall time limit."""
        return Attempts(self.retry, self.timeout, time.monotonic, streamed=streamed)

    def arguments(self, request: Request, attempts: Attempts) -> dict[str, Any]:
        """Return the arguments of `httpx.Client.build_request` for the next attempt.

        Raises:
            DeadlineExceededError: There is no time left.
        """
        arguments = request.arguments()
        left = attempts.remaining()
        headers = arguments["headers"] | {"User-Agent": f"glyphvae/{VERSION}"}
        if left is not None:
            headers[DEADLINE] = f"{left:.3f}"
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        return arguments | {
            "url": self.url.rstrip("/") + request.path,
            "headers": headers,
            "timeout": self.timeout if left is None else left,
        }


@contextmanager
def reading(attempts: Attempts) -> Iterator[None]:
    """Convert httpx's errors while reading a response to errors of the client."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise attempts.exceeded() from error
    except httpx.RequestError as error:
        raise BrokenResponseError(f"the response is incomplete: {str(error) or type(error).__name__}") from error


def checked(chunk: bytes, attempts: Attempts) -> bytes:
    """Return `chunk` if it arrived before the deadline.

    Raises:
        DeadlineExceededError: The deadline has passed.
    """
    attempts.remaining()
    return chunk


def finish(call: Call[Result], response: httpx.Response, content: bytes) -> Result:
    """Convert a complete response to the result of a call.

    Raises:
        ProblemError: The response is an error.
        BrokenResponseError: The response is invalid.
    """
    if not response.is_success and response.status_code not in call.also:
        raise problem_of(response, content)
    return call.result(Response(response.status_code, response.headers, content))


def retry_delay(response: httpx.Response, also: frozenset[int], attempts: Attempts) -> float | None:
    """Return the seconds to wait before a retry, or None to keep the response, as for status codes in `also`."""
    if response.status_code in also:
        return None
    return attempts.after_response(response.status_code, response.headers.get("retry-after"))
