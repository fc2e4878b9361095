"""Glyphs side by side, and larger."""

from numpy import uint8
from numpy.typing import NDArray


def grid(n: int) -> tuple[int, int]:
    """(rows, columns) of the nearly square sheet for `n` glyphs."""
    raise NotImplementedError


def compose(pixels: NDArray[uint8], rows: int, columns: int, gap: int = 0) -> NDArray[uint8]:
    """One picture of `pixels`, row by row; places left over are paper.

    Args:
        pixels: (n, 28, 28) with n <= rows x columns.
        rows: Rows of the sheet.
        columns: Columns of the sheet.
        gap: Pixels of paper between glyphs.

    Returns:
        (28 rows + gap (rows - 1), 28 columns + gap (columns - 1)).
    """
    raise NotImplementedError


def upscale(pixels: NDArray[uint8], scale: int) -> NDArray[uint8]:
    """`pixels` enlarged smoothly: (height, width) to (scale height, scale width)."""
    raise NotImplementedError
