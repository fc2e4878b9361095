"""Histograms of oriented gradients: the shape of a glyph's edges, by a formula that nothing is trained for.

Dalal & Triggs, "Histograms of oriented gradients for human detection" (CVPR 2005), with their choices: gradients by
central differences without smoothing, nine orientations without a sign, votes by the length of the gradient that are
shared between neighbouring orientations and cells, overlapping blocks of 2×2 cells, L2-Hys. Cells are of 4×4 pixels at
28×28, about as wide as a stroke and its edges.
"""

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Features = NDArray[np.float32]

ORIENTATIONS = 9
CELL = 4
BLOCK = 2
# L2-Hys: no value of a block is above this once the block has length 1; then it is scaled to length 1 again.
LARGEST = 0.2
# Of a squared length, where 1 is a step from paper to ink: flat blocks stay near 0 instead of becoming noise.
SMALLEST = 0.1
# That are held at a time.
PIXELS = 1000 * 28 * 28


def hog(images: Pixels, cell: int = CELL) -> Features:
    """Compute the features of images.

    Args:
        images: uint8 (n, side, side), paper 0, ink 255; the side is a multiple of the cell's, at least twice that.
        cell: Side of a cell in pixels.

    Returns:
        float32 (n, features), 1,296 for a side of 28: by row and column of the block, then of the cell in it, then by
        orientation. Features of an image without edges are 0.
    """
    rows = max(1, PIXELS // images.shape[1] ** 2)
    starts = range(0, max(1, len(images)), rows)
    return np.concatenate([blocks(histograms(images[start : start + rows], cell)) for start in starts])


def histograms(images: Pixels, cell: int) -> Features:
    """Sum up the gradients of each cell by orientation: (n, cells, cells, orientations)."""
    down, right = np.gradient(images / np.float32(255), axis=(1, 2))  # (n, side, side) each
    # The angle of the gradient without its sign, in orientations: from 0, a vertical edge, to 9, the same again.
    angle = np.arctan2(down, right) * np.float32(ORIENTATIONS / np.pi) % ORIENTATIONS
    apart = np.abs(angle[..., None] - np.arange(ORIENTATIONS, dtype=np.float32))  # (n, side, side, orientations)
    shares = np.maximum(1 - np.minimum(apart, ORIENTATIONS - apart), 0)
    votes = shares * np.hypot(down, right)[..., None]
    cells = shares_of_cells(images.shape[1], cell)
    by_row = np.einsum("ci,nijo->ncjo", cells, votes, optimize=True)
    return np.asarray(np.einsum("dj,ncjo->ncdo", cells, by_row, optimize=True), np.float32)


def shares_of_cells(side: int, cell: int) -> Features:
    """Return how much each pixel along one axis adds to each cell, 1 in its middle, linearly: (cells, side)."""
    middles = (np.arange(side // cell) + 0.5) * cell
    apart = np.abs(np.arange(side) + 0.5 - middles[:, None]) / cell
    return np.maximum(1 - apart, 0).astype(np.float32)


def blocks(cells: Features) -> Features:
    """Normalise each block of 2×2 cells: (n, cells, cells, orientations) to (n, features)."""
    count = cells.shape[1] - BLOCK + 1
    steps = range(BLOCK)
    parts = [cells[:, y : y + count, x : x + count] for y in steps for x in steps]
    joined = np.concatenate(parts, axis=3)  # (n, count, count, 4 · orientations)
    clipped = np.minimum(scaled(joined), LARGEST)
    return scaled(clipped).reshape(len(cells), count**2 * joined.shape[3])


def scaled(values: Features) -> Features:
    """Scale the last axis to length 1, or less where there is hardly anything."""
    return np.asarray(values / np.sqrt(np.square(values).sum(axis=-1, keepdims=True) + SMALLEST), np.float32)
