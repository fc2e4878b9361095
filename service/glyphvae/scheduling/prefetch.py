"""Work done ahead, in batches that grow with demand."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")

# A decoder costs next to no less per glyph in larger batches, and making this many at once delays nobody by more than
# half a millisecond.
LARGEST_BATCH = 32


class Pool(Generic[Item]):
    """Items made ahead; each is taken once.

    The first batch is a single item and every further one twice as large, so that little is made in vain where little
    is asked for.

    Args:
        make: Makes the given number of items.
    """

    def __init__(self, make: Callable[[int], Sequence[Item]]) -> None:
        self._make = make
        self._ready: deque[Item] = deque()
        self._batch = 1

    def __len__(self) -> int:
        """How many are ready."""
        return len(self._ready)

    def take(self) -> Item:
        """An item that nobody had before."""
        if not self._ready:
            self._ready.extend(self._make(self._batch))
            self._batch = min(2 * self._batch, LARGEST_BATCH)
        return self._ready.popleft()
