"""A request's claim to be worked on: until when, and whether anybody still waits for the answer."""

from collections.abc import Callable
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING

from glyphvae.errors import Busy, DeadlineExceeded, GlyphvaeError

if TYPE_CHECKING:
    from glyphvae.scheduling.worker_pool import Lane

# A full queue is worked off in about a second.
RETRY = {"Retry-After": "1"}


class ClientGoneError(GlyphvaeError):
    """Nobody waits for the answer any more."""


class Ticket:
    """One request, as queues see it.

    Args:
        seconds: How long queueing and running may take together; what the client takes to send its body, or to read
            its answer, does not count.
        threads: Where the request's own long work runs.
        gone: Whether the client has left.

    Attributes:
        admitted: Whether a queue has taken a piece of its work. The pieces after that are never refused: an answer
            that has been begun is finished.
        refused: Why it got no answer: `busy`, `deadline` or `gone`; None as long as it may get one.
        held: Bytes of its body that are in memory.
    """

    __slots__ = ("_dropped", "_expires", "_gone", "_seconds", "admitted", "held", "refused", "threads")

    def __init__(self, seconds: float, threads: "Lane", gone: Callable[[], bool]) -> None:
        self.threads = threads
        self.admitted = False
        self.refused: str | None = None
        self.held = 0
        self._seconds = seconds
        self._expires = monotonic() + seconds
        self._gone = gone
        self._dropped = False

    @property
    def remaining(self) -> float:
        """Seconds until the deadline, negative after it."""
        return self._expires - monotonic()

    def pause(self, seconds: float) -> None:
        """Move the deadline by the time that the client took."""
        self._expires += seconds

    def renew(self) -> None:
        """Begin anew, as after each piece of an answer in pieces."""
        self._expires = monotonic() + self._seconds

    def drop(self) -> None:
        """Nobody waits for what still runs."""
        self._dropped = True

    def check(self) -> None:
        """Refuse to go on in vain; any thread may ask.

        Raises:
            ClientGoneError: The client has left, or the answer was given up.
            DeadlineExceeded: Time is up.
        """
        if self._dropped or self._gone():
            self.refused = self.refused or "gone"
            raise ClientGoneError
        if monotonic() > self._expires:
            raise self.expired()

    def expired(self) -> DeadlineExceeded:
        """The answer after the deadline."""
        self.refused = "deadline"
        return DeadlineExceeded(f"No answer within {self._seconds:g} seconds.", headers=RETRY)

    def busy(self, detail: str) -> Busy:
        """The answer where a queue is full."""
        self.refused = "busy"
        return Busy(detail, headers=RETRY)


# Set by `Admission`; None outside a request, and in requests for a single glyph.
current: ContextVar[Ticket | None] = ContextVar("ticket", default=None)


def checkpoint() -> None:
    """Between two pieces of work: refuse to go on in vain, as `Ticket.check`."""
    ticket = current.get()
    if ticket is not None:
        ticket.check()
