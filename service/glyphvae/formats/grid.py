"""Image grids of glyphs, and enlarged images."""

from math import ceil, isqrt

import numpy as np
from numpy import uint8
from numpy.typing import NDArray
from PIL import Image

from glyphvae.scheduling.deadline import checkpoint

# Pixels that are enlarged at a time.
STRIP = 1 << 20
# Rows beyond a strip that enlarging reads.
_AROUND = 3


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
    """Enlarge an image smoothly, a large one strip by strip, so that it is in memory once.

    Args:
        pixels: (height, width).
        scale: >= 1.

    Returns:
        (scale height, scale width); `pixels` itself at scale 1.
    """
    if scale == 1:
        return pixels
    height, width = pixels.shape
    rows = max(1, STRIP // (width * scale * scale))
    if rows >= height:
        return _enlarged(pixels, scale)
    enlarged = np.empty((height * scale, width * scale), uint8)
    for top in range(0, height, rows):
        checkpoint()
        first, bottom = max(0, top - _AROUND), min(top + rows, height)
        strip = _enlarged(pixels[first : bottom + _AROUND], scale)
        enlarged[top * scale : bottom * scale] = strip[(top - first) * scale : (bottom - first) * scale]
    return enlarged


def _enlarged(pixels: NDArray[uint8], scale: int) -> NDArray[uint8]:
    height, width = pixels.shape
    # Bicubic, because Lanczos rings: it puts a faint second outline around every stroke.
    image = Image.fromarray(pixels).resize((width * scale, height * scale), Image.Resampling.BICUBIC)
    return np.asarray(image)
