import numpy as np
import pytest
import torch

from glyphvae_training.data.batches import Batches, balanced_order
from glyphvae_training.data.dataset import Split

CPU = torch.device("cpu")
# As far from balanced as the capitals are: 382 K against 4,156 O.
COUNTS = (3, 10, 30, 5)


def split() -> Split:
    """Images whose first pixel is their index."""
    labels = np.repeat(np.arange(len(COUNTS)), COUNTS)
    images = np.zeros((len(labels), 28, 28), np.uint8)
    images[:, 0, 0] = np.arange(len(labels))
    return Split(images, labels)


def rows(batches: Batches) -> list[int]:
    return [round(value * 255) for batch in batches for value in batch.x[:, 0, 0].tolist()]


def test_pixels_become_floats_from_0_to_1() -> None:
    (batch,) = Batches(Split(np.full((2, 28, 28), 51, np.uint8), np.array([1, 0])), 2, CPU)
    assert batch.x.dtype == torch.float32
    assert batch.x.shape == (2, 28, 28)
    torch.testing.assert_close(batch.x, torch.full((2, 28, 28), 0.2))
    assert batch.label.tolist() == [1, 0]


def test_without_a_seed_it_is_the_split_as_it_is() -> None:
    batches = Batches(split(), 20, CPU)
    assert [len(batch.label) for batch in batches] == [20, 20, 8]
    assert len(batches) == 3
    assert rows(batches) == list(range(48))


def test_a_shuffled_epoch_sees_every_image_once() -> None:
    batches = Batches(split(), 12, CPU, seed=3)
    order = rows(batches)
    assert sorted(order) == list(range(48))
    assert order != list(range(48))


def test_drawing_leaves_out_the_last_smaller_batch() -> None:
    batches = Batches(split(), 20, CPU, seed=3)
    assert [len(batch.label) for batch in batches] == [20, 20]
    assert len(batches) == 2


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    first, again = Batches(split(), 12, CPU, seed=3), Batches(split(), 12, CPU, seed=3)
    orders = []
    for epoch in (0, 1, 2):
        first.set_epoch(epoch)
        orders.append(rows(first))
    again.set_epoch(2)
    assert rows(again) == orders[2]
    assert orders[0] != orders[1] != orders[2]
    assert rows(Batches(split(), 12, CPU, seed=4)) != orders[0]


def test_classes_are_balanced() -> None:
    batches = Batches(split(), 12, CPU, seed=0, balanced=True)
    labels = torch.cat([batch.label for batch in batches])
    assert torch.bincount(labels).tolist() == [12, 12, 12, 12]


def test_a_small_class_comes_round_evenly_and_a_large_one_without_repeats() -> None:
    labels = torch.tensor(split().labels)
    order = balanced_order(labels, torch.Generator().manual_seed(0))
    seen = torch.bincount(order, minlength=48)
    assert seen[labels == 0].tolist() == [4, 4, 4]
    assert sorted(seen[labels == 1].tolist()) == [1] * 8 + [2] * 2
    assert seen[labels == 2].max() == 1


def test_a_balanced_epoch_is_mixed() -> None:
    labels = torch.tensor(split().labels)
    drawn = labels[balanced_order(labels, torch.Generator().manual_seed(0))]
    assert len(torch.unique(drawn[:12])) > 1


@pytest.mark.parametrize("seed", [None, 5])
def test_processes_share_each_batch(seed: int | None) -> None:
    whole = list(Batches(split(), 12, CPU, seed=seed, balanced=seed is not None))
    parts = [Batches(split(), 12, CPU, seed=seed, balanced=seed is not None, rank=rank, world=2) for rank in (0, 1)]
    for batch, first, second in zip(whole, *parts, strict=True):
        assert len(first.label) == len(second.label) == 6
        assert torch.equal(torch.stack([first.x, second.x], 1).flatten(0, 1), batch.x)
