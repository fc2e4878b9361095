"""Distances between the letters of a text of pen strokes."""

import numpy as np
from numpy import float64
from numpy.typing import NDArray

from glyphvae.text.marks import USUAL_X_HEIGHT
from glyphvae.text.pen_metrics import BOTTOM, TOP, PenMetrics
from glyphvae.vectors.strokes import clipped

# The letter gap with which letters are as far from each other as the hand has them.
USUAL_GAP = 3
# Side bearings alone leave some pairs too near and others too far, as learned ones do; letters that all leave the same
# paper look stiff. So of the way to even paper, in glyph pixels per row, a share is gone.
_EVEN_PAPER, _SHARE, _MOST = 5.5, 0.6, 2.0
# Upper limit of the paper counted in a row, as in a T beside an o.
_MAX_PAPER = 8.0
# Minimum distance of the outlines of neighbours, in any direction; half of it is the radius of the disc that each is
# widened by, in its own row and in those above and below.
_CLEARANCE = 2.0
_DISC = [(row, float(np.sqrt((_CLEARANCE / 2) ** 2 - row**2))) for row in range(-1, 2)]
# Rows that small letters fill, from which the eye takes the rhythm of a line.
_BAND = slice(-int(USUAL_X_HEIGHT) - TOP, -TOP)
# By how much of the ink above and below that band a word seems to begin later or to end earlier, at most, in glyph
# pixels: the further from the band, the more.
_HANGING_ABOVE, _HANGING_BELOW = 2.5, 5.0
_ROWS = np.arange(TOP, BOTTOM)
_HANGING = np.where(
    _ROWS < 0, np.clip((-USUAL_X_HEIGHT - _ROWS) * 0.5, 0, _HANGING_ABOVE), np.clip(_ROWS, 0, _HANGING_BELOW)
)


def optical_edges(ink: PenMetrics, most: float) -> NDArray[float64]:
    """Return (2, n) where glyphs seem to begin and to end: a tail below the line, or a bar above, counts less.

    Args:
        ink: Of n glyphs.
        most: What may be beyond these edges at most, in glyph pixels.
    """
    hanging = np.minimum(_HANGING, most)
    left, right = (ink.left + hanging).min(axis=1), (ink.right - hanging).max(axis=1)
    first, last = ink.boxes[:, 0], ink.boxes[:, 2]  # marks far off the line are in no row
    return np.stack([clipped(left, first, first + most), clipped(right, last - most, last)])


def gaps(ink: PenMetrics, is_word: NDArray[np.bool], letter_gap: int) -> NDArray[float64]:
    """Return (n - 1,) the distance of each glyph's box to the next one's, negative if they overlap.

    It is the sum of their side bearings, for letters and digits moved towards even paper between them, at least what
    keeps their ink apart, and then `letter_gap` more or less than its default.

    Args:
        ink: Of n neighbours, perhaps with their marks at the sides, but not in the boxes.
        is_word: (n,), whether each is a letter or a digit.
        letter_gap: Paper between letters, `USUAL_GAP` as in the hand.
    """
    after = ink.boxes[:-1, 2:3] - ink.right[:-1]  # (n - 1, rows) paper between the ink and its box
    before = ink.left[1:] - ink.boxes[1:, :1]
    bearings = ink.bearings[:-1, 1] + ink.bearings[1:, 0]
    paper = np.minimum((after + before)[:, _BAND], _MAX_PAPER).mean(axis=1)
    evened = clipped(_SHARE * (_EVEN_PAPER - paper - bearings), -_MOST, _MOST)
    nearest = (_widened(after) + _widened(before)).min(axis=1)
    natural = bearings + np.where(is_word[:-1] & is_word[1:], evened, 0)
    found: NDArray[float64] = np.maximum(natural, -nearest) + (letter_gap - USUAL_GAP)
    return found


def _widened(paper: NDArray[float64]) -> NDArray[float64]:
    """Return the paper (n, rows) beside glyphs that are widened by a disc."""
    found = paper - _DISC[1][1]
    np.minimum(found[:, 1:], paper[:, :-1] - _DISC[0][1], out=found[:, 1:])
    np.minimum(found[:, :-1], paper[:, 1:] - _DISC[2][1], out=found[:, :-1])
    return found
