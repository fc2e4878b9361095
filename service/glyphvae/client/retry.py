"""When a call is tried again, and for how long: the part of calling that neither waits nor sends."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from glyphvae.client.errors import DeadlineExceededError, NoAnswerError, retry_after

# Nothing was computed, or nothing was kept: these may be asked again whatever was asked for.
BUSY = frozenset({429, 503})


@dataclass(frozen=True)
class Retry:
    """How often, and after how long, a call is tried again.

    Every call of this service computes and keeps nothing, so each may be repeated. It is, where no answer began: the
    connection failed or closed, or the service said that it is busy (429, 503). An answer that broke off is not.

    The wait grows as `first * 2 ** retry` up to `longest` and a random share of it is taken ("full jitter",
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that clients that were refused
    together do not come back together. It is added to what `Retry-After` asks for.

    Attributes:
        attempts: Most requests for one call, 1 for no retry.
        first: Seconds.
        longest: Seconds.
        generator: Where the random shares come from.
    """

    attempts: int = 4
    first: float = 0.1
    longest: float = 5.0
    generator: random.Random = field(default_factory=random.Random, compare=False)

    def wait(self, retry: int, asked: float | None) -> float:
        """Seconds before a retry.

        Args:
            retry: How many came before it.
            asked: Seconds that `Retry-After` asked for, if it did.
        """
        return (asked or 0.0) + self.generator.uniform(0, min(self.longest, self.first * 2**retry))


class Attempts:
    """The requests of one call.

    Args:
        retry: How they are repeated.
        timeout: Seconds for all of them together, None for no limit.
        clock: Seconds that only grow.
        streamed: Whether the answer is read while it arrives: then all may take as long as it takes.
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
        """Seconds that are left, None without a limit.

        Raises:
            DeadlineExceededError: None are.
        """
        if self._end is None:
            return None
        left = self._end - self._clock()
        if left <= 0:
            raise self.exceeded()
        return left

    def exceeded(self) -> DeadlineExceededError:
        """The error of a call that takes too long."""
        return DeadlineExceededError(f"no answer within {self._timeout} s")

    def after_failure(self, error: httpx.TransportError) -> float:
        """Seconds to wait after a request that was not answered.

        Raises:
            DeadlineExceededError: The time is over, or would be.
            NoAnswerError: There were enough attempts.
        """
        # A connection that is not made in time may be made elsewhere; an answer that does not come in time is late.
        if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
            raise self.exceeded() from error
        if not self._may_repeat() or isinstance(error, httpx.UnsupportedProtocol):
            raise NoAnswerError(f"no answer: {str(error) or type(error).__name__}") from error
        return self._within(self._retry.wait(self._made - 1, None))

    def after_answer(self, status: int, asked: str | None) -> float | None:
        """Seconds to wait after an answer, None where it stands.

        Args:
            status: Its status.
            asked: Its `Retry-After`.
        """
        if status not in BUSY or not self._may_repeat():
            return None
        wait = self._retry.wait(self._made - 1, retry_after(asked))
        # The refusal says more than that the time was too short for another attempt.
        return wait if self._end is None or self._clock() + wait < self._end else None

    def _may_repeat(self) -> bool:
        self._made += 1
        return self._made < self._retry.attempts

    def _within(self, wait: float) -> float:
        if self._end is not None and self._clock() + wait >= self._end:
            raise self.exceeded()
        return wait
