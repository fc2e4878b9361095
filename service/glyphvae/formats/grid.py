"""Image grids of glyphs, and enlarged images."""

from math import ceil, isqrt

import numpy as np
from numpy import uint8
from numpy.typing import NDArray
from PIL import Image


def grid(n: int) -> tuple[int, int]:
    """Return (rows, columns) of the smallest nearly square grid for `n` >= 1 glyphs, with no more rows than columns."""
    columns = isqrt(n - 1) + 1
    return ceil(n / columns), columns


def compose(pixels: NDArray[uint8], rows: int, columns: int, gap: int = 0) -> NDArray[uint8]:
    """Arrange glyphs in an image grid, row by row; empty cells are paper.

    Args:
        pixels: (n, height, width) with n <= rows x columns.
        rows: Rows of the grid, >= 1.
        columns: Columns of the grid, >= 1.
        gap: Pixels of paper between glyphs.

    Returns:
        (rows (height + gap) - gap, columns (width + gap) - gap).
    """
    n, height, width = pixels.shape
    cells = np.zeros((rows * columns, height + gap, width + gap), uint8)
    cells[:n, :height, :width] = pixels
    lines = cells.reshape(rows, columns, height + gap, width + gap).swapaxes(1, 2)
    picture = lines.reshape(rows * (height + gap), columns * (width + gap))
    return picture[: picture.shape[0] - gap, : picture.shape[1] - gap]


def upscale(pixels: NDArray[uint8], scale: int) -> NDArray[uint8]:
    """Enlarge an image smoothly.

    Args:
        pixels: (height, width).
        scale: >= 1.

    Returns:
        (scale height, scale width); `pixels` itself at scale 1.
    """
    if scale == 1:
        return pixels
    height, width = pixels.shape
    # Bicubic, because Lanczos rings: it puts a faint second outline around every stroke.
    enlarged = Image.fromarray(pixels).resize((width * scale, height * scale), Image.Resampling.BICUBIC)
    return np.asarray(enlarged)
