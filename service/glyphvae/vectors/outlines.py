"""Outlines of pen strokes.

The outline of a stroke is the edge of the pen to the left of a path that follows the stroke to its end and comes back.
It touches the pen at each point, and where the path turns, an arc around the point joins its sides; the arcs at both
ends are round caps. Where the path turns left, the arc runs backwards. So the outline winds around every place that the
pen covers at least once, and around no other, and filling it by the non-zero rule gives the stroke, however tightly it
bends (Guibas, Ramshaw & Stolfi, "A kinetic framework for computational geometry", 1983).
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glyphvae.vectors.strokes import Floats, Lines, clipped

# Pixels by which the chords of an arc may stray from it.
TOLERANCE = 0.02
# Turns between two corners, of a pen that is smaller than a pixel and of one that fills a picture.
COARSEST, FINEST = np.pi / 4, np.pi / 64
# Pixels; between points that are nearer to each other no direction is known.
STILL = 1e-3
_PI = np.float32(np.pi)


class Outlines(NamedTuple):
    """Closed polygons, to be filled by the non-zero rule.

    Attributes:
        corners: float32 (sum of `counts`, 2), x and y in pixels, of one polygon after the other; the last corner of
            each is joined to its first.
        counts: int64 (k,), corners of each polygon.
    """

    corners: Floats
    counts: NDArray[np.int64]


def outlines(lines: Lines) -> Outlines:
    """Return the outline of each of k strokes."""
    samples = lines.points.shape[1]
    path = there_and_back(samples)
    leaving, turn, _ = segments_of(lines)
    points, radii = lines.points.take(path, axis=1), lines.radii.take(path, axis=1)
    step = clipped(np.sqrt(8 * TOLERANCE / np.maximum(radii, TOLERANCE)), FINEST, COARSEST)
    pieces = np.ceil(np.abs(turn) / step).astype(np.int64)
    counts = np.where(pieces > 1, pieces + 1, 1)  # a slight turn is one corner, halfway
    arriving = np.concatenate([leaving[:, -1:], leaving[:, :-1]], axis=1)
    return Outlines(_corners(points, radii, arriving, turn, counts), counts.sum(axis=1))


@lru_cache(16)
def there_and_back(samples: int) -> NDArray[np.int64]:
    """Return the numbers of the points on the way to the end of a stroke and back, without the last one."""
    there = np.arange(samples - 1)
    return np.concatenate([there, there[::-1] + 1])


def segments_of(lines: Lines) -> tuple[Floats, Floats, Floats]:
    """Return how the edge of the pen goes on behind each point of the path to the end of a stroke and back.

    Returns:
        (k, 2 samples - 2) each: where the edge touches the pen, as seen from its middle, and the turn of that at the
        point, in radians; the length of the segment, in pixels.
    """
    direction, tilt, lengths = _segments(lines)
    leaving = np.concatenate([direction - _PI / 2 + tilt, (direction + _PI / 2 - tilt)[:, ::-1]], axis=1)
    bend = np.diff(direction, axis=1)
    bend -= 2 * _PI * np.rint(bend / (2 * _PI))
    change = np.diff(tilt, axis=1)
    caps = _PI + 2 * tilt[:, :1], _PI - 2 * tilt[:, -1:]
    turn = np.concatenate([caps[0], bend + change, caps[1], (change - bend)[:, ::-1]], axis=1)
    return leaving, turn, np.concatenate([lengths, lengths[:, ::-1]], axis=1)


def _segments(lines: Lines) -> tuple[Floats, Floats, Floats]:
    """Return the direction of each segment, how far the pen's edge turns to it as the pen gets smaller, and its length.

    Returns:
        (k, samples - 1) each, in radians and pixels; of a segment that is too short, the angles of the one before.
    """
    steps = np.diff(lines.points, axis=1)
    lengths = np.hypot(steps[..., 0], steps[..., 1])
    moves = lengths > STILL
    slope = -np.diff(lines.radii, axis=1) / np.maximum(lengths, STILL)
    direction, tilt = np.arctan2(steps[..., 1], steps[..., 0]), np.arcsin(clipped(slope, -1, 1))
    if not moves.all():
        latest = np.maximum.accumulate(np.where(moves, np.arange(lengths.shape[1]), 0), axis=1)
        direction, tilt = (np.take_along_axis(angle, latest, axis=1) for angle in (direction, tilt))
    return direction, tilt, lengths


def _corners(points: Floats, radii: Floats, arriving: Floats, turn: Floats, counts: NDArray[np.int64]) -> Floats:
    """Return the corners of all arcs, `counts` of each, spread evenly over its turn."""
    repeats = counts.ravel()
    # In one array, of which all is taken at once: x, y, the pen's radius, the first corner's angle, and their steps.
    # Each is a row, because NumPy is slow with short ones.
    arcs = np.empty((5, *counts.shape), np.float32)
    arcs[0], arcs[1], arcs[2] = points[..., 0], points[..., 1], radii
    arcs[3] = arriving + np.where(counts > 1, 0, turn / 2)
    arcs[4] = turn / np.maximum(counts - 1, 1)
    arc = np.arange(repeats.size).repeat(repeats)
    x, y, radius, angle, steps = arcs.reshape(5, -1).take(arc, axis=1)
    place = np.arange(arc.size) - (np.cumsum(repeats) - repeats).take(arc)
    angle += place.astype(np.float32) * steps
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)]).T
