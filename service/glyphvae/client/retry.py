"""The retry policy, as arithmetic that neither waits nor sends."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from glyphvae.client.errors import DeadlineExceededError, NoResponseError, retry_after

# Status codes after which any call may be repeated, because the service stores nothing.
BUSY = frozenset({429, 503})


@dataclass(frozen=True)
class Retry:
    """A retry policy with exponential backoff.

    Calls change nothing on the service, so each may be repeated. They are retried if no response began, because the
    connection failed or closed, and if the service was busy (429, 503), but not if a response is incomplete.

    The wait is a random share ("full jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)
    of `first * 2 ** retry`, at most `longest`, so that clients that were refused together do not return together. It is
    added to the value of `Retry-After`.

    Attributes:
        attempts: Maximum number of requests per call, 1 for no retries.
        first: Upper limit of the first wait, in seconds.
        longest: Upper limit of every wait, in seconds.
        generator: The random generator.
    """

    attempts: int = 4
    first: float = 0.1
    longest: float = 5.0
    generator: random.Random = field(default_factory=random.Random, compare=False)

    def wait(self, retry: int, asked: float | None) -> float:
        """Return the seconds to wait before a retry.

        Args:
            retry: Number of retries before this one.
            asked: Seconds in `Retry-After`, if present.
        """
        return (asked or 0.0) + self.generator.uniform(0, min(self.longest, self.first * 2**retry))


class Attempts:
    """The attempts of one call.

    Args:
        retry: The retry policy.
        timeout: Seconds for all attempts together, None for no limit.
        clock: A monotonic clock, in seconds.
        streamed: True if the response is read while it arrives, which has no overall time limit.
    """

    def __init__(
        self, retry: Retry, timeout: float | None, clock: Callable[[], float], *, streamed: bool = False
    ) -> None:
        self._retry = retry
        self._timeout = timeout
        self._clock = clock
        self._end = None if timeout is None or streamed else clock() + timeout
        self._made = 0

    def remaining(self) -> float | None:
        """Return the remaining seconds, None without a limit.

        Raises:
            DeadlineExceededError: The deadline has passed.
        """
        if self._end is None:
            return None
        left = self._end - self._clock()
        if left <= 0:
            raise self.exceeded()
        return left

    def exceeded(self) -> DeadlineExceededError:
        """Return the error of a call that takes too long."""
        return DeadlineExceededError(f"no response within {self._timeout} s")

    def after_failure(self, error: httpx.TransportError) -> float:
        """Return the seconds to wait after a request without a response.

        Raises:
            DeadlineExceededError: The deadline has passed, or would pass during the wait.
            NoResponseError: There are no attempts left.
        """
        # Another attempt to connect may reach another replica, but a response that takes too long exceeds the deadline.
        if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
            raise self.exceeded() from error
        if not self._may_repeat() or isinstance(error, httpx.UnsupportedProtocol):
            raise NoResponseError(f"no response: {str(error) or type(error).__name__}") from error
        wait = self._retry.wait(self._made - 1, None)
        if not self._in_time(wait):
            raise self.exceeded()
        return wait

    def after_response(self, status: int, asked: str | None) -> float | None:
        """Return the seconds to wait after a response, None to keep it.

        Args:
            status: The status code.
            asked: The `Retry-After` header.
        """
        if status not in BUSY or not self._may_repeat():
            return None
        wait = self._retry.wait(self._made - 1, retry_after(asked))
        # Without time for another attempt the refusal is kept, because it says more than a timeout.
        return wait if self._in_time(wait) else None

    def _may_repeat(self) -> bool:
        self._made += 1
        return self._made < self._retry.attempts

    def _in_time(self, wait: float) -> bool:
        return self._end is None or self._clock() + wait < self._end
