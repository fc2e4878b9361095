"""Image grids of glyphs as PNG files."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from glyphvae_training.models.families import Model

Pixels = NDArray[np.uint8]


def save_grid(path: Path, pixels: Pixels, columns: int, scale: int = 2) -> None:
    """Write glyphs (n, 28, 28), paper 0 and ink 255, row by row as dark ink on white paper."""
    rows = -(-len(pixels) // columns)
    cells = np.zeros((rows * columns, 28, 28), dtype=np.uint8)
    cells[: len(pixels)] = pixels
    grid = cells.reshape(rows, columns, 28, 28).transpose(0, 2, 1, 3).reshape(rows * 28, columns * 28)
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(255 - grid)
    image.resize((image.width * scale, image.height * scale), Image.Resampling.LANCZOS).save(path, optimize=True)


@torch.inference_mode()
def sample(model: Model, label: torch.Tensor, generator: torch.Generator, temperature: float = 1.0) -> Pixels:
    """Draw one glyph from the prior for each of `label` (n,) int64: uint8 (n, 28, 28).

    An unconditional model ignores the values of `label`; its number of rows counts.
    """
    z = temperature * torch.randn(len(label), model.config.latent_size, generator=generator)
    z = z.to(label.device)
    logits = model.decode(z) if model.kind == "vae" else model.decode(z, label)
    return (torch.sigmoid(logits) * 255).round().to(torch.uint8).cpu().numpy()
