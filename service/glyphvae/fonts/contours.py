"""Contours of glyphs: the edge of all their strokes together, without overlaps.

Clipper unites the outlines by the non-zero rule, on a grid of integers, where it cannot fail.
https://www.angusj.com/clipper2/Docs/Overview.htm
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from glyphvae.scheduling.deadline import checkpoint
from glyphvae.text.pen_metrics import sizes
from glyphvae.vectors.outlines import outlines
from glyphvae.vectors.strokes import DRAWN, Strokes, place

Polygon = NDArray[np.float64]

# Points of a stroke. They are on its curve, however few, and curves are fitted to what is left and right of them.
_SAMPLES = 29
# Pixels of a glyph pixel, by which arcs get their corners: at 8 they stray by 1 / 400 of a glyph pixel.
_SCALE = 8
# Steps of Clipper's grid in such a pixel.
_GRID = 64
# Of those pixels squared; what is smaller is a speck where curves cross, not ink and not a counter.
_SPECK = 3


def contours(strokes: Strokes, unit: float) -> list[list[Polygon]]:
    """Return the polygons of each glyph, to be filled by the even-odd rule or the non-zero one.

    Args:
        strokes: Of n glyphs, as `within_reach` returns them.
        unit: Font units of a glyph pixel.

    Returns:
        For each glyph, polygons (m, 2) in font units, y up from the baseline, x from the left edge of the cell. Outer
        ones turn clockwise, inner ones the other way.

    Raises:
        Problem: As `checkpoint`.
    """
    size = _SCALE * sizes(strokes)
    lines = place(strokes, np.zeros(len(strokes)), -size * strokes.proportions[:, 1], size, _SAMPLES)
    shapes = outlines(lines)
    corners = np.rint(shapes.corners * (_GRID, -_GRID)).astype(np.int64)
    parts = iter(np.split(corners, np.cumsum(shapes.counts)[:-1]))
    counts = (strokes.presence > DRAWN).sum(axis=1).tolist()
    return [_united([next(parts) for _ in range(count)], unit / _SCALE) for count in counts]


def _united(parts: list[NDArray[np.int64]], unit: float) -> list[Polygon]:
    """Return the union of polygons on the grid."""
    return [unit * polygon for polygon in _large(_union(parts))] if parts else []


def _union(parts: list[NDArray[np.int64]]) -> list[list[list[int]]]:
    # Imported here, because only fonts need it.
    import pyclipper  # noqa: PLC0415

    checkpoint()
    clipper = pyclipper.Pyclipper()
    for part in parts:
        clipper.AddPath(part.tolist(), pyclipper.PT_SUBJECT, True)
    united: list[list[list[int]]] = clipper.Execute(pyclipper.CT_UNION, pyclipper.PFT_NONZERO, pyclipper.PFT_NONZERO)
    return united


def _large(paths: list[list[list[int]]]) -> Iterator[Polygon]:
    for path in paths:
        polygon = np.array(path[::-1], np.float64) / _GRID
        x, y = polygon.T
        if abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2 >= _SPECK:
            yield polygon
