"""Measurements of pen strokes at their true size, for typesetting.

The unit is the glyph pixel, of which a capital is 20 high. x counts from the left edge of a glyph's cell, y from the
baseline, down.
"""

from dataclasses import dataclass

import numpy as np
from numpy import float32, float64, int64
from numpy.typing import NDArray

from glyphvae.scheduling.deadline import checkpoint
from glyphvae.vectors.strokes import DRAWN, SIDE, Floats, Strokes, clipped, present_polylines

CAPITAL = 20
# Rows of a line in which neighbours are compared, from above the accent of a capital to below any descender.
TOP, BOTTOM = -36, 14
# Glyphs that are measured at a time.
_GLYPHS = 128
# Points of a stroke, nearer to each other than a row is high.
_SAMPLES = 49
# What a part of a stroke rises at least, in steps to its side, that tells the slant of a hand.
_STEEP = 1.5
# Directions from the middle of the pen to its right side, from above to below; its left side mirrors them. They are the
# first axis of what is computed from them, because NumPy is slow where the last one is short.
_SIDES = np.array([-5 / 12, 0, 5 / 12], float32)[:, None, None] * float32(np.pi)
_ACROSS, _DOWN = np.cos(_SIDES), np.sin(_SIDES)
# The box of a glyph without ink, that of a narrow letter.
_NO_INK = (0.0, -float(CAPITAL), CAPITAL / 2, 0.0)
# Ink that extends less than this into a pixel is not seen there.
_UNSEEN = 1 / 32
# Glyph pixels of a unit, so that latents far from all handwriting still give glyphs that can be set.
_SMALLEST, _LARGEST = 0.1, 4.0
# The least and the most of each of the proportions: a baseline a cell off, bearings of a cap height.
_PROPORTIONS = np.array([[_SMALLEST / CAPITAL, -SIDE, -1, -1], [_LARGEST / CAPITAL, 2 * SIDE, 1, 1]], np.float32)


@dataclass(frozen=True)
class PenMetrics:
    """Measurements of n glyphs.

    Attributes:
        boxes: (n, 4) left, top, right and bottom of the ink, a pixel wide and high at least.
        left: (n, rows) where the ink begins in each row from `TOP` to `BOTTOM`, infinity in a row without ink.
        right: (n, rows) where it ends, minus infinity in a row without ink.
        bearings: (n, 2) paper that belongs to a glyph at its left and at its right.
    """

    boxes: NDArray[float64]
    left: Floats
    right: Floats
    bearings: NDArray[float64]

    def take(self, index: NDArray[int64]) -> "PenMetrics":
        """Return the measurements of some of the glyphs."""
        return PenMetrics(self.boxes[index], self.left[index], self.right[index], self.bearings[index])


def within_reach(strokes: Strokes) -> Strokes:
    """Return strokes with every number finite, at most a cell away from theirs, and of a size that can be set."""
    return Strokes(
        clipped(strokes.control, -SIDE, 2 * SIDE),
        clipped(strokes.radius, 0, SIDE / 2),
        strokes.presence,
        clipped(strokes.proportions, *_PROPORTIONS),
    )


def sizes(strokes: Strokes) -> NDArray[float64]:
    """Return (n,) glyph pixels of a unit of each glyph's cell."""
    return CAPITAL * strokes.proportions[:, 0].astype(float64)


def slant(strokes: Strokes) -> float:
    """Return how far the steep parts of all strokes go to the right per height, on average; 0 for none."""
    steps = np.diff(strokes.control[strokes.presence > DRAWN], axis=1)
    across, up = steps[..., 0], -steps[..., 1]
    steep = np.abs(up) > _STEEP * np.abs(across)
    height = np.abs(up[steep]).sum()
    return float((across * np.sign(up))[steep].sum() / height) if height else 0.0


def first_pixel(edges: NDArray[float64]) -> NDArray[int64]:
    """Return the first pixels with ink, from its left or upper edges."""
    return np.floor(edges + _UNSEEN).astype(int64)


def last_pixel(edges: NDArray[float64]) -> NDArray[int64]:
    """Return the pixels after the last ones with ink, from its right or lower edges."""
    return np.ceil(edges - _UNSEEN).astype(int64)


def measure(strokes: Strokes) -> PenMetrics:
    """Measure the ink of glyphs.

    Args:
        strokes: Of n glyphs, as `within_reach` returns them.

    Returns:
        Of n + 1 glyphs, the last one a blank.

    Raises:
        Problem: As `checkpoint`.
    """
    n, rows = len(strokes), BOTTOM - TOP
    boxes = np.full((n + 1, 4), [np.inf, np.inf, -np.inf, -np.inf])
    # In the precision of strokes, because converting numbers takes NumPy longer than comparing them.
    left, right = np.full((n + 1, rows), np.inf, float32), np.full((n + 1, rows), -np.inf, float32)
    bearings = np.zeros((n + 1, 2))
    bearings[:n] = CAPITAL * strokes.proportions[:, 2:]
    ink = PenMetrics(boxes, left, right, bearings)
    for start in range(0, n, _GLYPHS):
        checkpoint()
        _add_ink(ink, strokes[start : start + _GLYPHS], start)
    without = np.flatnonzero(np.isinf(boxes[:, 0]))
    boxes[without] = _NO_INK
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)  # the thinnest ink needs a picture of a pixel
    left[without, -CAPITAL - TOP : -TOP], right[without, -CAPITAL - TOP : -TOP] = _NO_INK[0], _NO_INK[2]
    return ink


def _add_ink(ink: PenMetrics, strokes: Strokes, first: int) -> None:
    """Extend the boxes and sides of glyphs, from number `first` on, by their strokes."""
    which, points, radii = present_polylines(strokes, _SAMPLES)
    if not which.size:
        return
    unit = CAPITAL * strokes.proportions[which, :1]
    x, y = points[..., 0] * unit, (points[..., 1] - strokes.proportions[which, 1:2]) * unit
    radius = radii * unit  # (present strokes, samples)
    starts = np.concatenate([[0], np.flatnonzero(which[1:] != which[:-1]) + 1])
    glyphs = first + which[starts]
    for edge, extent in enumerate((x - radius, y - radius)):
        ink.boxes[glyphs, edge] = np.minimum.reduceat(extent.min(axis=1), starts)
    for edge, extent in enumerate((x + radius, y + radius), start=2):
        ink.boxes[glyphs, edge] = np.maximum.reduceat(extent.max(axis=1), starts)
    across, down = radius * _ACROSS, radius * _DOWN  # (sides, present strokes, samples)
    row = clipped(y + down - TOP, 0, BOTTOM - TOP - 1).astype(int64)
    place = ((first + which[:, None]) * (BOTTOM - TOP) + row).ravel()  # one index is found faster than a pair
    np.minimum.at(ink.left.reshape(-1), place, (x - across).ravel())
    np.maximum.at(ink.right.reshape(-1), place, (x + across).ravel())
