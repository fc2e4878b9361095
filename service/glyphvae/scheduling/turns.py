"""What waits for the event loop's next turn, and is done together there."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Generic, ParamSpec, Protocol, TypeVar

from glyphvae.observability.telemetry import Telemetry
from glyphvae.scheduling.batching import MAX_ROWS

P = ParamSpec("P")

logger = logging.getLogger("glyphvae")


def send_or_log(send: Callable[P, None], *arguments: P.args, **options: P.kwargs) -> None:
    """`send(*arguments)`; where that fails, the others of its turn are sent all the same."""
    try:
        send(*arguments, **options)
    except Exception:
        logger.exception("an answer was not sent")


class Waiting(Protocol):
    """Somebody who waits."""

    def has_left(self) -> bool:
        """Whether nobody does any longer."""


Waiter = TypeVar("Waiter", bound=Waiting)


class Turns(Generic[Waiter]):
    """Collects those who wait, and works for them on the next turn.

    Args:
        work: Given those who have not left, at least one; it must not raise.
        telemetry: Where those who have left are counted.
        most: Taken on each turn.

    Attributes:
        most: Likewise.
    """

    def __init__(self, work: Callable[[Sequence[Waiter]], None], telemetry: Telemetry, most: int = MAX_ROWS) -> None:
        self.most = most
        self._work = work
        self._telemetry = telemetry
        self._waiting: list[Waiter] = []

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def add(self, waiter: Waiter) -> None:
        """One more waits."""
        self._waiting.append(waiter)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._turn)

    @property
    def oldest(self) -> Waiter | None:
        """Who has waited longest."""
        return self._waiting[0] if self._waiting else None

    def put_back(self, waiters: Sequence[Waiter]) -> None:
        """Have some wait for another turn, in front of all others."""
        self._waiting[:0] = waiters
        if len(self._waiting) == len(waiters):  # else a turn is under way already
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        taken = self._waiting[: self.most]
        del self._waiting[: self.most]
        # Between two turns the loop reads requests.
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._turn)
        staying = [waiter for waiter in taken if not waiter.has_left()]
        if len(staying) < len(taken):
            self._telemetry.refused["gone"] += len(taken) - len(staying)
        if staying:
            self._work(staying)
