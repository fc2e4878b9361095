"""Paths as SVG writes them, in whole numbers and as few bytes as may be.

https://www.w3.org/TR/SVG2/paths.html#PathData
"""

import numpy as np
from numpy.typing import NDArray

from glyphvae.vectors.paths import Paths

# Units of a glyph pixel. A capital of 20 pixels is 400 high, and the half that a number is rounded by is not seen.
UNITS = 20
# By more pixels than this no curve may stray because its first handle mirrors the last one of the curve before.
_MIRRORED = 0.06
# Where the handle is that long in chords, it would make a loop.
_LONGEST = 0.8
# Numbers that are kept as text; of hands as the model writes them few are larger.
_LARGEST = 1023
# A number, after a letter and after a number.
_LEADING = np.array([str(number) for number in range(-_LARGEST, _LARGEST + 1)], object)
_SPACED = np.array([text if text < "0" else f" {text}" for text in _LEADING], object)
# Commands: a curve, one whose first handle is the mirrored last one of the curve before, and a straight line. Each
# leaves out so many of a curve's six numbers.
_LETTERS, _LEFT_OUT = np.array(["c", "s", "l"], object), np.array([0, 2, 4])
_CURVE, _LINE = 0, 2


def path_data(paths: Paths) -> list[str]:
    """Return each path as data for the attribute `d`, in units of 1 / `UNITS` glyph pixel."""
    if not len(paths.counts):
        return []
    first = np.cumsum(paths.counts) - paths.counts
    ends = np.rint(UNITS * paths.curves[:, 2])
    starts = np.empty_like(ends)
    starts[1:] = ends[:-1]
    starts[first] = np.rint(UNITS * paths.start)
    numbers = (np.rint(UNITS * paths.curves) - starts[:, None]).astype(np.int64).reshape(-1, 6)
    commands = _commands(paths, first)
    changes = commands[1:] != commands[:-1]
    changes[first[1:] - 1] = True
    changed = np.concatenate([[0], np.flatnonzero(changes) + 1])
    texts = _texts(numbers, _SPACED)
    column = _LEFT_OUT[commands[changed]]
    texts[changed, column] = _LETTERS[commands[changed]] + _texts(numbers[changed, column], _LEADING)
    texts[commands > _CURVE, :2] = ""
    texts[commands == _LINE, 2:4] = ""
    flat = texts.ravel().tolist()
    corners, closed = starts[first].astype(int).tolist(), np.where(paths.closed, "z", "").tolist()
    bounds = zip(corners, (6 * first).tolist(), (6 * paths.counts).tolist(), closed, strict=True)
    return [f"M{x} {y}{''.join(flat[begin : begin + count])}{end}" for (x, y), begin, count, end in bounds]


def _texts(numbers: NDArray[np.int64], texts: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return numbers as text, looked up in a table; those that it lacks are written after a space."""
    written = texts.take(numbers + _LARGEST, mode="clip")
    if max(numbers.max(), -numbers.min()) > _LARGEST:
        for index in np.flatnonzero(np.abs(numbers) > _LARGEST).tolist():
            written.flat[index] = f" {numbers.flat[index]}"
    return written


def _commands(paths: Paths, first: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the command of each curve."""
    begins, before = np.empty((2, len(paths.curves), 2))
    curves = paths.curves
    begins[1:] = curves[:-1, 2]
    begins[first] = paths.start
    chord, handle = curves[:, 2] - begins, curves[:, 0] - begins
    before[1:] = begins[1:] - curves[:-1, 1]
    before[first] = 1e6  # no handle is that long
    length = np.hypot(chord[:, 0], chord[:, 1])
    apart = before - handle
    # How far a handle's end moves from the chord, of which three eighths become the curve's.
    strays = np.abs(apart[:, 0] * chord[:, 1] - apart[:, 1] * chord[:, 0]) * 3 / 8 > _MIRRORED * length
    is_long = np.hypot(before[:, 0], before[:, 1]) > _LONGEST * length
    smooth = ~(strays | is_long)
    smooth[1:] &= ~paths.straight[:-1]
    commands = smooth.astype(np.int64)
    commands[paths.straight] = _LINE
    return commands
