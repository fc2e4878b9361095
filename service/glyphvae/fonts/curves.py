"""Cubic curves along polygons, few of them, all polygons at a time.

Each curve has the directions of the polygon at its ends, and the lengths of its handles by least squares; where it
strays too far from the polygon it is replaced by two. Schneider, "An algorithm for automatically fitting digitized
curves", Graphics Gems, 1990.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from glyphvae.scheduling.deadline import checkpoint

Points = NDArray[float64]

# Radians; a polygon that turns more at a point has a corner there.
_CORNER = 0.5
# More fits of a curve, each with the places of its points found anew on the one before.
_REFITS = 1
# Handles longer than this, by the chord, make loops.
_LONGEST = 2.0
_TINY = 1e-9


@dataclass(frozen=True)
class Curves:
    """Closed contours of cubic curves.

    Attributes:
        points: (k, 4, 2), of each curve its begin, its handles and its end. A line has its handles at its ends.
        counts: (m,) curves of each contour.
    """

    points: Points
    counts: NDArray[int64]


def fit(polygons: Sequence[Points], tolerance: float) -> Curves:
    """Fit curves to closed polygons.

    Args:
        polygons: Each (n, 2), n >= 3, its points dense where it bends, none twice in a row.
        tolerance: How far a curve may be from a point of its polygon.

    Raises:
        Problem: As `checkpoint`.
    """
    closed = [np.roll(polygon, -_first(polygon), axis=0) for polygon in polygons]
    counts = np.array([len(polygon) for polygon in closed])
    # Each polygon ends with its first point once more, so that a curve's points are a slice.
    points = np.concatenate([np.vstack([polygon, polygon[:1]]) for polygon in closed])
    ends = np.cumsum(counts + 1) - 1
    starts = ends - counts
    leaving, arriving, corner = _directions(points, starts, ends)
    is_node = corner.copy()
    is_node[starts], is_node[ends] = True, True
    # A curve from a point to itself has no chord: halve what has no corner.
    is_node[(starts + ends) // 2] = True
    nodes = np.flatnonzero(is_node)
    begin, end = nodes[:-1], nodes[1:]
    inside = end > begin
    inside[np.searchsorted(nodes, ends[:-1])] = False
    begin, end = begin[inside], end[inside]
    done: list[tuple[NDArray[int64], Points]] = []
    while begin.size:
        checkpoint()
        section = _Sections(points, begin, end, leaving[begin], arriving[end])
        curves, error, worst = section.fitted(tolerance)
        good = error <= tolerance  # as the error of two points is, which a line joins
        done.append((begin[good], curves[good]))
        begin, middle, end = begin[~good], worst[~good], end[~good]
        begin, end = np.concatenate([begin, middle]), np.concatenate([middle, end])
    first = np.concatenate([each for each, _ in done])
    order = np.argsort(first, kind="stable")
    number = np.searchsorted(starts, first, side="right") - 1
    return Curves(np.concatenate([each for _, each in done])[order], np.bincount(number, minlength=len(polygons)))


def _first(polygon: Points) -> int:
    """Return the point of a polygon with the sharpest turn, where a curve may begin."""
    turn = _turns(polygon - np.roll(polygon, 1, axis=0), np.roll(polygon, -1, axis=0) - polygon)
    return int(np.argmax(np.abs(turn)))


def _turns(before: Points, after: Points) -> NDArray[float64]:
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    turns: NDArray[float64] = np.arctan2(cross, (before * after).sum(axis=1))
    return turns


def _directions(
    points: Points, starts: NDArray[int64], ends: NDArray[int64]
) -> tuple[Points, Points, NDArray[np.bool]]:
    """Return the directions in which curves leave each point and arrive there, and whether it is a corner."""
    steps = np.diff(points, axis=0, append=points[:1])
    steps[ends] = steps[starts]
    back = np.roll(steps, 1, axis=0)
    back[starts] = back[ends]
    turn = _turns(back, steps)
    corner = np.abs(turn) > _CORNER
    before, after = _unit(back), _unit(steps)
    # Where the polygon goes on smoothly, half of its turn; at a corner, half of the turn at the next point further on.
    smooth = _unit(before + after)
    bent = np.where(corner, 0, turn)
    ahead, behind = np.roll(bent, -1), np.roll(bent, 1)
    ahead[ends], behind[starts] = ahead[starts], behind[ends]
    leaving = np.where(corner[:, None], _rotated(after, -ahead / 2), smooth)
    arriving = np.where(corner[:, None], _rotated(before, behind / 2), smooth)
    return leaving, arriving, corner


def _unit(vectors: Points) -> Points:
    unit: Points = vectors / np.maximum(np.hypot(vectors[:, :1], vectors[:, 1:]), _TINY)
    return unit


def _rotated(vectors: Points, angles: NDArray[float64]) -> Points:
    cos, sin, (x, y) = np.cos(angles), np.sin(angles), vectors.T
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)


class _Sections:
    """Parts of polygons, to fit a curve to each.

    Args:
        points: Of all polygons.
        begin: (k,) first point of each part.
        end: (k,) its last point.
        leaving: (k, 2) direction at its begin.
        arriving: (k, 2) direction at its end.
    """

    def __init__(
        self, points: Points, begin: NDArray[int64], end: NDArray[int64], leaving: Points, arriving: Points
    ) -> None:
        counts = end - begin + 1
        self._starts = np.cumsum(counts) - counts
        self._which = np.repeat(np.arange(len(begin)), counts)
        self._index = np.arange(counts.sum()) - np.repeat(self._starts - begin, counts)
        self._points = points[self._index]
        self._p0, self._p3 = points[begin], points[end]
        self._leaving, self._arriving = leaving, arriving
        self._chord = np.hypot(*(self._p3 - self._p0).T)

    def fitted(self, tolerance: float) -> tuple[Points, NDArray[float64], NDArray[int64]]:
        """Return a curve for each part (k, 4, 2), how far from its points it is, and the point to divide it at."""
        flat = self._from_chord()
        curves = self._least_squares(self._by_length())
        place = self._nearest(curves, self._by_length())
        for _ in range(_REFITS):
            curves = self._least_squares(place)
            place = self._nearest(curves, place)
        error = np.hypot(*(self._at(curves, place) - self._points).T)
        most = np.maximum.reduceat(error, self._starts)
        straight = flat <= tolerance / 2
        curves[straight, 1], curves[straight, 2] = self._p0[straight], self._p3[straight]
        half = (self._index[self._starts] + self._index[np.append(self._starts[1:], len(self._index)) - 1]) // 2
        return curves, np.where(straight, 0, most), half

    def _from_chord(self) -> NDArray[float64]:
        """Return how far from the chord the points of each part are."""
        along = _unit(self._p3 - self._p0)[self._which]
        away = self._points - self._p0[self._which]
        t = np.clip((away * along).sum(axis=1), 0, self._chord[self._which])
        most: NDArray[float64] = np.maximum.reduceat(np.hypot(*(away - t[:, None] * along).T), self._starts)
        return most

    def _by_length(self) -> NDArray[float64]:
        steps = np.hypot(*np.diff(self._points, axis=0, prepend=self._points[:1]).T)
        steps[self._starts] = 0
        run = np.cumsum(steps)
        run -= run[self._starts][self._which]
        total = np.maximum.reduceat(run, self._starts)
        place: NDArray[float64] = run / np.maximum(total, _TINY)[self._which]
        return place

    def _least_squares(self, t: NDArray[float64]) -> Points:
        s = 1 - t
        b1, b2 = 3 * t * s * s, 3 * t * t * s
        near, far = s * s * s + b1, t * t * t + b2
        which = self._which
        rest = self._points - near[:, None] * self._p0[which] - far[:, None] * self._p3[which]
        a1, a2 = self._leaving, -self._arriving
        c11, c22 = self._sums(b1 * b1), self._sums(b2 * b2)
        c12 = self._sums(b1 * b2) * (a1 * a2).sum(axis=1)
        x1, x2 = self._sums(b1 * (rest * a1[which]).sum(axis=1)), self._sums(b2 * (rest * a2[which]).sum(axis=1))
        det = c11 * c22 - c12 * c12
        safe = np.where(det > _TINY, det, 1)
        usual = self._chord / 3
        lengths = [(x1 * c22 - x2 * c12) / safe, (c11 * x2 - c12 * x1) / safe]
        ok = (det > _TINY) & np.logical_and.reduce([(n >= 0) & (n <= _LONGEST * self._chord) for n in lengths])
        h1, h2 = (np.where(ok, n, usual)[:, None] for n in lengths)
        return np.stack([self._p0, self._p0 + h1 * a1, self._p3 + h2 * a2, self._p3], axis=1)

    def _sums(self, values: NDArray[float64]) -> NDArray[float64]:
        sums: NDArray[float64] = np.add.reduceat(values, self._starts)
        return sums

    def _at(self, curves: Points, t: NDArray[float64]) -> Points:
        p0, p1, p2, p3 = (curves[self._which, i] for i in range(4))
        s, t = 1 - t[:, None], t[:, None]
        points: Points = s * s * s * p0 + 3 * t * s * s * p1 + 3 * t * t * s * p2 + t * t * t * p3
        return points

    def _nearest(self, curves: Points, t: NDArray[float64]) -> NDArray[float64]:
        """Return the places of the points on their curves after one step of Newton's method."""
        p0, p1, p2, p3 = (curves[self._which, i] for i in range(4))
        away = self._at(curves, t) - self._points
        s, u = 1 - t[:, None], t[:, None]
        first = 3 * (s * s * (p1 - p0) + 2 * s * u * (p2 - p1) + u * u * (p3 - p2))
        second = 6 * (s * (p2 - 2 * p1 + p0) + u * (p3 - 2 * p2 + p1))
        slope = (first * first).sum(axis=1) + (away * second).sum(axis=1)
        step = (away * first).sum(axis=1) / np.where(np.abs(slope) > _TINY, slope, np.inf)
        places: NDArray[float64] = np.clip(t - step, 0, 1)
        return places
