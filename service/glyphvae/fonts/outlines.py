"""Outlines of the forms of a hand, as cubic curves in font units."""

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from glyphvae.fonts.contours import contours
from glyphvae.fonts.curves import fit
from glyphvae.vectors.strokes import Strokes

# Font units to an em, and to a glyph pixel: a capital is 700 high.
UNITS_PER_EM, UNIT = 1000, 35
# Font units: a seventh of a pixel where an em has 200.
TOLERANCE = 0.75

# Closed contours of one glyph, each (k, 4, 2): begin, two handles and end of each curve; a line has its handles there.
Outline = list[NDArray[int64]]


def outlines(strokes: Strokes, shift: NDArray[float64]) -> list[Outline]:
    """Return the outline of each glyph.

    Args:
        strokes: Of n glyphs, as `within_reach` returns them.
        shift: (n,) font units that each is moved to the right by, from where its cell begins at the origin.

    Raises:
        Problem: As `checkpoint`.
    """
    polygons = contours(strokes, UNIT)
    flat = [each + np.array([moved, 0]) for glyph, moved in zip(polygons, shift, strict=True) for each in glyph]
    if not flat:
        return [[] for _ in polygons]
    curves = fit(flat, TOLERANCE)
    parts = iter(np.split(np.rint(curves.points).astype(int64), np.cumsum(curves.counts)[:-1]))
    return [[next(parts) for _ in glyph] for glyph in polygons]
