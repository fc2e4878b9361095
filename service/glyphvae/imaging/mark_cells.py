"""Characters at their true size on the line, as models learn marks: what tells a comma is its size and its place."""

import numpy as np
from numpy import uint8
from numpy.typing import NDArray
from PIL import Image

from glyphvae.imaging.preprocess import SIDE, strengthened

# Units of a cap height, and from the top of the cell to the baseline, of which a cell has 28.
CAP_UNITS, BASELINE = 20, 24


def mark_cell(ink: NDArray[uint8], corner: tuple[int, int], base: float, cap: float) -> NDArray[uint8]:
    """Put a character into a cell (28, 28) at its size and height on the line.

    Args:
        ink: (h, w) its ink.
        corner: x and y of its upper left pixel.
        base: y of the baseline.
        cap: Cap height in pixels.
    """
    rows, columns = np.flatnonzero(ink.max(axis=1)), np.flatnonzero(ink.max(axis=0))
    if not rows.size:
        return np.zeros((SIDE, SIDE), uint8)
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    # What is larger than a cell is reduced.
    unit = max(cap / CAP_UNITS, (bottom - top) / SIDE, (right - left) / SIDE)
    x = (left + right) / 2 - SIDE / 2 * unit
    y = base - corner[1] - BASELINE * unit
    # What would stick out is moved by as much.
    y = min(max(y, bottom - SIDE * unit), top)
    pad = int(np.ceil(SIDE * unit)) + 1
    field = Image.fromarray(np.pad(ink, pad))
    box = (x + pad, y + pad, x + pad + SIDE * unit, y + pad + SIDE * unit)
    return strengthened(np.asarray(field.resize((SIDE, SIDE), Image.Resampling.BOX, box=box)))
