"""The forms of all characters in one hand, measured at their true size."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy import float64, int64
from numpy.typing import NDArray

from glyphvae.fonts.repertoire import Repertoire
from glyphvae.text.layout import Setting
from glyphvae.text.marks import MARKED_LETTER, USUAL_X_HEIGHT, offsets, with_marks
from glyphvae.text.pen_metrics import PenMetrics, measure, sizes, slant
from glyphvae.text.pen_spacing import optical_edges
from glyphvae.text.stroke_layout import small
from glyphvae.text.symbols import is_above, of_glyphs
from glyphvae.vectors.strokes import SIDE, Strokes

# Of each character: the usual one first, and then its alternates.
FORMS = 4


@dataclass(frozen=True)
class Forms:
    """The c characters of a repertoire in one form after the other, g = `FORMS` x c glyphs.

    Attributes:
        strokes: (g,) of each letter without its marks.
        letter: (g,) the glyph that each is without its marks.
        ink: Of each, boxes without marks, sides with them.
        around: (g, 4) boxes with marks.
        ends: (2, g) as of `optical_edges`, of a text with the usual margin.
        middle: (g,) from the left edge of the letter's cell to its middle, in glyph pixels.
        owner: (m,) the glyph that each mark of a letter belongs to.
        mark: (m,) the glyph that the mark is by itself.
        offset: (m, 2) as of `offsets`.
    """

    strokes: Strokes
    letter: NDArray[int64]
    ink: PenMetrics
    around: NDArray[float64]
    ends: NDArray[float64]
    middle: NDArray[float64]
    owner: NDArray[int64]
    mark: NDArray[int64]
    offset: NDArray[float64]


def measured(characters: Repertoire, labels: Sequence[str], strokes: Strokes) -> Forms:
    """Measure all forms.

    Args:
        characters: What the labels write.
        labels: The model's labels.
        strokes: Of `FORMS` x labels glyphs, all labels in one form after the other, as `within_reach` returns them.

    Raises:
        Problem: As `checkpoint`.
    """
    script, count = characters.script, len(characters.characters)
    rows = _in_all_forms(script.labels, len(labels))
    carrier = _in_all_forms(characters.carrier, len(script.labels))
    number = _in_all_forms(characters.number, count)
    above = np.tile(of_glyphs(is_above, script, labels), FORMS)

    x_height = USUAL_X_HEIGHT
    if MARKED_LETTER in labels:
        place = labels.index(MARKED_LETTER)
        x_height = -float(measure(strokes[place : place + 1]).boxes[0, 1])
    slants = np.full(len(rows), slant(strokes))
    strokes = small(strokes[rows], np.tile(script.levels[script.symbols >= 0], FORMS))
    ink, size = measure(strokes), sizes(strokes)
    offset = offsets(ink, size, carrier, above, x_height, slants)
    marked = with_marks(ink, carrier, offset)

    stands = carrier == np.arange(len(carrier))
    starts, marks = np.flatnonzero(stands), np.flatnonzero(~stands)
    return Forms(
        strokes=strokes[starts],
        letter=number[starts],
        ink=replace(marked, boxes=ink.boxes).take(starts),
        around=marked.boxes[starts],
        ends=optical_edges(marked.take(starts), Setting().margin),
        middle=SIDE / 2 * size[starts],
        owner=np.searchsorted(starts, carrier[marks]),
        mark=number[marks],
        offset=offset[marks],
    )


def _in_all_forms(index: NDArray[int64], count: int) -> NDArray[int64]:
    """Return indices into `count` things of one form as those into the things of all forms."""
    everywhere: NDArray[int64] = (index + count * np.arange(FORMS)[:, None]).ravel()
    return everywhere
