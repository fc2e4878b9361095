"""Work done ahead, in batches that grow with demand."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")

# A decoder costs least per glyph from here on, and making this many at once delays nobody by more than a few
# milliseconds.
LARGEST_BATCH = 64


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

    def take(self) -> Item:
        """An item that nobody had before."""
        if not self._ready:
            self._ready.extend(self._make(self._batch))
            self._batch = min(2 * self._batch, LARGEST_BATCH)
        return self._ready.popleft()
