"""Lines of separated characters: which pieces of ink are one character, and which characters one line.

Pieces are boxes (n, 4) of left, top, right and bottom, and `size` is the usual height of a character, in pixels.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glyphvae.scheduling.deadline import checkpoint

Boxes = NDArray[np.float64]
Numbers = NDArray[Any]  # whole numbers

# Pieces of at least this height, in sizes, make lines; smaller ones are dots, marks and the ends of strokes.
_CORE = 0.45
# Degrees by which lines may be tilted, the steps in which tilts are tried, and how unlikely large ones are.
_STEEPEST, _STEP, _LIKELY = 30.0, 0.5, 18.0
# Feet of characters of one line are this near its baseline, in sizes.
_LEVEL = 0.15
# A character overlaps this share of the height of the characters before it in its line, or of its own.
_OVERLAP = 0.35
# So many characters before one tell where its line is.
_BEFORE = 3
# And so many around a mark.
_BESIDES = 5
# A line of characters that are lower than this, in sizes, is rather one of marks of another line.
_LOW = 0.85
# A piece belongs to a character that it overlaps, from side to side, by this share of the narrower one: where they are
# beside one another too, for this share of the lower one, by more.
_ABOVE, _WITHIN, _BESIDE = 0.5, 0.8, 0.5
# The dot of an i is at most this far above it, in sizes, and reaches over its sides by no more than that.
_DOT, _ASIDE = 0.75, 0.2
# It reaches into the character's height by this share, and is rather above another than beside it.
_INTO, _UP = 0.25, 0.3
# An exclamation mark is at most this wide, in sizes.
_MARK = 0.6
# Pieces nearer to a character than this, in sizes, have broken off from it.
_BROKEN = 0.045
# But not points and apostrophes beside it: pieces of at most this width, in sizes, and not much wider than high, whose
# middle is beyond these shares of half of the character's width and of half of its height.
_POINT, _WIDER, _OUTSIDE, _BEYOND = 0.3, 1.25, 0.8, 0.5
# The longest side of two dots is at most this many times as long as the shortest.
_DOTTED = 1.6
# The strokes of a quotation mark: at least this many times as high as wide, at most this high and this far apart, in
# sizes, and beside one another for this share of the lower one.
_SLIM, _SHORT, _NEAR, _EVEN = 1.3, 0.8, 0.4, 0.6
# A mark is at most this far over or under the characters of its line, in sizes, and this far beside them; and it is not
# this many times as high.
_OFF, _AWAY, _TALLER = 0.8, 3.0, 1.5


def tilt_of(boxes: Boxes, size: float) -> float:
    """Return the tilt of lines in degrees, positive where they descend to the right.

    At that tilt, most characters stand on a few baselines.
    """
    core = boxes[boxes[:, 3] - boxes[:, 1] >= _CORE * size]
    if len(core) < 3:
        return 0.0
    x, y = (core[:, 0] + core[:, 2]) / 2, core[:, 3]
    tilts = np.arange(-_STEEPEST, _STEEPEST + _STEP, _STEP)
    found = [_levelness(x, y, tilt, size) for tilt in tilts]
    best = float(tilts[int(np.argmax(found))])
    fine = np.linspace(best - _STEP, best + _STEP, 11)
    return float(fine[int(np.argmax([_levelness(x, y, tilt, size) for tilt in fine]))])


def _levelness(x: NDArray[np.float64], y: NDArray[np.float64], tilt: float, size: float) -> float:
    """Return how many pairs of characters stand on one baseline at a tilt, less what makes it unlikely."""
    turn = np.deg2rad(tilt)
    feet = (y * np.cos(turn) - x * np.sin(turn)) / (_LEVEL * size)
    places = np.floor(feet - feet.min()).astype(int)
    share = feet - feet.min() - places
    counts = np.bincount(places, 1 - share, int(places.max()) + 3) + np.bincount(
        places + 1, share, int(places.max()) + 3
    )
    smooth = np.convolve(counts, (0.25, 0.5, 0.25))
    return float(np.square(smooth).sum() * np.exp(-((tilt / _LIKELY) ** 2) / 2))


def lines_of(boxes: Boxes, upright: Boxes, blots: NDArray[np.bool], size: float) -> list[list[list[int]]]:
    """Return the lines from top to bottom, each its characters from left to right, each the indices of its pieces.

    Pieces that are in no line are left out.

    Args:
        boxes: Of all pieces.
        upright: What they were if the writing did not slant. Letters are told apart by these; marks may lean less.
        blots: (n,) which of them are a character only beside others.
        size: The usual height.
    """
    is_core = (boxes[:, 3] - boxes[:, 1] >= _CORE * size) & ~blots
    if not is_core.any():
        is_core[:] = True
    lines = _merged([_characters([upright], line) for line in _rows(upright, np.flatnonzero(is_core))], upright)
    lines = _with_marks(upright, lines, size)
    _insert(upright, lines, [[blot] for blot in np.flatnonzero(blots & ~is_core).tolist()], size)
    loose = _attached(boxes, upright, lines, np.flatnonzero(~is_core & ~blots), size)
    _insert(upright, lines, _characters([boxes, upright], loose, within=size), size)
    lines.sort(key=lambda line: float(np.median([_around(upright, group)[[1, 3]].mean() for group in line])))
    lines = [sorted(line, key=lambda group: float(_around(upright, group)[[0, 2]].sum())) for line in lines]
    return [_with_quotes(upright, line, size) for line in lines]


def _rows(boxes: Boxes, core: Numbers) -> list[list[int]]:
    """Follow each line from left to right."""
    rows: list[list[int]] = []
    bands: list[tuple[float, float]] = []
    for piece in core[np.argsort(boxes[core, 0], kind="stable")].tolist():
        _, top, _, bottom = boxes[piece]
        shares = [(min(bottom, low) - max(top, high)) / max(1.0, min(bottom - top, low - high)) for high, low in bands]
        best = int(np.argmax(shares)) if shares else 0
        if not shares or shares[best] < _OVERLAP:
            best = len(rows)
            rows.append([])
            bands.append((0.0, 0.0))
        rows[best].append(piece)
        last = boxes[rows[best][-_BEFORE:]]
        bands[best] = float(np.median(last[:, 1])), float(np.median(last[:, 3]))
    return rows


def _merged(lines: list[list[list[int]]], boxes: Boxes) -> list[list[list[int]]]:
    """Join lines, one of which goes on where the other ends at the same height, and lines within one another."""
    merged: list[list[list[int]]] = []
    places: list[Boxes] = []
    for line in sorted(lines, key=len, reverse=True):
        checkpoint()
        own = _around_each(boxes, line)
        for number, other in enumerate(places):
            near = _nearest(other, own)
            overlap = min(own[:, 3].max(), near[1]) - max(own[:, 1].min(), near[0])
            if overlap > 0.5 * min(float(np.median(own[:, 3] - own[:, 1])), near[1] - near[0]):
                merged[number].extend(line)
                places[number] = np.concatenate([other, own])
                break
        else:
            merged.append(line)
            places.append(own)
    return merged


def _with_marks(boxes: Boxes, lines: list[list[list[int]]], size: float) -> list[list[list[int]]]:
    """Add the characters of low lines, such as quotation marks, to the lines that they are marks of."""

    def is_low(group: list[int]) -> bool:
        around = _around(boxes, group)
        return bool(around[3] - around[1] < _LOW * size)

    low = [line for line in lines if all(map(is_low, line))]
    others = [line for line in lines if not all(map(is_low, line))]
    if not others:
        return lines
    alone: list[list[list[int]]] = []
    places = [_around_each(boxes, line) for line in others]
    for line in low:
        found = [(mark, place) for mark in line if (place := _line_of(_around(boxes, mark), places, size)) is not None]
        if len(found) < len(line):
            alone.append(line)
            continue
        for mark, place in found:
            _add(boxes, others, places, mark, place)
    return others + alone


def _nearest(line: Boxes, own: Boxes) -> tuple[float, float]:
    """Return the top and bottom of those characters of a line that are nearest to others, from side to side."""
    far = np.abs(line[:, [0, 2]].mean(axis=1) - own[:, [0, 2]].mean())
    near = line[np.argsort(far)[:_BESIDES]]
    top, bottom = np.median(near[:, [1, 3]], axis=0).tolist()
    return top, bottom


def _characters(boxes: Sequence[Boxes], pieces: Sequence[int], within: float = np.inf) -> list[list[int]]:
    """Group pieces that are above one another, from left to right.

    Args:
        boxes: Of all pieces, as they may be read: it is enough that pieces are above one another in one of these.
        pieces: Indices of those to group.
        within: Distance up and down, in pixels, in which they are of one character, as the dots of a colon.
    """
    groups: list[list[int]] = []
    for piece in sorted(pieces, key=lambda piece: float(boxes[-1][piece, 0])):
        for group in groups[-3:]:
            each = [(one[piece], _around(one, group)) for one in boxes]
            if any((_is_above(*pair) or _are_dots(*pair, within)) and _apart(*pair) < within for pair in each):
                group.append(piece)
                break
        else:
            groups.append([piece])
    return groups


def _with_quotes(boxes: Boxes, line: list[list[int]], size: float) -> list[list[int]]:
    """Join the strokes of quotation marks in a line, which are apart."""
    every = _around_each(boxes, line)
    letters = every[every[:, 3] - every[:, 1] >= _LOW * size]
    joined: list[list[int]] = []
    for group, around in zip(line, every, strict=True):
        top, bottom = _nearest(letters if len(letters) else every, around[None])
        is_single = joined and len(joined[-1]) == len(group) == 1
        if is_single and _is_quote(boxes[joined[-1][0]], around, (top + bottom) / 2, size):
            joined[-1] = joined[-1] + group
        else:
            joined.append(group)
    return joined


def _is_quote(a: Boxes, b: Boxes, middle: float, size: float) -> bool:
    """Return whether two boxes may be both strokes of a quotation mark in a line with some middle."""
    high, wide = (np.array([one[end] - one[start] for one in (a, b)]) for start, end in ((1, 3), (0, 2)))
    apart = max(a[0], b[0]) - min(a[2], b[2])
    beside = min(a[3], b[3]) - max(a[1], b[1])
    is_stroke = (high >= _SLIM * wide) & (high <= _SHORT * size)
    is_near = 0 <= apart <= _NEAR * size and beside >= _EVEN * high.min()
    return bool(is_stroke.all() and is_near and max(a[3], b[3]) <= middle)


def _is_above(a: Boxes, b: Boxes) -> bool:
    """Return whether two boxes are of one character: above one another, or one nearly within the other."""
    overlap = (min(a[2], b[2]) - max(a[0], b[0])) / min(a[2] - a[0], b[2] - b[0])
    beside = (min(a[3], b[3]) - max(a[1], b[1])) / min(a[3] - a[1], b[3] - b[1])
    return bool(overlap >= (_WITHIN if beside > _BESIDE else _ABOVE))


def _are_dots(a: Boxes, b: Boxes, size: float) -> bool:
    """Return whether two boxes are the dots of a colon, one of which may be aside of the other."""
    sides = np.array([one[2:] - one[:2] for one in (a, b)])
    overlap = min(a[2], b[2]) - max(a[0], b[0])
    return bool(np.isfinite(size) and overlap > 0 and sides.max() <= min(_POINT * size, _DOTTED * sides.min()))


def _apart(a: Boxes, b: Boxes) -> float:
    """Return the distance of two boxes, up and down."""
    return float(max(a[1] - b[3], b[1] - a[3], 0))


def _attached(boxes: Boxes, upright: Boxes, lines: list[list[list[int]]], small: Numbers, size: float) -> list[int]:
    """Add small pieces to the characters that they belong to; return the others.

    The dot of an i leans with its letter; that of an exclamation mark is below its stroke, which may lean alone.
    """
    groups = [group for line in lines for group in line]
    straight, leaning = (np.array([_around(one, group) for group in groups]) for one in (upright, boxes))
    # A comma may be below a letter that leans over it.
    is_narrow = leaning[:, 2] - leaning[:, 0] <= _MARK * size
    loose: list[int] = []
    for piece in small.tolist():
        alone = np.where(is_narrow, _below(boxes[piece], leaning, size), np.inf)
        far = np.minimum(_distances(upright[piece], straight, size), alone)
        best = int(np.argmin(far))
        if np.isfinite(far[best]):
            groups[best].append(piece)
        else:
            loose.append(piece)
    return loose


def _distances(piece: Boxes, around: Boxes, size: float) -> NDArray[np.float64]:
    """Return how far a small piece (4,) is from characters (n, 4), in sizes; infinity from those it is no part of."""
    left, top, right, bottom = (piece / size).tolist()
    lefts, tops, rights, bottoms = around.T / size
    across = np.maximum(np.maximum(lefts - right, left - rights), 0)
    along = np.maximum(np.maximum(tops - bottom, top - bottoms), 0)
    off = np.abs(left + right - lefts - rights) / 2
    within = off <= (rights - lefts) / 2
    near = np.hypot(across, along)
    is_point = right - left <= min(_POINT, _WIDER * (bottom - top))
    is_beyond = np.abs(top + bottom - tops - bottoms) > _BEYOND * (bottoms - tops)
    is_broken = (near <= _BROKEN) & ~(is_point & is_beyond & (off > _OUTSIDE * (rights - lefts) / 2))
    far = np.where(is_broken | ((near == 0) & within), near, np.inf)
    # The dot of an i, right of it where the hand leans.
    above = (off <= (rights - lefts) / 2 + _ASIDE) & (along <= _DOT) & (bottom <= tops + _INTO * (bottoms - tops))
    far = np.minimum(far, np.where(above, _BROKEN + off + along * _UP, np.inf))
    return np.minimum(far, _below(piece, around, size))


def _below(piece: Boxes, around: Boxes, size: float) -> NDArray[np.float64]:
    """Return how far a dot (4,) is below characters (n, 4), in sizes, as under an exclamation mark; else infinity."""
    left, top, right, _ = piece / size
    lefts, _, rights, bottoms = around.T / size
    off, along = np.abs(left + right - lefts - rights) / 2, top - bottoms
    below = (off <= (rights - lefts) / 2) & (along >= 0) & (along <= _DOT)
    return np.where(below, _BROKEN + off + along, np.inf)


def _insert(boxes: Boxes, lines: list[list[list[int]]], marks: Sequence[list[int]], size: float) -> None:
    """Add each mark to the line that it is on, if there is one."""
    places = [_around_each(boxes, line) for line in lines]
    for mark in marks:
        place = _line_of(_around(boxes, mark), places, size)
        if place is not None:
            _add(boxes, lines, places, mark, place)


def _add(boxes: Boxes, lines: list[list[list[int]]], places: list[Boxes], mark: list[int], place: int) -> None:
    """Add a mark to a line, and its box to those of the line."""
    lines[place].append(mark)
    places[place] = np.concatenate([places[place], _around(boxes, mark)[None]])


def _line_of(own: Boxes, lines: Sequence[Boxes], size: float) -> int | None:
    """Return the line that a mark with some box (4,) is on, if there is one; `lines` are boxes of characters."""
    checkpoint()
    middle = own[[1, 3]].mean()
    off = [_off(own, middle, line, size) for line in lines]
    best = int(np.argmin(off))
    return best if off[best] <= _OFF * size else None


def _off(own: Boxes, middle: float, line: Boxes, size: float) -> float:
    """Return how far a mark is over or under a line, in pixels; infinity where it is not of the line."""
    # Most lines of a page are far away, and it takes long to find which of their characters are nearest.
    if middle < line[:, 1].min() - _OFF * size or middle > line[:, 3].max() + _OFF * size:
        return np.inf
    top, bottom = _nearest(line, own[None])
    across = np.maximum(np.maximum(line[:, 0] - own[2], own[0] - line[:, 2]), 0).min()
    is_far = across > _AWAY * size or own[3] - own[1] > _TALLER * (bottom - top)
    return np.inf if is_far else max(top - middle, middle - bottom, 0.0)


def _around_each(boxes: Boxes, line: Sequence[Sequence[int]]) -> Boxes:
    """Return the boxes (n, 4) around the characters of a line."""
    return np.array([_around(boxes, group) for group in line])


def _around(boxes: Boxes, group: Sequence[int]) -> Boxes:
    """Return the box (4,) around pieces."""
    chosen = boxes[list(group)]
    return np.concatenate([chosen[:, :2].min(axis=0), chosen[:, 2:].max(axis=0)])
