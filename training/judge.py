"""Judges: classifiers trained only on real characters, which tell whether a sample shows its label.

No training or selection of a generative model may use them. There are two, of different architecture, so that a sample
that fools one by its texture does not fool both. A third classifier, the reader, is no judge: `training.refine` learns
from it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

BATCH = 256


class Residual(nn.Module):
    """Two convolutions around a shortcut (He et al. 2015, arXiv:1512.03385, figure 2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels, 3, 1)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) to the same."""
        return functional.relu(x + self.second(self.first(x)))


def convolution(inputs: int, outputs: int, size: int, stride: int) -> nn.Module:
    """Convolution, batch normalisation, ReLU: (n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def linear(inputs: int, outputs: int) -> nn.Module:
    """Linear map, batch normalisation, ReLU: (n, inputs) to (n, outputs)."""
    return nn.Sequential(nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU())


def convolutional(classes: int) -> nn.Sequential:
    """A small residual network; 0.21 M parameters."""
    return nn.Sequential(
        convolution(1, 24, 5, 2),  # (n, 24, 14, 14)
        Residual(24),
        convolution(24, 64, 3, 2),  # (n, 64, 7, 7)
        Residual(64),
        nn.Flatten(),  # (n, 3136)
        nn.Linear(64 * 7 * 7, classes),
    )


def dense(classes: int) -> nn.Sequential:
    """Fully connected layers, which know nothing of neighbouring pixels; 2.4 M parameters."""
    return nn.Sequential(
        nn.Flatten(),  # (n, 784)
        linear(28 * 28, 1024),
        linear(1024, 1024),
        linear(1024, 512),
        nn.Linear(512, classes),
    )


def reader(classes: int) -> nn.Sequential:
    """Two plain convolutions, for refinement, where it has to be quick; 0.2 M parameters."""
    return nn.Sequential(
        convolution(1, 16, 5, 2),  # (n, 16, 14, 14)
        convolution(16, 32, 5, 2),  # (n, 32, 7, 7)
        nn.Flatten(),  # (n, 1568)
        linear(32 * 7 * 7, 128),
        nn.Linear(128, classes),
    )


@dataclass(frozen=True)
class Architecture:
    """A judge to be trained.

    Attributes:
        build: makes the untrained network from the number of classes.
        images: how many training images it sees, repetitions counted.
    """

    build: Callable[[int], nn.Sequential]
    images: int


ARCHITECTURES = {
    "convolutional": Architecture(convolutional, 1_600_000),
    "dense": Architecture(dense, 5_000_000),
    "reader": Architecture(reader, 300_000),
}
JUDGES = ("convolutional", "dense")


class Judge:
    """A trained classifier of characters.

    Attributes:
        architecture: its key in `ARCHITECTURES`.
        labels: the character of each class.
        network: maps float32 (n, 1, 28, 28) in [0, 1] to logits (n, classes); on the CPU, in evaluation mode.
    """

    def __init__(self, architecture: str, labels: Sequence[str], network: nn.Module) -> None:
        self.architecture = architecture
        self.labels = tuple(labels)
        self.network = network.eval()

    def predict(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The most likely index into `labels`, int64 (n,), of images uint8 (n, 28, 28), paper 0, ink 255."""
        with torch.inference_mode():
            parts = torch.split(torch.from_numpy(images), BATCH)
            return torch.cat([self.network(to_input(part)).argmax(1) for part in parts]).numpy()


def to_input(images: Tensor) -> Tensor:
    """Images uint8 (n, 28, 28) as a judge reads them: float32 (n, 1, 28, 28) in [0, 1]."""
    return images.unsqueeze(1).float() / 255
