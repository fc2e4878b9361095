"""Layout of a text of pen strokes: every glyph at its true size, in its place on the line."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy import float32, float64, int64
from numpy.typing import NDArray

from glyphvae.text import symbols
from glyphvae.text.drift import Drift
from glyphvae.text.layout import Layout, Setting, set_lines, stacked
from glyphvae.text.marks import USUAL_X_HEIGHT, carriers, offsets, with_marks
from glyphvae.text.pen_metrics import CAPITAL, first_pixel, last_pixel, measure, sizes, slant, within_reach
from glyphvae.text.pen_spacing import gaps, optical_edges
from glyphvae.text.stroke_text import StrokeText
from glyphvae.text.symbols import BLANK, Symbols, of_glyphs
from glyphvae.vectors.strokes import Strokes

# Parts of a glyph pixel that letters are moved by.
_FINENESS = 16
# The size of small raised and lowered characters, how far they are raised, by their level, in glyph pixels, and their
# pen's width.
_SMALL, _RAISED, _SMALL_PEN = 0.6, np.array([0.0, 9.0, -1.0]), 0.85


def set_strokes(
    script: Symbols, strokes: Strokes, labels: Sequence[str], setting: Setting, drift: Drift | None = None
) -> StrokeText:
    """Set a text in lines, each glyph at the size and at the height that its proportions tell.

    Letters are spaced as `gaps` says. Marks are placed as `offsets` says and take no room on the line. Lines begin and
    end where `optical_edges` says, so that tails may hang into the margin.

    Args:
        script: The symbols of the text.
        strokes: Of the n glyphs of `script.labels`, and after them perhaps of `MARKED_LETTER`, by which marks are
            placed.
        labels: The model's labels.
        setting: Typesetting options.
        drift: How slant, distances and baseline change along the text; not at all by default.

    Raises:
        LayoutError: The width leaves no room for a glyph.
        Problem: As `checkpoint`.
    """
    n, drift = len(script.labels), drift or Drift()
    carrier = carriers(script, labels)
    slants = _of_letters(drift.slants, carrier)
    strokes = _leaning(small(within_reach(strokes), script.levels[script.symbols >= 0]), slants)
    ink, x_height = measure(strokes), USUAL_X_HEIGHT
    if len(strokes) > n:
        x_height = -float(ink.boxes[n, 1])
        ink, strokes = ink.take(np.append(np.arange(n), -1)), strokes[:n]
    is_above = of_glyphs(symbols.is_above, script, labels)
    slants += slant(strokes) if (carrier < np.arange(n)).any() else 0
    offset = offsets(ink, sizes(strokes), carrier, is_above, x_height, slants)
    marked = with_marks(ink, carrier, offset)

    items, kinds = _items(script, carrier)
    around, is_word = marked.take(items), np.append(of_glyphs(str.isalnum, script, labels), False)[items]
    boxes = ink.boxes[items]
    between = gaps(replace(around, boxes=boxes), is_word, setting.letter_gap)
    between += drift.letters(len(items))[: len(between)]
    before, after = np.rint(_FINENESS * optical_edges(around, setting.margin)).astype(int64)
    widths = np.maximum(after - before, 1)
    starts = _starts(boxes, between, before, widths)
    more = _FINENESS * np.maximum(drift.words(len(items)), -setting.word_space / 2)
    spaces = np.rint(more).astype(int64).tolist()
    placed = set_lines(kinds, starts, widths, setting, fineness=_FINENESS, more=spaces)
    below = drift.baselines(placed.line, (placed.lefts + widths / 2) / _FINENESS)
    top, bottom = around.boxes[:, 1] + below, around.boxes[:, 3] + below
    baselines, height = stacked(-first_pixel(top), last_pixel(bottom), placed, setting)

    origins, line = np.zeros((n + 1, 2)), np.zeros(n + 1, int64)  # of a cell's left edge and its baseline
    origins[items, 0] = setting.margin + (placed.lefts - before) / _FINENESS
    origins[items, 1], line[items] = baselines[placed.line] + below, placed.line
    origins, width = origins[carrier] + offset, -(-placed.width // _FINENESS) + 2 * setting.margin
    ends = ink.boxes[:n] + origins[:, [0, 1, 0, 1]]
    x, y = first_pixel(ends[:, :2]).T
    origins[:, 1] -= sizes(strokes) * strokes.proportions[:, 1]  # from the baseline to the upper edge of the cell
    placed_glyphs = Layout(max(1, width), height, x, y, line[carrier], baselines)
    return StrokeText(placed_glyphs, strokes, origins.astype(float32), last_pixel(ends[:, 2:]))


def _of_letters(values: Callable[[int], NDArray[float64]], carrier: NDArray[int64]) -> NDArray[float64]:
    """Return (n,) the value of each glyph, of a mark that of its letter."""
    number = np.cumsum(carrier == np.arange(len(carrier))) - 1
    found: NDArray[float64] = values(len(carrier))[number]
    return found


def small(strokes: Strokes, levels: NDArray[int64]) -> Strokes:
    """Return strokes with those glyphs small that have a level, by which they are raised or lowered.

    Args:
        strokes: Of glyphs.
        levels: Of the first of them, as of `Symbols`.
    """
    if not levels.any():
        return strokes
    level = np.append(levels, np.zeros(len(strokes) - len(levels), int64))
    size, pen = np.where(level, _SMALL, 1), np.where(level, _SMALL_PEN / _SMALL, 1)
    proportions = strokes.proportions.copy()
    proportions[:, 0] *= size
    proportions[:, 1] += _RAISED[level] / (CAPITAL * proportions[:, 0])
    proportions[:, 2:] *= size[:, None]
    return replace(strokes, radius=strokes.radius * pen[:, None, None].astype(float32), proportions=proportions)


def _leaning(strokes: Strokes, slants: NDArray[float64]) -> Strokes:
    """Return strokes with the first glyphs sheared about their baselines."""
    if not slants.any():
        return strokes
    control, n = strokes.control.copy(), len(slants)
    height = strokes.proportions[:n, 1, None, None] - control[:n, ..., 1]
    control[:n, ..., 0] += slants[:, None, None].astype(float32) * height
    return replace(strokes, control=control)


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
    steps = np.rint(_FINENESS * (boxes[:-1, 2] + between - boxes[1:, 0])).astype(int64) + before[1:] - before[:-1]
    # Whatever the gap, each item begins and ends to the right of the one before it, so that their order is kept.
    steps = np.maximum(steps, 1 + np.maximum(0, widths[:-1] - widths[1:]))
    return np.concatenate([np.zeros(min(1, len(boxes)), int64), np.cumsum(steps)])
