"""Pen strokes as cubic Bézier curves: their centre lines, exactly, and their outlines, closely.

The outline of a stroke is the one that `glyphvae.vectors.outlines` describes: the edge of the pen to the left of a path
that follows the stroke to its end and comes back, filled by the non-zero rule. Here nodes are chosen on it, more where
it bends more, and joined by curves in its directions there, whose handles are as long as those of Hobby, "Smooth, Easy
to Compute Interpolating Splines", 1986. Where the pen turns sharply, as at its ends, the arc is a curve of its own.
Where the edge runs backwards, inside a bend that is narrower than the pen, a straight line takes its place; like that
edge it is in the ink of the stroke.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glyphvae.vectors.outlines import segments_of, there_and_back
from glyphvae.vectors.strokes import DEGREE, DRAWN, SIDE, Floats, Lines, Numbers, Strokes, basis, interpolation

Doubles = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool]

# Points of a stroke from which its outline is made.
_SAMPLES = 25
# A stroke that extends less than so many of its radii is a dot, the hull of where the pen was, with so many nodes.
_DOT, _DOT_NODES = 1.5, 6
# Radians. The pen turns at once by more in an arc of its own, in curves of at most so much each: one for a round end,
# from which it strays by a fiftieth of the radius.
_SHARP, _ARC = 0.9, 1.1 * np.pi
# Curves per square root of (angle x length) of a bend, and per pixel of length: chosen over all labels of several
# hands, where the mean error of a glyph became a quarter of a percent of its cell.
_PER_BEND, _PER_LENGTH = 0.2, 0.14
# A pen thinner than this leaves no ink.
_UNSEEN = 0.01


class Curves(NamedTuple):
    """Pen strokes in their places, glyph by glyph and in the order of writing, in glyph pixels, y down.

    Attributes:
        control: float32 (k, control points, 2), of their clamped uniform B-splines.
        radius: float32 (k, knots), of the pen, linear between knots that are spaced evenly along a stroke.
        glyph: int64 (k,), the number of the glyph of each; it rises.
        glyphs: How many glyphs there are, those without strokes too.
    """

    control: Floats
    radius: Floats
    glyph: Indices
    glyphs: int

    def part(self, first: int, last: int) -> "Curves":
        """Return those of glyphs from number `first` to before `last`, which are counted from 0 again."""
        start, stop = np.searchsorted(self.glyph, (first, last))
        rows = slice(start, stop)
        return Curves(self.control[rows], self.radius[rows], self.glyph[rows] - first, last - first)

    def of(self, rows: Flags) -> "Curves":
        """Return some of the strokes (k,), of glyphs that keep their numbers."""
        return Curves(self.control[rows], self.radius[rows], self.glyph[rows], self.glyphs)


class Paths(NamedTuple):
    """Paths of cubic Bézier curves.

    Attributes:
        start: float (c, 2), where each begins.
        curves: float (m, 3, 2), both handles and the end of each curve, of one path after the other.
        counts: int64 (c,), curves of each path.
        straight: bool (m,), whether a curve is a straight line.
        stroke: int64 (c,), the number of the stroke that each belongs to; each stroke has one.
        closed: bool (c,), whether each is an outline.
    """

    start: Doubles
    curves: Doubles
    counts: Indices
    straight: Flags
    stroke: Indices
    closed: Flags

    def and_also(self, other: "Paths") -> "Paths":
        """Return these and others."""
        return Paths(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


class _Nodes(NamedTuple):
    """Points on closed outlines.

    Attributes:
        points: (m, 2).
        angles: (m,) direction of the outline there, radians.
        straight: (m,) whether a straight line follows.
        counts: (c,) nodes of each outline.
    """

    points: Doubles
    angles: Doubles
    straight: Flags
    counts: Indices


def placed(strokes: Strokes, x: Numbers, y: Numbers, scale: Numbers) -> Curves:
    """Return the strokes of n glyphs that leave ink, in their places.

    Args:
        strokes: Of n glyphs; no number is taken for more than a cell beyond its own, or for a wider pen.
        x: (n,), left edge of each glyph's cell.
        y: (n,), its upper edge.
        scale: (n,), glyph pixels of a unit.
    """
    # Unlike np.clip, these make a number of NaN.
    radius = np.fmin(np.fmax(strokes.radius, 0), SIDE / 2)
    glyph, stroke = np.nonzero((strokes.presence > DRAWN) & (radius.max(axis=2) > _UNSEEN))
    control = np.fmin(np.fmax(strokes.control[glyph, stroke], -SIDE), 2 * SIDE)
    radius = radius[glyph, stroke]
    size = np.asarray(scale, np.float32)[glyph]
    corner = np.stack([x, y], axis=1)[glyph].astype(np.float32)
    return Curves(control * size[:, None, None] + corner[:, None], radius * size[:, None], glyph, len(strokes))


def centres(curves: Curves) -> Paths:
    """Return the line that the middle of the pen follows in each stroke, from its beginning to its end."""
    k, points = curves.control.shape[:2]
    spans = points - DEGREE
    beziers = (_bezier_points(points) @ curves.control).astype(np.float64)  # (k, 3 spans + 1, 2)
    return Paths(
        beziers[:, 0],
        beziers[:, 1:].reshape(k * spans, 3, 2),
        np.full(k, spans),
        np.zeros(k * spans, bool),
        np.arange(k),
        np.zeros(k, bool),
    )


@lru_cache(16)
def _bezier_points(control_points: int) -> Floats:
    """Return the matrix that maps control points of a B-spline to those of its Bézier curves, ends shared."""
    spans = control_points - DEGREE
    values = basis(control_points, DEGREE * spans + 1).astype(float)  # at the ends and thirds of each span
    t = np.arange(4)[:, None] / 3
    bernstein = np.array([1, 3, 3, 1]) * t ** np.arange(4) * (1 - t) ** np.arange(4)[::-1]
    inverse = np.linalg.inv(bernstein)
    pieces = [inverse @ values[DEGREE * span : DEGREE * span + 4] for span in range(spans)]
    return np.concatenate([pieces[0][:1], *(piece[1:] for piece in pieces)]).astype(np.float32)


def outlines(curves: Curves, fineness: float = 1.0) -> Paths:
    """Return the closed outline of each stroke, to be filled by the non-zero rule.

    Args:
        curves: The strokes.
        fineness: How many curves there are between sharp turns, as a factor.
    """
    points = basis(curves.control.shape[1], _SAMPLES) @ curves.control
    radii = curves.radius @ interpolation(curves.radius.shape[1], _SAMPLES).T
    across = points.swapaxes(0, 1).reshape(_SAMPLES, -1)  # NumPy is slow with axes between others
    extent = (across.max(axis=0) - across.min(axis=0)).reshape(-1, 2).max(axis=1)
    is_dot = extent < _DOT * radii.mean(axis=1)
    longer, dots = np.flatnonzero(~is_dot), np.flatnonzero(is_dot)
    nodes = _edge_nodes(points[longer], radii[longer], fineness)
    if dots.size:
        parts = zip(nodes, _hull_nodes(points[dots], radii[dots]), strict=True)
        nodes = _Nodes(*(np.concatenate(part) for part in parts))
    return _joined(nodes, np.concatenate([longer, dots]))


def _hull_nodes(points: Floats, radii: Floats) -> _Nodes:
    """Choose nodes on the convex hulls of where the pen was in each of k strokes."""
    around = np.arange(_DOT_NODES) * (2 * np.pi / _DOT_NODES)
    outwards = np.stack([np.cos(around), np.sin(around)])  # (2, nodes)
    farthest = (points @ outwards + radii[..., None]).argmax(axis=1)  # (k, nodes)
    radius = np.take_along_axis(radii, farthest, axis=1)[..., None]
    hull = np.take_along_axis(points, farthest[..., None], axis=1) + radius * outwards.T
    k = len(points)
    nodes = k * _DOT_NODES
    angles = np.tile(around + np.pi / 2, k)
    return _Nodes(hull.reshape(nodes, 2), angles, np.zeros(nodes, bool), np.full(k, _DOT_NODES))


def _edge_nodes(points: Floats, radii: Floats, fineness: float) -> _Nodes:
    """Choose nodes on the edge that the pen leaves along each of k polylines.

    Each point of the way to the end and back, j of them, is a step in two parts: the pen's turn, where it is sharp, and
    the edge to the next point. Steps are joined to runs, each of a whole number of curves: a sharp turn is one, and so
    are neighbours that run forwards, or backwards.
    """
    k, samples = radii.shape
    path = there_and_back(samples)
    leaving, turn, lengths = segments_of(Lines(points, radii))
    arriving, radius = leaving - turn, radii.take(path, axis=1)
    angle = np.abs(turn)
    sharp = angle > _SHARP
    sharp[:, [0, samples - 1]] = True
    forwards = lengths + radius * turn
    backwards = (forwards < 0) & ~sharp
    steps = np.empty((k, len(path), 2))  # in curves; of sharp turns not yet
    steps[..., 0] = sharp
    bends = np.sqrt(angle * np.abs(forwards))
    bends[sharp] = 0
    steps[..., 1] = fineness * (_PER_BEND * bends + _PER_LENGTH * lengths) + 1e-6
    begins = np.empty(steps.shape, bool)
    begins[..., 0] = sharp
    begins[..., 1] = sharp
    begins[:, 1:, 1] |= backwards[:, 1:] != backwards[:, :-1]

    runs = np.flatnonzero(begins)
    place, is_turn = runs >> 1, (runs & 1) == 0
    turns = turn.ravel()[place]
    sums = np.add.reduceat(steps.ravel(), runs)
    straight = np.where(is_turn, turns < 0, backwards.ravel()[place])
    pieces = np.where(straight, 1, np.ceil(np.where(is_turn, np.maximum(turns / _ARC, 0.5), sums))).astype(np.int64)
    # Each step as a share of its run's curves, so that every whole number is a node and every run begins at one.
    lasts = np.empty_like(runs)
    lasts[:-1], lasts[-1:] = runs[1:], steps.size
    shares = steps.ravel() * np.repeat(pieces / sums, lasts - runs)
    reached = np.cumsum(shares)
    number = np.arange(pieces.sum())
    step = np.searchsorted(reached, number + 1e-6, side="right")
    place = step >> 1
    share = np.where(sharp.ravel()[place], 1, 0.5)
    turning = (step & 1) == 0
    share[turning] = (1 - (reached[step] - number) / shares[step])[turning]
    angles = arriving.ravel()[place] + share * turn.ravel()[place]
    outwards = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    counts = np.bincount(runs // (2 * len(path)), pieces, k).astype(np.int64)
    nodes = points.take(path, axis=1).reshape(-1, 2).take(place, axis=0) + outwards * radius.ravel()[place][:, None]
    return _Nodes(nodes, angles + np.pi / 2, np.repeat(straight, pieces), counts)


def _joined(nodes: _Nodes, strokes: Indices) -> Paths:
    """Join each outline's nodes by curves."""
    points, angles, straight, counts = nodes
    first = np.cumsum(counts) - counts
    following = np.arange(1, len(points) + 1)
    following[first + counts - 1] = first
    ends = points[following]
    chord = ends - points
    length, direction = np.hypot(chord[:, 0], chord[:, 1]), np.arctan2(chord[:, 1], chord[:, 0])
    before, after = _handle_lengths(angles - direction, direction - angles[following])
    is_line = straight | (before <= 0) | (after <= 0)
    along = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    curves = np.empty((len(points), 3, 2))
    curves[:, 0] = points + along * np.where(is_line, 0, before * length)[:, None]
    curves[:, 1] = ends - along[following] * np.where(is_line, 0, after * length)[:, None]
    curves[:, 2] = ends
    return Paths(points[first], curves, counts, is_line, strokes, np.ones(len(counts), bool))


def _handle_lengths(first: Doubles, last: Doubles) -> tuple[Doubles, Doubles]:
    """Return the lengths of both handles of each curve, in chords, by Hobby's formula; 0 where it turns back.

    Args:
        first: Angles from the chord to the direction at the beginning, of any turns.
        last: Angles from the direction at the end to the chord.
    """
    sines, cosines = (np.sin(first), np.sin(last)), (np.cos(first), np.cos(last))
    skew = np.sqrt(2) * (sines[0] - sines[1] / 16) * (sines[1] - sines[0] / 16) * (cosines[0] - cosines[1])
    near, far = (np.sqrt(5) - 1) / 2, (3 - np.sqrt(5)) / 2
    goes_on = (cosines[0] >= -0.2) & (cosines[1] >= -0.2)  # elsewhere the divisors may be 0
    before = np.divide(2 + skew, 3 * (1 + near * cosines[0] + far * cosines[1]), np.zeros_like(skew), where=goes_on)
    after = np.divide(2 - skew, 3 * (1 + near * cosines[1] + far * cosines[0]), np.zeros_like(skew), where=goes_on)
    return before, after
