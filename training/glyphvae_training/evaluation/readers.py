"""Two small networks that read characters, for nothing but the bars (`glyphvae_training.evaluation.bars`).

No model is trained with them or chosen by them, so that none can be made for them. What is fixed, so that figures of
models compare:

- convolutional: three convolutions with strides and one linear layer on the pixels, 0.2 M parameters, with shifts of up
  to a pixel; 250,000 images.
- cosines: three linear layers on the lowest 12×12 coefficients of each image's discrete cosine transform, 0.12 M
  parameters. It sees neither edges nor any texture finer than 2.3 pixels; 500,000 images.

Both are trained on real characters of the training part, every label equally often, with batches of 256, AdamW with
decay, one cycle of the learning rate, and seed 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dctn
from torch import Tensor, nn
from torch.nn import functional

from glyphvae_training.data.dataset import Split
from glyphvae_training.judges.judge import convolution, linear
from glyphvae_training.judges.judge_training import initialised
from glyphvae_training.measures.reading import Reading
from glyphvae_training.progress import Progress, no_progress

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

BATCH = 256
PEAK_RATE = 3e-3
WEIGHT_DECAY = 0.02
SEED = 0
COSINES = 12


@dataclass(frozen=True)
class Kind:
    """A network and its training.

    Attributes:
        build: Makes the untrained network from the number of labels.
        see: Converts images uint8 (n, 28, 28) to the network's input, float32.
        moved: Whether training images are shifted.
        images: How many training images it sees, repetitions counted.
    """

    build: Callable[[int], nn.Sequential]
    see: Callable[[Pixels], Tensor]
    moved: bool
    images: int


def convolutional(labels: int) -> nn.Sequential:
    """Build the network that sees pixels."""
    return nn.Sequential(
        convolution(1, 32, 3, 2),  # (n, 32, 14, 14)
        convolution(32, 64, 3, 2),  # (n, 64, 7, 7)
        convolution(64, 96, 3, 2),  # (n, 96, 4, 4)
        nn.Flatten(),  # (n, 1536)
        nn.Linear(96 * 4 * 4, labels),
    )


def dense(labels: int) -> nn.Sequential:
    """Build the network that sees cosines."""
    return nn.Sequential(linear(COSINES**2, 256), linear(256, 256), nn.Linear(256, labels))


def pixels(images: Pixels) -> Tensor:
    """Return ink from 0 to 1, (n, 1, 28, 28)."""
    return torch.from_numpy(images).unsqueeze(1).float() / 255


def cosines(images: Pixels) -> Tensor:
    """Return the lowest coefficients of the cosine transform, (n, 144)."""
    found = dctn(images.astype(np.float32) / 255, axes=(1, 2), norm="ortho")
    return torch.from_numpy(np.ascontiguousarray(found[:, :COSINES, :COSINES]).reshape(len(images), -1))


KINDS = {
    "convolutional": Kind(convolutional, pixels, moved=True, images=250_000),
    "cosines": Kind(dense, cosines, moved=False, images=500_000),
}


def network_reading(
    kind: Kind, train: Split, real: Split, images: int | None = None, progress: Progress = no_progress
) -> Reading:
    """Train a network and let it read real characters that it has not seen.

    Args:
        kind: Of the network.
        train: Real characters with labels from 0, at least one of each.
        real: Others.
        images: That it sees in training; by default as many as its kind.
        progress: Called with the batches done and the batches in all.
    """
    network = trained(kind, train, images or kind.images, progress)
    return Reading(np.unique(train.labels), real.labels, scores(kind, network, real.images), reader_of(kind, network))


def reader_of(kind: Kind, network: nn.Module) -> Callable[[Pixels], list[Floats]]:
    """Return a function that reads images, as `Reading` wants it."""
    return lambda images: [scores(kind, network, images)]


def trained(kind: Kind, train: Split, images: int, progress: Progress = no_progress) -> nn.Sequential:
    """Train a network of a kind; arguments as for `network_reading`."""
    classes = [torch.from_numpy(np.flatnonzero(train.labels == label)) for label in np.unique(train.labels)]
    generator = torch.Generator().manual_seed(SEED)
    network = initialised(kind.build, len(classes), SEED)
    batches = max(2, images // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, total_steps=batches)
    sizes = torch.tensor([len(rows) for rows in classes])
    starts, rows = sizes.cumsum(0) - sizes, torch.cat(classes)
    for done in range(1, batches + 1):
        target = torch.randint(len(classes), (BATCH,), generator=generator)
        index = rows[starts[target] + (torch.rand(BATCH, generator=generator) * sizes[target]).long()]
        x = kind.see(train.images[index.numpy()])
        if kind.moved:
            right, down = (torch.randint(3, (2,), generator=generator) - 1).tolist()
            x = torch.roll(x, (down, right), (2, 3)).contiguous(memory_format=torch.channels_last)
        loss = functional.cross_entropy(network(x), target)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        progress(done, batches)
    return network.eval()


@torch.inference_mode()
def scores(kind: Kind, network: nn.Module, images: Pixels) -> Floats:
    """Return logits of images uint8 (n, 28, 28): float32 (n, labels)."""
    starts = range(0, len(images), BATCH)
    return np.concatenate([network(kind.see(images[start : start + BATCH])).numpy() for start in starts])
