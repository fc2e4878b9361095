"""The time limit of a request, and whether its client still waits for the response."""

from collections.abc import Callable
from contextvars import ContextVar
from time import monotonic

from glyphvae.errors import Busy, DeadlineExceeded, GlyphvaeError

# A full queue is worked off in about a second.
RETRY = {"Retry-After": "1"}


class ClientGoneError(GlyphvaeError):
    """The client of a request has disconnected."""


class Deadline:
    """The time limit of one request.

    Args:
        seconds: Time for queueing and running together. The time that the client takes to send its body or to read
            the response does not count.
        gone: Returns whether the client has disconnected.

    Attributes:
        admitted: True once a worker pool's queue has taken a piece of the request's work. Later pieces are never
            refused, so that a response that has begun is finished.
        refused: Why there is no response: `busy`, `deadline` or `gone`; None as long as there may be one.
        held: Bytes of the request's body in memory.
    """

    # Defaults of the class, because each assignment costs every request time.
    admitted = False
    refused: str | None = None
    held = 0
    _cancelled = False

    def __init__(self, seconds: float, gone: Callable[[], bool]) -> None:
        self._seconds = seconds
        self._expires = monotonic() + seconds
        self._gone = gone

    @property
    def remaining(self) -> float:
        """Seconds until the time limit, negative after it."""
        return self._expires - monotonic()

    def renew(self) -> None:
        """Start the time limit anew, as for each piece of a streamed response."""
        self._expires = monotonic() + self._seconds

    def cancel(self) -> None:
        """Have work that still runs in a thread stop at its next checkpoint."""
        self._cancelled = True

    def check(self) -> None:
        """Raise where the response is no longer wanted; safe to call from any thread.

        Raises:
            ClientGoneError: The client has disconnected, or the request was given up.
            DeadlineExceeded: The time limit has passed.
        """
        if self._cancelled or self._gone():
            self.refused = self.refused or "gone"
            raise ClientGoneError
        if monotonic() > self._expires:
            raise self.expired()

    def expired(self) -> DeadlineExceeded:
        """Return the error for a passed time limit."""
        self.refused = "deadline"
        detail = (
            f"No response within {self._seconds:g} seconds; "
            "ask again later or for less, or raise the setting `request_timeout`."
        )
        return DeadlineExceeded(detail, headers=RETRY)

    def busy(self, detail: str) -> Busy:
        """Return the error for a full queue."""
        self.refused = "busy"
        return Busy(detail, headers=RETRY)


def _no_beat() -> None:
    """Record nothing."""


# Set in worker threads, for the functions that run there.
current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)
beat: ContextVar[Callable[[], None]] = ContextVar("beat", default=_no_beat)


def checkpoint() -> None:
    """Mark the end of a piece of long work: the thread makes progress, and goes on if the response is still wanted.

    Raises:
        ClientGoneError: As `Deadline.check`.
        DeadlineExceeded: As `Deadline.check`.
    """
    beat.get()()
    deadline = current.get()
    if deadline is not None:
        deadline.check()
