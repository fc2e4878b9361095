"""Side bearings and kerning of a font, from the distances of `glyphvae.text.pen_spacing`.

The distance of two glyphs is the sum of a share of each, which becomes their side bearings, and of what is left for the
pair. That is kept for each pair of classes: a label in all its forms, with the accented letters on it, is a class, and
an accented letter whose marks get in the way of others is one of its own. By what the forms of letters differ from
their classes is kept too, so that these, of which texts consist, are spaced exactly.
"""

from dataclasses import dataclass

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from glyphvae.scheduling.deadline import checkpoint
from glyphvae.text.pen_metrics import PenMetrics
from glyphvae.text.pen_spacing import USUAL_GAP, gaps

# Font units that marks must push a neighbour away by, to give their letter a class of its own.
_IN_THE_WAY = 8
# Font units by which a pair of forms may differ from its classes.
_UNSEEN = 1


@dataclass(frozen=True)
class Spacing:
    """The spacing of n glyphs, in font units.

    Attributes:
        left: (n,) from the origin to the left edge of the ink without marks.
        advance: (n,) of each glyph.
        number: (n,) the class of each glyph.
        classes: (classes, classes) change of the distance of two glyphs by their classes.
        forms: (exact, exact) further change of the distance of two of the glyphs that are spaced exactly.
    """

    left: NDArray[float64]
    advance: NDArray[int64]
    number: NDArray[int64]
    classes: NDArray[int64]
    forms: NDArray[int64]


def distances(ink: PenMetrics, is_word: NDArray[np.bool]) -> NDArray[float64]:
    """Return (n, n) the distance from the box of each glyph to that of each one behind it, in glyph pixels.

    Args:
        ink: Of n glyphs.
        is_word: (n,) as of `gaps`.

    Raises:
        Problem: As `checkpoint`.
    """
    n = len(is_word)
    found = np.empty((n, n))
    for first in range(n):
        checkpoint()
        # first, first, first, first + 1, first, first + 2, ...: every pair with it, in both orders.
        chain = np.full(2 * (n - first) + 1, first)
        chain[1::2] = np.arange(first, n)
        between = gaps(ink.take(chain), is_word[chain], USUAL_GAP)
        found[first, first:], found[first:, first] = between[::2], between[1::2]
    return found


def space(
    ink: PenMetrics,
    is_word: NDArray[np.bool],
    letter: NDArray[int64],
    usual: NDArray[int64],
    exact: NDArray[np.bool],
    *,
    unit: float,
) -> Spacing:
    """Space glyphs.

    Args:
        ink: Of n glyphs, boxes without marks and sides with them.
        is_word: (n,) as of `gaps`.
        letter: (n,) the glyph that the marks of each stand on, of one without marks itself.
        usual: (n,) the usual form of that glyph.
        exact: (n,) whether pairs of such glyphs are spaced exactly, whatever their form.
        unit: Font units of a glyph pixel.

    Raises:
        Problem: As `checkpoint`.
    """
    found = unit * distances(ink, is_word)
    average = np.unique(usual[is_word]) if is_word.any() else np.arange(len(found))
    half = found[np.ix_(average, average)].mean() / 2
    left, right = found[average].mean(axis=0)[letter] - half, found[:, average].mean(axis=1)[letter] - half
    width = unit * (ink.boxes[:, 2] - ink.boxes[:, 0])
    advance = np.rint(np.maximum(left + width + right, 0)).astype(int64)
    rest = found - (advance - left - width)[:, None] - left

    plain = letter == np.arange(len(found))
    pushed = np.abs(found - found[np.ix_(letter, letter)])
    in_the_way = np.maximum(pushed[plain].max(axis=0), pushed[:, plain].max(axis=1)) > _IN_THE_WAY
    kinds, number = np.unique(np.where(in_the_way, np.arange(len(found)), usual), return_inverse=True)
    classes = np.rint(rest[np.ix_(kinds, kinds)]).astype(int64)
    some = np.flatnonzero(exact)
    forms = np.rint(rest[np.ix_(some, some)]).astype(int64) - classes[np.ix_(number[some], number[some])]
    return Spacing(left, advance, number, classes, np.where(np.abs(forms) > _UNSEEN, forms, 0))
