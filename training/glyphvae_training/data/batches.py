"""Batches of tensors that stay on the device: one index tensor per batch, no Python per image."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from glyphvae_training.data.dataset import Split


class Batch(NamedTuple):
    """A batch as models take it: `x` (n, 28, 28) float32 in [0, 1] and `label` (n,) int64."""

    x: Tensor
    label: Tensor


class Batches:
    """Iterable over the batches of one split.

    The order is a function of the seed and the epoch alone, so a resumed run sees the batches it would have seen; every
    process of a distributed run takes its own slice of each batch.

    Args:
        split: The images and labels.
        batch_size: Images in a batch, over all processes.
        device: Where the images are kept.
        seed: Of the order; None for the order of the split, without drawing.
        balanced: Draw every class equally often, however many images it has. An epoch has as many images as the split.
        rank: Index of this process.
        world: Number of processes.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        device: torch.device,
        *,
        seed: int | None = None,
        balanced: bool = False,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self._images = torch.from_numpy(split.images.copy()).to(device)
        self._labels = torch.from_numpy(split.labels.copy()).to(device)
        self._batch_size = batch_size
        self._seed = seed
        self._balanced = balanced
        self._shard = slice(rank, None, world)
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next; Lightning calls this too."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Return the number of batches in an epoch; a smaller last batch is left out when drawing."""
        whole, rest = divmod(len(self._labels), self._batch_size)
        return whole + (self._seed is None and rest > 0)

    def __iter__(self) -> Iterator[Batch]:
        order = self._order().to(self._labels.device)
        for index in range(len(self)):
            rows = order[index * self._batch_size : (index + 1) * self._batch_size][self._shard]
            yield Batch(self._images[rows].float() / 255, self._labels[rows])

    def _order(self) -> Tensor:
        count = len(self._labels)
        if self._seed is None:
            return torch.arange(count)
        # Two words of one stream would be correlated for neighbouring seeds; this keeps epochs of seeds apart.
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        if not self._balanced:
            return torch.randperm(count, generator=generator)
        return balanced_order(self._labels.cpu(), generator)


def balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Return as many rows as there are labels, with every class equally often.

    A class with fewer images than its share comes round again, each round in a new order, so that within a round every
    image is drawn once.

    Args:
        labels: (n,) int64.
        generator: Draws the order.

    Returns:
        (n,) int64 indices into `labels`.
    """
    classes = torch.bincount(labels).nonzero().squeeze(1)
    share = -(-len(labels) // len(classes))
    drawn = []
    for label in classes:
        rows = torch.nonzero(labels == label).squeeze(1)
        rounds = -(-share // len(rows))
        shuffled = [rows[torch.randperm(len(rows), generator=generator)] for _ in range(rounds)]
        drawn.append(torch.cat(shuffled)[:share])
    whole = torch.cat(drawn)
    return whole[torch.randperm(len(whole), generator=generator)][: len(labels)]
