"""Pen strokes of glyphs: clamped uniform cubic B-splines that a round pen of varying radius follows.

Curves: de Boor, "A Practical Guide to Splines", 1978, chapter IX.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, sqrt
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Numbers = NDArray[np.floating] | NDArray[np.integer]
Real = TypeVar("Real", bound=np.floating)

# Of a glyph's cell, in units; one pixel of the decoder is one unit.
SIDE = 28
DEGREE = 3
# A stroke is drawn if its presence is more.
DRAWN = 0.5
# Segments of a stroke where a unit is one picture pixel. The polyline of a hook of 20 units strays by up to a fifth of
# a pixel, at any scale, because what it strays by falls with the square of their number.
SEGMENTS = 14


@dataclass(frozen=True)
class Strokes:
    """Strokes of n glyphs, in units of a cell of 28 x 28, x to the right and y down.

    Attributes:
        control: float32 (n, strokes, control points, 2), x and y, in the order of writing.
        radius: float32 (n, strokes, knots), of the pen at knots spaced evenly along a stroke, linear between them.
        presence: float32 (n, strokes), 1 for a stroke that is drawn, 0 for one that is not.
        proportions: float32 (n, 4): cap heights in a unit; the baseline's y in units; left and right side bearing in
            cap heights.
    """

    control: Floats
    radius: Floats
    presence: Floats
    proportions: Floats

    def __len__(self) -> int:
        return len(self.control)

    def __getitem__(self, glyphs: slice | NDArray[np.int64]) -> "Strokes":
        return Strokes(self.control[glyphs], self.radius[glyphs], self.presence[glyphs], self.proportions[glyphs])


class Lines(NamedTuple):
    """Polylines of pen strokes, in pixels of a picture, x to the right and y down.

    Attributes:
        points: float32 (k, samples, 2), x and y.
        radii: float32 (k, samples), of the pen at each point.
    """

    points: Floats
    radii: Floats


@lru_cache(64)
def basis(control_points: int, samples: int) -> Floats:
    """Return the matrix that maps control points to evenly spaced points of their curve, by Cox-de Boor recursion.

    Args:
        control_points: At least 4. The curve begins at the first one and ends at the last one.
        samples: Points of the curve, its ends included, at least 2.

    Returns:
        float32 (samples, control_points); each row is non-negative and sums to 1.
    """
    spans = control_points - DEGREE
    knots = np.concatenate([np.zeros(DEGREE), np.linspace(0, 1, spans + 1), np.ones(DEGREE)])
    u = np.linspace(0, 1, samples)[:, None]
    # Intervals are open on their right, but the last one that is not empty has to hold the end of the curve.
    values = ((knots[:-1] <= u) & (u < knots[1:])).astype(float)
    values[-1, DEGREE + spans - 1] = 1
    for degree in range(1, DEGREE + 1):
        width = knots[degree:] - knots[:-degree]
        # A basis function of no width is 0, whatever it is divided by.
        rising = (u - knots[:-degree]) / np.where(width > 0, width, 1)
        values = rising[:, :-1] * values[:, :-1] + np.where(width > 0, 1 - rising, 0)[:, 1:] * values[:, 1:]
    return values.astype(np.float32)


@lru_cache(64)
def interpolation(knots: int, samples: int) -> Floats:
    """Return the share of each of evenly spaced knots in the samples between them, float32 (samples, knots)."""
    place = np.linspace(0, knots - 1, samples)
    shares: Floats = np.clip(1 - np.abs(place[:, None] - np.arange(knots)), 0, None).astype(np.float32)
    return shares


def clipped(values: NDArray[Real], low: float | NDArray[Real], high: float | NDArray[Real]) -> NDArray[Real]:
    """Clip numbers, as np.clip does, but from NaN to `high`, and in a third of its time for small arrays."""
    found: NDArray[Real] = np.fmax(np.fmin(values, high), low)
    return found


def samples_at(scale: float) -> int:
    """Return how many points of a stroke a picture needs that has `scale` pixels a unit."""
    return SEGMENTS * ceil(sqrt(max(scale, 1))) + 1


def present_polylines(strokes: Strokes, samples: int) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Evaluate the curves of the k strokes that are present, glyph by glyph.

    Args:
        strokes: Of n glyphs.
        samples: Points of each curve, its ends included, at least 2.

    Returns:
        The glyph of each, (k,); points (k, samples, 2) and radii (k, samples) in units, both float32.
    """
    glyph, stroke = np.nonzero(strokes.presence > DRAWN)
    points: Floats = basis(strokes.control.shape[2], samples) @ strokes.control[glyph, stroke]
    # Not as a product of matrices, whose last bits depend on how many strokes there are.
    shares = interpolation(strokes.radius.shape[2], samples)
    radii: Floats = np.einsum("nk,sk->ns", strokes.radius[glyph, stroke], shares)
    return glyph, points, radii


def place(strokes: Strokes, x: Numbers, y: Numbers, scale: Numbers, samples: int | None = None) -> Lines:
    """Return the strokes that are present, glyph by glyph, where a picture shows them.

    Args:
        strokes: Of n glyphs.
        x: (n,), left edge of each glyph's cell in pixels.
        y: (n,), its upper edge.
        scale: (n,), pixels a unit, more than 0.
        samples: Points of each stroke; as many as the largest scale needs by default.
    """
    glyph, points, radii = present_polylines(strokes, samples or samples_at(float(scale.max(initial=1))))
    corner = np.stack([x, y], axis=1).astype(np.float32)[glyph, None]
    size = scale.astype(np.float32)[glyph, None]
    return Lines(points * size[..., None] + corner, radii * size)


def mixed(begin: Strokes, end: Strokes, share: Floats) -> Strokes:
    """Return what lies between glyphs and others, stroke by stroke.

    A stroke that only one of the two has gets thinner towards the other, until nothing is left.

    Args:
        begin: Of n glyphs.
        end: Of n glyphs, with as many strokes, control points and knots.
        share: (n,) from 0, where a glyph is that of `begin`, to 1.
    """
    first, last = begin.presence > DRAWN, end.presence > DRAWN  # (n, strokes)
    weight = share[:, None]
    way = np.where(first & last, weight, last)[..., None, None]
    leaves, comes = (1 - weight) * first, weight * last
    return Strokes(
        begin.control + way * (end.control - begin.control),
        leaves[..., None] * begin.radius + comes[..., None] * end.radius,
        np.maximum(begin.presence, end.presence),
        begin.proportions + weight * (end.proportions - begin.proportions),
    )
