"""Measurements of the ink of each glyph, for typesetting."""

from dataclasses import dataclass

import numpy as np
from numpy import float64, int64, uint8, uint32
from numpy.typing import NDArray

_SIDE = 28
# Fainter pixels do not count: a quarter of full ink, the level of blurred edges.
_FAINTEST_INK = 64
# An image without ink is given the box of a narrow letter.
_NO_INK_ROWS = slice(4, 24)
_NO_INK_COLUMNS = sum(1 << (31 - column) for column in range(9, 19))
_BITS = 32
# Rows of a line in which neighbours are compared, from well above a capital's top to below any descender; 0 is the
# first row below the baseline.
_ROWS = np.arange(-28, 9)
_CAPITAL = slice(8, 28)
# Upper limit of the paper counted in a row: without one, a T would be set above the foot of an L.
_MAX_WHITE = 10
# Average paper per row between two letters of common shapes whose boxes touch, so that with a letter gap of 0 their
# boxes touch.
_WHITE_OF_SHAPES = 5
# Minimum distance of the ink of two letters, unless the letter gap is smaller.
_CLEARANCE = 2


@dataclass(frozen=True)
class GlyphMetrics:
    """Measurements of the ink of n glyphs, in glyph pixels.

    Attributes:
        left: (n,) first column of the cell with ink.
        width: (n,) columns from the first to the last with ink.
        base: (n,) first row of the cell below the baseline.
        ascent: (n,) rows of ink above the baseline.
        descent: (n,) rows of ink below the baseline.
        before: (n, rows) paper between the left side of the box and the ink, in each row of the line.
        after: (n, rows) paper between the ink and the right side of the box.
    """

    left: NDArray[int64]
    width: NDArray[int64]
    base: NDArray[int64]
    ascent: NDArray[int64]
    descent: NDArray[int64]
    before: NDArray[int64]
    after: NDArray[int64]

    def gaps(self, letter_gap: int) -> NDArray[int64]:
        """Return (n - 1,) the distance of each glyph's box to the next one's, negative if they overlap.

        Letters look evenly spaced if the area of paper between them, not the distance of their boxes, is even: the
        paper over a capital's height, at most 10 per row, averages `letter_gap` + 5 unless the ink would come too near.
        """
        left, right = self.after[:-1], self.before[1:]
        straight, falling, rising = left + right, left[:, :-1] + right[:, 1:], left[:, 1:] + right[:, :-1]
        average = np.minimum(straight[:, _CAPITAL], _MAX_WHITE).mean(axis=1)
        nearest = np.minimum.reduce([paper.min(axis=1) for paper in (straight, falling, rising)])
        even = np.rint(letter_gap + _WHITE_OF_SHAPES - average).astype(int64)
        gaps: NDArray[int64] = np.maximum(even, min(_CLEARANCE, letter_gap) - nearest)
        return gaps


def measure(pixels: NDArray[uint8], tails: NDArray[float64]) -> GlyphMetrics:
    """Measure the ink of glyphs.

    Args:
        pixels: (n, 28, 28), paper 0, ink 255.
        tails: (n,) share of each glyph's height that is below the baseline.
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
    return GlyphMetrics(left, right - left, base, base - top, descent, before, after)


def _bits(pixels: NDArray[uint8]) -> NDArray[uint32]:
    """Encode each row of glyphs (n, 28, 28) as an integer (n, 28) of ink bits, the first column the highest bit.

    Rows are then searched by arithmetic on one integer instead of 28 booleans.
    """
    ink = np.zeros((len(pixels), _SIDE, _BITS), np.bool)
    np.greater_equal(pixels, _FAINTEST_INK, out=ink[..., :_SIDE])
    return np.packbits(ink.ravel()).view(">u4").astype(uint32).reshape(-1, _SIDE)


def _ends(bits: NDArray[uint32]) -> tuple[NDArray[int64], NDArray[int64]]:
    """Return the first column with ink and the one after the last; arbitrary numbers for a row without ink."""
    # The exponent of a number is one more than the position of its highest bit.
    _, highest = np.frexp(bits.astype(float64))
    _, lowest = np.frexp((bits & (~bits + 1)).astype(float64))
    return (_BITS - highest).astype(int64), (_BITS + 1 - lowest).astype(int64)


def ink_boxes(pixels: NDArray[uint8]) -> tuple[NDArray[int64], ...]:
    """Return top, bottom, left and right (bottom and right exclusive) of the ink of glyphs (n, 28, 28), each (n,).

    A glyph without ink has the box of its whole cell.
    """
    ink: NDArray[np.bool] = np.greater_equal(pixels, _FAINTEST_INK)
    in_row: NDArray[np.bool] = np.any(ink, axis=2)
    in_column: NDArray[np.bool] = np.any(ink, axis=1)
    return *_extent(in_row), *_extent(in_column)


def parted(pixels: NDArray[uint8]) -> NDArray[np.bool]:
    """Return (n,) whether each glyph (n, 28, 28) has a row of paper between rows of ink, as a dotted letter has."""
    in_row: NDArray[np.bool] = np.any(np.greater_equal(pixels, _FAINTEST_INK), axis=2)
    starts = np.diff(in_row.astype(np.int8), axis=1, prepend=0) > 0
    several: NDArray[np.bool] = np.greater(np.count_nonzero(starts, axis=1), 1)
    return several


def _extent(ink: NDArray[np.bool]) -> tuple[NDArray[int64], NDArray[int64]]:
    """Return the first index with ink along the last axis, and the one after the last."""
    return ink.argmax(axis=-1), ink.shape[-1] - ink[..., ::-1].argmax(axis=-1)


def _on_line(paper: NDArray[int64], base: NDArray[int64]) -> NDArray[int64]:
    """Convert paper (sides, n, 28), indexed by rows of the cell, to (sides, n, rows), indexed by rows of the line."""
    sides, n, _ = paper.shape
    above, below = -_ROWS[0], _ROWS[-1] + 1
    padded = np.full((sides, n, above + _SIDE + below), _SIDE)
    padded[..., above : above + _SIDE] = paper
    # Indices into the flattened array, which NumPy looks up faster than pairs of indices.
    starts = np.arange(sides * n).reshape(sides, n) * padded.shape[2] + base
    line: NDArray[int64] = padded.take(starts[..., None] + (_ROWS + above))
    return line
