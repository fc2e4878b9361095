"""What the desks share: they take the bodies of the commonest requests, and answer those of one turn together.

`glyphvae.web.picture_desk` reads pictures, `glyphvae.web.text_desk` writes texts. What is not plain, or goes wrong, they leave to
the endpoint, which words every error.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from starlette.types import Scope

from glyphvae.api.responses import Headers
from glyphvae.observability.access_log import Work
from glyphvae.scheduling.turns import Turns

# Turns of the event loop that may be full of those who wait, and seconds that the first of them may have waited. Others
# wait in the queue of `Admission`, which knows their deadlines and whom to refuse.
TURNS = 8
LONGEST_WAIT = 0.05
# A longer `Accept` is not worth keeping what it means.
LONGEST_ACCEPT = 256

_TIMEOUT = b"x-request-timeout"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a desk answers.

    Attributes:
        model: The title of the model that made it.
        headers: Its own.
        media: The type of its content.
        content: The content.
        work: What it took.
    """

    model: str
    headers: Headers
    media: str
    content: bytes
    work: Work


class Customer(Protocol):
    """Whoever waits for the answer."""

    def has_left(self) -> bool:
        """Whether it waits no longer."""

    def send(self, answer: Answer) -> None:
        """The answer."""

    def start_over(self) -> None:
        """The endpoint has to answer."""


# Takes a request's body, to answer on the event loop's next turn; False where the endpoint has to answer.
Taker = Callable[[bytes, Customer], bool]


@dataclass(frozen=True, slots=True)
class Order:
    """What waits at a desk.

    Attributes:
        customer: For whom.
        since: When it came, by `perf_counter`.
    """

    customer: Customer
    since: float

    def has_left(self) -> bool:
        """Whether nobody waits any longer."""
        return self.customer.has_left()


Waiter = TypeVar("Waiter", bound=Order)


def has_room(turns: Turns[Waiter], now: float) -> bool:
    """Whether one more may wait at a desk, rather than in the queue."""
    oldest = turns.oldest
    return len(turns) < TURNS * turns.most and (oldest is None or now - oldest.since <= LONGEST_WAIT)


def start_over(orders: Iterable[Order]) -> None:
    """Leave orders to the endpoint."""
    for order in orders:
        order.customer.start_over()


def accept_of_plain(scope: Scope, kinds: Collection[bytes], limit: int) -> str | None:
    """What a request takes, empty where it does not say.

    Args:
        scope: The request, as ASGI describes it.
        kinds: Content types that its body may have; an empty one stands for none.
        limit: Bytes that its body may have.

    Returns:
        Its `Accept`; None where it is no POST, has another body, or comes with a time limit of its own.
    """
    if scope["method"] != "POST":
        return None
    accept: list[bytes] = []
    kind = b""
    size = 0
    for name, value in scope["headers"]:
        if name == b"content-length":
            size = int(value)  # the parser lets nothing but digits through
        elif name == b"accept":
            accept.append(value)
        elif name in {b"transfer-encoding", _TIMEOUT} or (name == b"content-type" and kind):
            return None
        elif name == b"content-type":
            kind = value
    wanted = b", ".join(accept)
    plain = kind in kinds and 0 < size <= limit and len(wanted) <= LONGEST_ACCEPT
    return wanted.decode("latin-1") if plain else None
