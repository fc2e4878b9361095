"""The interface of a model to experiments: images to latents and back, in NumPy."""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from glyphvae_training.export.exported import Floats
from glyphvae_training.fitting.runs import Run

BATCH = 512


class Coder(Protocol):
    """Interface of exported models (`glyphvae_training.export.exported.Exported`) and finished runs (`Trained`)."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The characters of the labels; empty for an unconditional model."""

    @property
    def latent_size(self) -> int:
        """The number of latents."""

    def encode(self, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return `mu` and `logvar`, float32 (n, latent), of images uint8 (n, 28, 28)."""

    def decode(self, z: Floats, labels: NDArray[np.int64]) -> tuple[NDArray[np.uint8], Floats]:
        """Return `pixels` uint8 and `logits` float32, both (n, 28, 28), of latents float32 (n, latent)."""


class Trained:
    """A finished run as a coder.

    Args:
        run: its model is on the CPU and in evaluation mode.
    """

    def __init__(self, run: Run) -> None:
        self._model = run.model.cpu().eval()
        self.labels = tuple(run.labels) if run.kind != "vae" else ()
        self.latent_size = run.model.config.latent_size

    def encode(self, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return `mu` and `logvar`, float32 (n, latent), of images uint8 (n, 28, 28)."""
        parts = []
        with torch.inference_mode():
            for x, label in batches(pixels, labels):
                parts.append(self._model.encode(x.float() / 255, *self._condition(label)))
        return torch.cat([mu for mu, _ in parts]).numpy(), torch.cat([logvar for _, logvar in parts]).numpy()

    def decode(self, z: Floats, labels: NDArray[np.int64]) -> tuple[NDArray[np.uint8], Floats]:
        """Return `pixels` uint8 and `logits` float32, both (n, 28, 28), of latents float32 (n, latent)."""
        with torch.inference_mode():
            parts = [self._model.decode(part, *self._condition(label)) for part, label in batches(z, labels)]
            logits = torch.cat(parts)
            return (torch.sigmoid(logits) * 255).round().to(torch.uint8).numpy(), logits.numpy()

    def _condition(self, label: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (label,) if self.labels else ()


def batches(inputs: NDArray[np.uint8] | Floats, labels: NDArray[np.int64]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Split inputs and labels into pairs of tensors of `BATCH` rows."""
    parts = (torch.split(torch.from_numpy(array), BATCH) for array in (inputs, labels))
    return list(zip(*parts, strict=True))
