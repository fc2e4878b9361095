from collections.abc import Sequence

from glyphvae.scheduling.prefetch import LARGEST_BATCH, Pool


class Counter:
    """Makes consecutive numbers and notes how many at a time."""

    def __init__(self) -> None:
        self.made = 0
        self.batches: list[int] = []

    def make(self, count: int) -> Sequence[int]:
        self.batches.append(count)
        self.made += count
        return range(self.made - count, self.made)


def test_every_item_is_taken_once_and_in_order() -> None:
    pool = Pool(Counter().make)
    assert [pool.take() for _ in range(300)] == list(range(300))


def test_nothing_is_made_before_it_is_asked_for() -> None:
    counter = Counter()
    pool = Pool(counter.make)
    assert counter.batches == []
    pool.take()
    assert counter.batches == [1]


def test_batches_double_up_to_the_largest() -> None:
    counter = Counter()
    pool = Pool(counter.make)
    for _ in range(300):
        pool.take()
    assert counter.batches == [1, 2, 4, 8, 16, *[32] * 9]
    assert max(counter.batches) == LARGEST_BATCH
