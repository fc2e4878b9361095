from collections.abc import Sequence

from glyphvae.scheduling.prefetch import LARGEST_BATCH, Prefetch
from glyphvae.scheduling.steps import Call, Execute


class Counter:
    """A source of consecutive numbers that notes how many are made at a time."""

    def __init__(self) -> None:
        self.made = 0
        self.batches: list[int] = []
        self.prefetch = Prefetch(self.make, "cvae")

    def make(self, count: int, _: Execute) -> Sequence[int]:
        self.batches.append(count)
        self.made += count
        return range(self.made - count, self.made)

    def take(self) -> int:
        number: int = Call(self.prefetch, ()).now()
        return number


def test_every_item_is_taken_once_and_in_order_and_batches_double_up_to_the_largest() -> None:
    counter = Counter()
    assert counter.batches == []
    assert [counter.take() for _ in range(300)] == list(range(300))
    assert counter.batches == [1, 2, 4, 8, 16, 32, *[64] * 4]
    assert max(counter.batches) == LARGEST_BATCH
    assert len(counter.prefetch) == sum(counter.batches) - 300


def test_calls_that_come_together_are_answered_together() -> None:
    counter = Counter()
    items = counter.prefetch.run([()] * 5, lambda graph, rows: graph.function(rows))
    assert (items, counter.batches, len(counter.prefetch)) == ([0, 1, 2, 3, 4], [1, 2, 4], 2)
