"""Work done ahead, in batches that grow with demand."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from glyphvae.scheduling.steps import Execute

Item = TypeVar("Item")

# A decoder costs next to no less per glyph in larger batches, and making this many at once takes less than two
# milliseconds.
LARGEST_BATCH = 64


class Prefetch(Generic[Item]):
    """A batched function that hands out items made ahead, each once.

    The first batch is a single item and every further one twice as large, so that little is made in vain where little
    is asked for.

    Args:
        make: Makes the given number of items.
        model: Name of the model in metrics and traces.
    """

    def __init__(self, make: Callable[[int, Execute], Sequence[Item]], model: str) -> None:
        self.model = model
        self._make = make
        self._ready: deque[Item] = deque()
        self._batch = 1

    def __len__(self) -> int:
        """Return how many items are ready."""
        return len(self._ready)

    def take(self) -> Item | None:
        """Return an item that is ready, None where none is and one has to be called for."""
        return self._ready.popleft() if self._ready else None

    def run(self, calls: Sequence[tuple[()]], execute: Execute) -> Sequence[Item]:
        """Return an item for each call."""
        while len(self._ready) < len(calls):
            self._ready.extend(self._make(self._batch, execute))
            self._batch = min(2 * self._batch, LARGEST_BATCH)
        return [self._ready.popleft() for _ in calls]
