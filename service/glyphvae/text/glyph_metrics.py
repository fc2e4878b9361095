"""Where the ink of each glyph is, which is what text is set by."""

from dataclasses import dataclass

import numpy as np
from numpy import float64, int64, uint8, uint32
from numpy.typing import NDArray

_SIDE = 28
# What is fainter neither stands on a line nor touches a neighbour: a quarter of full ink, as blurred edges are.
_FAINTEST_INK = 64
# An image without ink takes the place of a narrow letter.
_NO_INK_ROWS = slice(4, 24)
_NO_INK_COLUMNS = sum(1 << (31 - column) for column in range(9, 19))
_BITS = 32
# The rows of a line that are compared, from well above a capital's top to below any tail; 0 is the first row below
# the baseline.
_ROWS = np.arange(-28, 9)
_CAPITAL = slice(8, 28)
# More paper than this is simply paper: without a bound, an L would pull a T over its foot.
_MOST_WHITE = 10
# What two letters leave between them when their boxes touch, as an average over a capital's height. It is taken for
# granted, so that a gap of 0 sets letters of common shapes box to box.
_WHITE_OF_SHAPES = 5
# Ink comes no nearer to ink, unless the gap asks for it.
_CLEARANCE = 2


@dataclass(frozen=True)
class Ink:
    """The ink of n glyphs, in glyph pixels.

    Attributes:
        left: (n,) first column of the cell with ink.
        width: (n,) columns from the first to the last with ink.
        base: (n,) row of the cell that comes first below the baseline.
        ascent: (n,) rows of ink above the baseline.
        descent: (n,) rows of ink below the baseline.
        before: (n, rows) paper between the box and its ink on the left, in each row of the line.
        after: (n, rows) likewise on the right.
    """

    left: NDArray[int64]
    width: NDArray[int64]
    base: NDArray[int64]
    ascent: NDArray[int64]
    descent: NDArray[int64]
    before: NDArray[int64]
    after: NDArray[int64]

    def gaps(self, letter_gap: int) -> NDArray[int64]:
        """(n - 1,) distance of each glyph's box to the next one's, negative where boxes overlap.

        Letters look evenly set when the paper between them, not the distance of their boxes, is even: the paper in
        a capital's height, at most 10 a row, averages `letter_gap` + 5 wherever ink does not come too near.
        """
        left, right = self.after[:-1], self.before[1:]
        straight, falling, rising = left + right, left[:, :-1] + right[:, 1:], left[:, 1:] + right[:, :-1]
        average = np.minimum(straight[:, _CAPITAL], _MOST_WHITE).mean(axis=1)
        nearest = np.minimum.reduce([paper.min(axis=1) for paper in (straight, falling, rising)])
        even = np.rint(letter_gap + _WHITE_OF_SHAPES - average).astype(int64)
        gaps: NDArray[int64] = np.maximum(even, min(_CLEARANCE, letter_gap) - nearest)
        return gaps


def measure(pixels: NDArray[uint8], tails: NDArray[float64]) -> Ink:
    """The ink of glyphs.

    Args:
        pixels: (n, 28, 28), paper 0, ink 255.
        tails: (n,) share of each glyph's height that hangs below the baseline.
    """
    rows = _bits(pixels)
    rows[~rows.any(axis=1), _NO_INK_ROWS] = _NO_INK_COLUMNS
    in_row: NDArray[np.bool] = np.not_equal(rows, 0)  # (n, 28)
    top, bottom = _extent(in_row)
    left, right = _ends(np.bitwise_or.reduce(rows, axis=1))
    descent = np.rint(tails * (bottom - top)).astype(int64)
    base = bottom - descent
    first, last = _ends(rows)  # (n, 28)
    white = np.where(in_row, [first - left[:, None], right[:, None] - last], _SIDE)  # (2, n, 28)
    before, after = _on_line(white, base)
    return Ink(left, right - left, base, base - top, descent, before, after)


def _bits(pixels: NDArray[uint8]) -> NDArray[uint32]:
    """(n, 28) the ink of each row of glyphs (n, 28, 28) as a number, whose highest bit is the first column.

    What is searched for in a row is then found by arithmetic on one number instead of 28 truth values.
    """
    ink = np.zeros((len(pixels), _SIDE, _BITS), np.bool)
    np.greater_equal(pixels, _FAINTEST_INK, out=ink[..., :_SIDE])
    return np.packbits(ink.ravel()).view(">u4").astype(uint32).reshape(-1, _SIDE)


def _ends(bits: NDArray[uint32]) -> tuple[NDArray[int64], NDArray[int64]]:
    """First column with ink, and one past the last; where there is none, any numbers."""
    # The exponent of a number is one more than the place of its highest bit.
    _, highest = np.frexp(bits.astype(float64))
    _, lowest = np.frexp((bits & (~bits + 1)).astype(float64))
    return (_BITS - highest).astype(int64), (_BITS + 1 - lowest).astype(int64)


def ink_boxes(pixels: NDArray[uint8]) -> tuple[NDArray[int64], ...]:
    """Top, bottom, left and right (bottom and right exclusive) of the ink of glyphs (n, 28, 28), each (n,).

    Of a glyph without ink, the whole cell.
    """
    ink: NDArray[np.bool] = np.greater_equal(pixels, _FAINTEST_INK)
    in_row: NDArray[np.bool] = np.any(ink, axis=2)
    in_column: NDArray[np.bool] = np.any(ink, axis=1)
    return *_extent(in_row), *_extent(in_column)


def parted(pixels: NDArray[uint8]) -> NDArray[np.bool]:
    """Which of the glyphs (n, 28, 28) have a row of paper between ink, as one with a dot has: (n,)."""
    in_row: NDArray[np.bool] = np.any(np.greater_equal(pixels, _FAINTEST_INK), axis=2)
    starts = np.diff(in_row.astype(np.int8), axis=1, prepend=0) > 0
    several: NDArray[np.bool] = np.greater(np.count_nonzero(starts, axis=1), 1)
    return several


def _extent(ink: NDArray[np.bool]) -> tuple[NDArray[int64], NDArray[int64]]:
    """First place with ink along the last axis, and one past the last."""
    return ink.argmax(axis=-1), ink.shape[-1] - ink[..., ::-1].argmax(axis=-1)


def _on_line(paper: NDArray[int64], base: NDArray[int64]) -> NDArray[int64]:
    """(sides, n, 28) by the rows of the cell to (sides, n, rows) by the rows of the line."""
    sides, n, _ = paper.shape
    above, below = -_ROWS[0], _ROWS[-1] + 1
    padded = np.full((sides, n, above + _SIDE + below), _SIDE)
    padded[..., above : above + _SIDE] = paper
    # Places in the flattened array, which are looked up faster than pairs of places.
    starts = np.arange(sides * n).reshape(sides, n) * padded.shape[2] + base
    line: NDArray[int64] = padded.take(starts[..., None] + (_ROWS + above))
    return line
