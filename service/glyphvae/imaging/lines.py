"""Long straight lines in a picture: rules, squares, frames and boxes.

They are taken out, and the strokes that cross them kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy import float32, intp, uint8
from numpy.typing import NDArray

Mask = NDArray[Any]  # uint8, 0 and 255; OpenCV's annotations know no types of pixels

# A rule runs through this share of the picture at least.
RULE = 0.8
# A side of a frame is at least this long, in shares of the shorter side.
_SIDE = 0.3
# Lines are thinner than this share of the shorter side.
_THICKEST = 0.045
# Lines are interrupted by no more than this share of the shorter side, by noise.
_GAP = 0.03
_PRESENT = 0.8
# This share of a line is neither crossed nor covered.
_ALONE = 0.3
# A line is seen where nothing is in front of it for this share of the shorter side.
_SEEN = 0.15
# Pieces of lines are straight along this share of the shorter side.
_PIECE = 0.08
# Ends of lines this near each other, in shares of the shorter side, meet.
_CORNER = 0.05
# Ink is on a line if it is no farther from it than this many pixels.
_NEAREST = 2
_MARGIN = _NEAREST + 1
# So many segments in each direction are followed.
_MANY = 150


@dataclass(frozen=True)
class Line:
    """A straight line, nearly along rows, or along columns in a picture that is transposed.

    Attributes:
        upright: Whether it runs along columns.
        at: (length,) its place across at each place along.
        start: First place along at which it is.
        end: The one after the last.
        width: Its width in pixels.
    """

    upright: bool
    at: NDArray[float32]
    start: int
    end: int
    width: float

    def ends(self) -> list[tuple[float, float]]:
        """Return the two ends as (x, y)."""
        points = [(float(place), float(self.at[place])) for place in (self.start, self.end - 1)]
        return [(y, x) for x, y in points] if self.upright else points


def find_lines(mask: Mask) -> list[Line]:
    """Find the rules and the sides of frames in a mask (h, w)."""
    lines: list[Line] = []
    reach = 2 * _thickest(mask) + 2
    for upright in (False, True):
        segments, tried = _segments(mask, upright=upright), 0
        ink = _surrounded(mask.T if upright else mask, reach)
        while len(segments) and tried < _MANY:
            longest, segments, tried = segments[0], segments[1:], tried + 1
            line = _followed(ink, reach, longest, upright=upright)
            if line is not None:
                lines.append(line)
                segments = segments[~_on(line, segments)]
    return lines


def _segments(mask: Mask, *, upright: bool) -> NDArray[np.floating]:
    """Return segments (n, 4) of lines nearly along rows, or along columns: x and y of both ends, the longest first."""
    short = min(mask.shape)
    # What is no line at a slant of at most ten degrees is taken away first, because looking for lines takes long.
    across, along = 5, max(8, round(_PIECE * short))
    thick = np.ones((1, across) if upright else (across, 1), uint8)
    long = np.ones((along, 1) if upright else (1, along), uint8)
    likely = cv2.morphologyEx(cv2.dilate(mask, thick), cv2.MORPH_OPEN, long) & mask
    blot = np.ones((max(7, round(_THICKEST * short)) + 2,) * 2, uint8)
    likely &= cv2.bitwise_not(cv2.morphologyEx(mask, cv2.MORPH_OPEN, blot))
    least = _SEEN * short
    found = cv2.HoughLinesP(likely, 1, np.pi / 360, max(10, int(least)), minLineLength=least, maxLineGap=_GAP * short)
    if found is None:
        return np.zeros((0, 4))
    segments: NDArray[np.floating] = found.reshape(-1, 4).astype(float)
    wide, high = np.abs(segments[:, 2] - segments[:, 0]), np.abs(segments[:, 3] - segments[:, 1])
    chosen = np.flatnonzero((high > wide) == upright)
    return segments[chosen[np.argsort(-np.maximum(wide, high)[chosen], kind="stable")]]


def _on(line: Line, segments: NDArray[np.floating]) -> NDArray[np.bool]:
    """Return which segments (n, 4) of a line's direction lie on it."""
    x1, y1, x2, y2 = (segments[:, [1, 0, 3, 2]] if line.upright else segments).T
    near = max(3.0, 1.5 * line.width)
    far = np.maximum(np.abs(line.at[x1.astype(int)] - y1), np.abs(line.at[x2.astype(int)] - y2))
    return np.asarray(far <= near)


def _thickest(mask: Mask) -> int:
    short: int = min(mask.shape)
    return max(7, round(_THICKEST * short))


def _surrounded(field: Mask, reach: int) -> NDArray[np.bool]:
    """Return where the ink of a mask (h, length) is, with rows without ink around it as for `_runs`."""
    return np.asarray(np.pad(field, ((reach + _MARGIN,) * 2, (0, 0))) > 0)


def _followed(ink: NDArray[np.bool], reach: int, segment: NDArray[np.floating], *, upright: bool) -> Line | None:
    """Follow a segment to its ends; return None where it is no thin line.

    Args:
        ink: As for `_runs`.
        reach: No line is thicker than half of it.
        segment: (4,) x and y of both ends, not transposed.
        upright: Whether it runs along columns.
    """
    x1, y1, x2, y2 = segment[[1, 0, 3, 2]] if upright else segment
    length = ink.shape[1]
    height = len(ink) - 2 * (reach + _MARGIN)
    short, thickest = min(height, length), reach // 2 - 1
    along = np.arange(length)
    slope = (y2 - y1) / (x2 - x1)
    at = (y1 + slope * (along - x1)).astype(float32)
    top, bottom = _runs(ink, at, reach)
    thick = bottom - top
    here = (thick > 0) & (along >= min(x1, x2)) & (along <= max(x1, x2))
    width = float(np.percentile(thick[here], 35)) if here.any() else 0.0
    start, end = _extent(thick > 0, int(min(x1, x2)), int(max(x1, x2)), max(3, round(_GAP * short)))
    thin = (thick > 0) & (thick <= 1.6 * width + 1) & (along >= start) & (along < end)
    is_present = np.count_nonzero(here) >= _PRESENT * abs(x2 - x1) and np.count_nonzero(thin) >= _ALONE * (end - start)
    if not is_present or width > thickest or end - start < _SIDE * short:
        return None
    # A lens bends lines: their place is measured, and smooth.
    middle = (top + bottom - 1) / 2
    fit = np.polynomial.Polynomial.fit(along[thin], middle[thin], 2)
    at = np.clip(fit(along), 0, height - 1).astype(float32)
    return Line(upright, at, start, end, width)


def _runs(ink: NDArray[np.bool], at: NDArray[float32], reach: int) -> tuple[NDArray[intp], NDArray[intp]]:
    """Return the first row and the one after the last of the ink at `at` in each column, equal where there is none.

    Args:
        ink: (h + 2·(reach + _MARGIN), length) of `_surrounded`, transposed for lines along columns.
        at: (length,) places of the line in the picture.
        reach: No more than this many rows above and below are looked at.
    """
    length = ink.shape[1]
    height = len(ink) - 2 * (reach + _MARGIN)
    columns = np.arange(length)
    row = np.clip(np.rint(at), -_MARGIN, height - 1 + _MARGIN).astype(intp)
    inner = row + reach + _MARGIN
    offsets = sorted(range(-_NEAREST, _NEAREST + 1), key=abs)
    near = np.stack([ink[inner + offset, columns] for offset in offsets])
    is_there = near.any(axis=0)
    offset = np.array(offsets)[near.argmax(axis=0)]
    runs = []
    for direction in (-1, 1):
        run, on = np.zeros(length, intp), np.flatnonzero(is_there)
        # Only in those columns where the ink goes on, which are few soon.
        for step in range(1, reach - 1):
            on = on[ink[inner[on] + offset[on] + direction * step, on]]
            if not on.size:
                break
            run[on] += 1
        runs.append(run)
    above, below = runs
    middle = row + offset
    return np.where(is_there, middle - above, 0), np.where(is_there, middle + below + 1, 0)


def _extent(present: NDArray[np.bool], start: int, end: int, gap: int) -> tuple[int, int]:
    """Extend from `start` to `end` as long as gaps are no longer than `gap`."""
    while True:
        before = np.flatnonzero(present[max(0, start - gap) : start])
        if not before.size:
            break
        start = max(0, start - gap) + int(before[0])
    while True:
        after = np.flatnonzero(present[end + 1 : end + 1 + gap])
        if not after.size:
            break
        end = end + 1 + int(after[-1])
    return start, end + 1


def rules_of(lines: Sequence[Line], shape: tuple[int, int]) -> list[Line]:
    """Return the lines that are no stroke: those through the picture, and the sides of closed frames."""
    height, width = shape
    through = [line for line in lines if line.end - line.start >= RULE * (height if line.upright else width)]
    near = _CORNER * min(shape)
    others = list(lines)
    while True:
        framing = [line for line in others if all(_meets(line, end, others, near) for end in line.ends())]
        if len(framing) == len(others):
            break
        others = framing
    framing = framing if len(framing) >= 4 else []
    return through + [line for line in framing if not any(line is one for one in through)]


def _meets(line: Line, end: tuple[float, float], lines: Sequence[Line], near: float) -> bool:
    return any(
        other.upright != line.upright and any(np.hypot(end[0] - x, end[1] - y) <= near for x, y in other.ends())
        for other in lines
    )


def without(mask: Mask, ink: NDArray[uint8], lines: Sequence[Line]) -> Mask:
    """Take lines out of a mask, but not the strokes that cross them.

    Args:
        mask: (h, w).
        ink: (h, w) how dark it is; what is far darker than a line is a stroke on it.
        lines: To take out.
    """
    left, taken = mask.copy(), np.zeros_like(mask)
    for line in lines:
        _erase(mask, ink, line, taken)
    left[taken > 0] = 0
    # A stroke that crosses at a slant loses little pieces, which have ink on both sides.
    reach = round(max((line.width for line in lines), default=0)) + 3
    for upright in (False, True):
        if any(line.upright == upright for line in lines):
            kernel = np.ones((1, reach) if upright else (reach, 1), np.uint8)
            left |= cv2.morphologyEx(left, cv2.MORPH_CLOSE, kernel) & taken
    return left


def _erase(mask: Mask, ink: NDArray[uint8], line: Line, taken: Mask) -> None:
    """Mark the pixels of a line in `taken`."""
    field, levels, marked = (one.T if line.upright else one for one in (mask, ink, taken))
    reach = int(np.ceil(2.5 * line.width)) + 4
    top, bottom = _runs(_surrounded(field, reach), line.at, reach)
    thin = np.flatnonzero((bottom - top > 0) & (bottom - top <= 1.6 * line.width + 1.5))
    more = round(0.02 * len(line.at)) + 2
    thin = thin[(thin >= line.start - more) & (thin < line.end + more)]
    if not thin.size:
        return
    own = float(np.median(levels[np.rint(line.at[thin]).astype(intp), thin]))
    for place in thin:
        run = slice(top[place], bottom[place])
        if levels[run, place].max() <= 1.8 * own + 20:
            marked[run, place] = 255
