"""Baseline and heights of lines of characters, and how well each character fits what it is taken for.

A unit is a cap height; y points down from the upper edge of a sheet, in its pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy import float64, intp
from numpy.typing import NDArray

from glyphvae.text.x_height import DOTTED_HEIGHTS, HEIGHTS, TAILS

Floats = NDArray[float64]

_ROWS = 20  # of a capital, in the tables of heights
_X_HEIGHT = HEIGHTS["x"] / _ROWS
_HEIGHTS = HEIGHTS | DOTTED_HEIGHTS
# Letters that differ from their capital by size or place alone, and other look-alikes, tell no height.
_ONE_SHAPE = frozenset("0OocCsSuUvVwWxXzZpPyYjJkKmMfFiIl1")
# Those among them that stand on the baseline either way.
_STANDING = frozenset("0OocCsSuUvVwWxXzZkKmMiIl1")
# A character of at least this height is as high as a capital in every hand.
_TALL = 0.9
# So many characters say as much of the cap height of a line as the rest of the page does.
_PAGE_WEIGHT = 4
# So many are needed for the slope of a baseline, and for the x-height.
_FEWEST = 5
# Of a baseline.
_STEEPEST = 0.06
# Usual deviations of tops and feet, and the most that they count, as a square.
_TOP, _FOOT, _MOST = 0.14, 0.13, 16.0
# Share of the x-height, of a cap height.
_X_LEAST, _X_MOST = 0.45, 0.85


def extents_of(names: Sequence[str]) -> Floats:
    """Return (labels, 2) how far the top of each label is above the baseline, and its foot; for letters and digits."""
    return np.array([_extent(name) for name in names]).reshape(-1, 2)


@cache  # of the labels of models, many times for each page
def _extent(name: str) -> tuple[float, float]:
    height = _HEIGHTS.get(name, _ROWS) / _ROWS
    tail = TAILS.get(name, 0.0)
    if name == "j":
        return DOTTED_HEIGHTS["i"] / _ROWS, -tail
    # Of a letter with a tail, the table has the share of its own height, whose rest is the x-height.
    below = tail * _X_HEIGHT / (1 - tail) if name.islower() else tail
    return (_X_HEIGHT if tail and name.islower() else height), -below


@dataclass(frozen=True)
class Metrics:
    """Metrics of the line of each of n characters.

    Attributes:
        base: (n,) the baseline at the character.
        cap: (n,) cap height, in pixels.
        x_height: Share of it that small letters have.
    """

    base: Floats
    cap: Floats
    x_height: float

    def tops(self, top: Floats) -> Floats:
        """Return how far places (n,) are above the baseline, in cap heights."""
        return (self.base - top) / self.cap


def measure(places: Floats, lines: NDArray[intp], names: Sequence[str], size: float) -> Metrics:
    """Measure lines by what their characters are taken for.

    Args:
        places: (n, 4) left, top, right and bottom.
        lines: (n,) the line of each, from 0.
        names: (n,) what each is taken for.
        size: The usual height, where nothing tells the cap height.
    """
    extents = extents_of(names)
    sure = np.array([name not in _ONE_SHAPE and name.isalnum() for name in names], bool)
    stands = sure | np.array([name in _STANDING for name in names], bool)
    base = np.zeros(len(names))
    for line in np.unique(lines):
        own = np.flatnonzero(lines == line)
        firm = own[stands[own]] if stands[own].any() else own
        feet = places[firm, 3] + np.where(stands[firm], extents[firm, 1], 0) * size
        middle = places[:, [0, 2]].mean(axis=1)
        base[own] = _baseline(middle[firm], feet, middle[own])
    above = base - places[:, 1]
    # Digits tell it only where no high letter does, and small letters where nothing else does: their heights differ.
    tall = sure & (extents[:, 0] >= _TALL)
    letters = tall & np.array([name.isalpha() for name in names], bool)
    known = next((one for one in (letters, tall) if one.any()), sure)
    page, cap = _usual(above[known] / extents[known, 0], above, size), np.zeros(len(names))
    for line in np.unique(lines):
        own = lines == line
        told = above[own & known] / extents[own & known, 0]
        cap[own] = np.median(np.concatenate([told, np.full(_PAGE_WEIGHT, page)]))
    small = sure & (extents[:, 0] == _X_HEIGHT)
    share = float(np.median(above[small] / cap[small])) if np.count_nonzero(small) >= _FEWEST else _X_HEIGHT
    return Metrics(base, cap, min(max(share, _X_LEAST), _X_MOST))


def _usual(known: Floats, above: Floats, size: float) -> float:
    """Return the cap height of a page: where no character tells it, the highest are taken for capitals."""
    found = float(np.median(known) if known.size else np.quantile(above, 0.9))
    return max(found, size / 2, 1.0)


def _baseline(x: Floats, feet: Floats, at: Floats) -> Floats:
    """Fit a line to feet by medians, and return its height at some places."""
    if len(x) < _FEWEST:
        return np.full(len(at), float(np.median(feet)))
    first, second = np.triu_indices(min(len(x), 60), 1)
    apart = x[second] - x[first]
    far = np.abs(apart) > 0
    slope = float(np.median((feet[second] - feet[first])[far] / apart[far])) if far.any() else 0.0
    slope = min(max(slope, -_STEEPEST), _STEEPEST)
    return float(np.median(feet - slope * x)) + slope * at


def fitness(places: Floats, parted: NDArray[np.bool], metrics: Metrics, names: Sequence[str]) -> Floats:
    """Return how well the size and place of each character fit each label.

    Args:
        places: (n, 4) left, top, right and bottom.
        parted: (n,) whether it has several pieces.
        metrics: Of the lines.
        names: Of the labels.

    Returns:
        (n, labels) log-likelihoods up to 0.
    """
    extents = extents_of(names)
    tops, feet = extents[:, 0].copy(), extents[:, 1]
    tops[tops == _X_HEIGHT] = metrics.x_height
    # Many write an i or j without its dot.
    dotless = np.where(np.isin(np.array(names, str), ["i", "j"]), metrics.x_height, tops)
    top = metrics.tops(places[:, 1])[:, None]
    off = np.square((top - tops) / _TOP)
    off = np.minimum(off, np.where(parted[:, None], np.inf, np.square((top - dotless) / _TOP)))
    foot = np.square((metrics.tops(places[:, 3])[:, None] - feet) / _FOOT)
    fit: Floats = -np.minimum(off, _MOST) / 2 - np.minimum(foot, _MOST) / 2
    return fit
