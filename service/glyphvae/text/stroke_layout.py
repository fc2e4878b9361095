"""Layout of a text of pen strokes: every glyph at its true size, in its place on the line."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy import float32, float64, int64
from numpy.typing import NDArray

from glyphvae.text.layout import Layout, Setting, set_lines, stacked
from glyphvae.text.marks import USUAL_X_HEIGHT, carriers, offsets, with_marks
from glyphvae.text.pen_metrics import first_pixel, last_pixel, measure, sizes, within_reach
from glyphvae.text.pen_spacing import gaps
from glyphvae.text.stroke_text import StrokeText
from glyphvae.text.symbols import BLANK, Symbols, is_above, of_glyphs
from glyphvae.vectors.strokes import Strokes

# Parts of a glyph pixel that letters are moved by.
_FINENESS = 16


def set_strokes(script: Symbols, strokes: Strokes, labels: Sequence[str], setting: Setting) -> StrokeText:
    """Set a text in lines, each glyph at the size and at the height that its proportions tell.

    Letters are spaced as `gaps` says. Marks are placed as `offsets` says and take no room on the line.

    Args:
        script: The symbols of the text.
        strokes: Of the n glyphs of `script.labels`, and after them perhaps of `MARKED_LETTER`, by which marks are
            placed.
        labels: The model's labels.
        setting: Typesetting options.

    Raises:
        LayoutError: The width leaves no room for a glyph.
        Problem: As `checkpoint`.
    """
    n = len(script.labels)
    strokes = within_reach(strokes)
    ink = measure(strokes)
    x_height = -float(ink.boxes[n, 1]) if len(strokes) > n else USUAL_X_HEIGHT
    ink, strokes = ink.take(np.append(np.arange(n), -1)), strokes[:n]
    carrier = carriers(script, labels)
    offset = offsets(ink, sizes(strokes), carrier, of_glyphs(is_above, script, labels), x_height)
    marked = with_marks(ink, carrier, offset)

    items, symbols = _items(script, carrier)
    around, is_word = marked.boxes[items], np.append(of_glyphs(str.isalnum, script, labels), False)[items]
    between = gaps(replace(marked, boxes=ink.boxes).take(items), is_word, setting.letter_gap)
    before = np.rint(_FINENESS * around[:, 0]).astype(int64)
    widths = np.rint(_FINENESS * around[:, 2]).astype(int64) - before
    placed = set_lines(symbols, _starts(ink.boxes[items], between, before, widths), widths, setting, _FINENESS)
    baselines, height = stacked(-first_pixel(around[:, 1]), last_pixel(around[:, 3]), placed, setting)

    origins, line = np.zeros((n + 1, 2)), np.zeros(n + 1, int64)  # of a cell's left edge and its baseline
    origins[items, 0] = setting.margin + (placed.lefts - before) / _FINENESS
    origins[items, 1], line[items] = baselines[placed.line], placed.line
    origins, width = origins[carrier] + offset, -(-placed.width // _FINENESS) + 2 * setting.margin
    ends = ink.boxes[:n] + np.tile(origins, 2)
    x, y = first_pixel(ends[:, :2]).T
    cells = origins - np.outer(sizes(strokes) * strokes.proportions[:, 1], [0, 1])
    placed_glyphs = Layout(max(1, width), height, x, y, line[carrier], baselines)
    return StrokeText(placed_glyphs, strokes, cells.astype(float32), last_pixel(ends[:, 2:]))


def _items(script: Symbols, carrier: NDArray[int64]) -> tuple[NDArray[int64], NDArray[int64]]:
    """Return (k,) the number of each glyph that takes room, of a blank that of glyphs; and symbols without marks."""
    n, drawn = len(carrier), script.symbols >= 0
    number = np.where(drawn, np.cumsum(drawn) - 1, n)
    stands = np.append(carrier == np.arange(n), True)[number]
    return number[stands & (drawn | (script.symbols == BLANK))], script.symbols[stands]


def _starts(
    boxes: NDArray[float64], between: NDArray[float64], before: NDArray[int64], widths: NDArray[int64]
) -> NDArray[int64]:
    """Return (k,) the left edge of each item as if all items were one word, in parts of a glyph pixel.

    Args:
        boxes: (k, 4) of the ink without marks.
        between: (k - 1,) their distances.
        before: (k,) the left edge with marks, in parts of a glyph pixel.
        widths: (k,) the width with marks, likewise.
    """
    steps = np.rint(_FINENESS * (boxes[:-1, 2] + between - boxes[1:, 0])).astype(int64) + np.diff(before)
    # Whatever the gap, each item begins and ends to the right of the one before it, so that their order is kept.
    steps = np.maximum(steps, 1 + np.maximum(0, -np.diff(widths)))
    return np.concatenate([np.zeros(min(1, len(boxes)), int64), np.cumsum(steps)])
