"""How both clients send: where, as whom, with which deadline, and how what comes back is judged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from glyphvae import __version__
from glyphvae.client.call import Answer, Call, Request
from glyphvae.client.errors import BrokenAnswerError, ProblemError, problem_of
from glyphvae.client.retry import Attempts, Retry

Result = TypeVar("Result")

# Seconds after which nobody waits for the answer, so that the service drops what it has not begun.
DEADLINE = "X-Request-Timeout"


@dataclass(frozen=True)
class Policy:
    """What a client was told when it was made.

    Attributes:
        url: Where the service is.
        key: For a service that wants one.
        timeout: Seconds, None for no limit.
        retry: When calls are repeated.
    """

    url: str
    key: str | None
    timeout: float | None
    retry: Retry

    def attempts(self, *, streamed: bool = False) -> Attempts:
        """The requests of one call; a streamed answer may take as long as it takes."""
        return Attempts(self.retry, self.timeout, time.monotonic, streamed=streamed)

    def arguments(self, request: Request, attempts: Attempts) -> dict[str, Any]:
        """The arguments of `httpx.Client.build_request` for the next attempt.

        Raises:
            DeadlineExceededError: There is no time left for one.
        """
        arguments = request.arguments()
        left = attempts.remaining()
        headers = arguments["headers"] | {"User-Agent": f"glyphvae/{__version__}"}
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
    """Turns what breaks an answer off into errors of ours."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise attempts.exceeded() from error
    except httpx.RequestError as error:
        raise BrokenAnswerError(f"the answer broke off: {str(error) or type(error).__name__}") from error


def checked(piece: bytes, attempts: Attempts) -> bytes:
    """`piece`, which came in time.

    Raises:
        DeadlineExceededError: It did not.
    """
    attempts.remaining()
    return piece


def finish(call: Call[Result], response: httpx.Response, content: bytes) -> Result:
    """The result of an answer that was read to its end.

    Raises:
        ProblemError: It is an error.
        BrokenAnswerError: It cannot be read.
    """
    if not response.is_success and response.status_code not in call.also:
        raise problem(response, content)
    return call.result(Answer(response.status_code, response.headers, content))


def problem(response: httpx.Response, content: bytes) -> ProblemError:
    """The error that an answer stands for."""
    return problem_of(response.status_code, response.reason_phrase, response.headers, content)


def verdict(response: httpx.Response, also: frozenset[int], attempts: Attempts) -> float | None:
    """Seconds to wait before asking again, None where the answer stands; `also` are statuses that do."""
    if response.status_code in also:
        return None
    return attempts.after_answer(response.status_code, response.headers.get("retry-after"))
