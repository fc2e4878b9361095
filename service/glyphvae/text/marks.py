"""Places of the marks of accented letters."""

from collections.abc import Sequence

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from glyphvae.scheduling.deadline import checkpoint
from glyphvae.text.pen_metrics import PenMetrics
from glyphvae.text.symbols import Symbols, is_mark, of_glyphs
from glyphvae.vectors.strokes import SIDE

# The letter that marks have their height over, and the height of small letters for a model without it.
MARKED_LETTER = "e"
USUAL_X_HEIGHT = 14.0
_TOP, _BOTTOM = 1, 3


def carriers(script: Symbols, labels: Sequence[str]) -> NDArray[int64]:
    """Return (n,) the index of the glyph that each mark is written over or below, of other glyphs their own.

    A mark that follows no glyph, as at the beginning of a line, stands for itself like other glyphs.
    """
    marks = of_glyphs(is_mark, script, labels)
    if not marks.any():
        return np.arange(len(marks))
    stands = ~(marks & (np.diff(np.flatnonzero(script.symbols >= 0), prepend=-2) == 1))
    return np.maximum.accumulate(np.where(stands, np.arange(len(stands)), 0))


def offsets(  # noqa: PLR0917 (a mark's place depends on as much)
    ink: PenMetrics,
    sizes: NDArray[float64],
    carrier: NDArray[int64],
    above: NDArray[np.bool],
    x_height: float,
    slants: NDArray[float64],
) -> NDArray[float64]:
    """Return (n, 2) how far right and down of its letter's cell the cell of each mark is, baseline from baseline.

    The middle of the cell is over the middle of the letter's ink. In its cell a mark is as high as over a letter of the
    x-height, so it is raised by as much as its letter, or the mark between them, is higher. A mark below is lowered by
    as much as its letter ends below the baseline. In a hand that slants it moves to the side as it is raised, more or
    less than the middle of its letter is already.

    Args:
        ink: Of n glyphs or more.
        sizes: (n,) glyph pixels of a unit of each cell.
        carrier: (n,) as of `carriers`.
        above: (n,) whether each glyph is a mark above its letter.
        x_height: Glyph pixels from the baseline to the top of the letter that the marks are made for.
        slants: (n,) how far each glyph goes to the right per height.

    Returns:
        0 for glyphs that are no marks.
    """
    result = np.zeros((len(carrier), 2))
    boxes = ink.boxes.copy()  # of letters with the marks that they have so far
    for mark in np.flatnonzero(carrier != np.arange(len(carrier))):
        checkpoint()
        letter, edge = carrier[mark], _TOP if above[mark] else _BOTTOM
        middle = (ink.boxes[letter, 0] + ink.boxes[letter, 2]) / 2
        down = boxes[letter, edge] + (x_height if above[mark] else 0)
        # Of the middle: half the x-height in a letter that the marks are made for.
        height = -(ink.boxes[letter, 1] + ink.boxes[letter, 3]) / 2
        middle += slants[mark] * (x_height / 2 - height - down)
        result[mark] = middle - SIDE / 2 * sizes[mark], down
        boxes[letter, edge] = ink.boxes[mark, edge] + down
    return result


def with_marks(ink: PenMetrics, carrier: NDArray[int64], offset: NDArray[float64]) -> PenMetrics:
    """Return the measurements with those of the marks added to their letters'.

    Args:
        ink: Of n glyphs or more.
        carrier: (n,) as of `carriers`.
        offset: (n, 2) as of `offsets`.
    """
    marks = np.flatnonzero(carrier != np.arange(len(carrier)))
    if not marks.size:
        return ink
    boxes, left, right = ink.boxes.copy(), ink.left.copy(), ink.right.copy()
    moved = ink.boxes[: len(carrier)] + np.tile(offset, 2)
    np.minimum.at(boxes[:, :2], carrier, moved[:, :2])
    np.maximum.at(boxes[:, 2:], carrier, moved[:, 2:])
    rows = np.arange(left.shape[1])
    for mark in marks:
        letter, across, down = carrier[mark], offset[mark, 0], round(offset[mark, 1])
        to = rows[(rows >= down) & (rows < down + len(rows))]
        left[letter, to] = np.minimum(left[letter, to], ink.left[mark, to - down] + across)
        right[letter, to] = np.maximum(right[letter, to], ink.right[mark, to - down] + across)
    return PenMetrics(boxes, left, right, ink.bearings)
