"""Layout of a text: the position of every glyph.

The unit is the glyph pixel: a glyph's cell is 28x28, and a capital is nominally 20 high. `layout` sets glyphs that are
pixels; `glyphvae.text.stroke_layout` sets strokes, in lines that are broken and aligned alike.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isinf
from typing import Literal

import numpy as np
from numpy import int64, uint8
from numpy.typing import NDArray

from glyphvae.text.glyph_metrics import GlyphMetrics, measure
from glyphvae.text.line_breaking import Line, Ruler, Stretch, Word, break_lines
from glyphvae.text.symbols import BLANK, Symbols
from glyphvae.text.x_height import TAILS

Alignment = Literal["left", "centre", "right", "justify"]

# In a justified line the most that a space is widened or narrowed by, as shares of it, and what is added to the
# distance of letters, in glyph pixels. A line that is too short even so stays ragged: holes are uglier.
STRETCH, SHRINK, LETTER_STRETCH = 0.75, 0.2, 0.45

_SIDE = 28
_CAPITAL_HEIGHT = 20


class LayoutError(ValueError):
    """The text cannot be set with these settings; the message says which would do."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Typesetting options; lengths are in glyph pixels.

    Attributes:
        width: Width of the image, margins included, to which lines are wrapped; None for that of the longest line.
        align: Alignment of shorter lines; `justify` widens the spaces of wrapped lines, and of strokes a little the
            distances of letters, until they are full or `STRETCH` is reached.
        letter_gap: Space between letters, larger between straight stems and smaller between round or slanting ones.
        word_space: Space between words.
        line_height: Distance between baselines.
        margin: Space around the text.
    """

    width: int | None = None
    align: Alignment = "left"
    letter_gap: int = 3
    word_space: int = 12
    line_height: int = 32
    margin: int = 8


@dataclass(frozen=True)
class Layout:
    """The position of every glyph of a text.

    Attributes:
        width: Width of the image in glyph pixels, >= 1.
        height: Height of the image in glyph pixels, >= 1.
        x: (n,) left edge of each glyph's pixels. These may overlap and extend beyond the image, but their ink is
            inside.
        y: (n,) upper edge of each glyph's pixels.
        line: (n,) index of each glyph's line.
        baselines: (lines,) first row below each baseline.
    """

    width: int
    height: int
    x: NDArray[int64]
    y: NDArray[int64]
    line: NDArray[int64]
    baselines: NDArray[int64]

    def size(self, scale: int) -> tuple[int, int]:
        """Return (width, height) of the image drawn with `scale` image pixels per glyph pixel."""
        return self.width * scale, self.height * scale


@dataclass(frozen=True)
class SetLines:
    """Items in lines.

    Attributes:
        lefts: (k,) left edge of each item in the column.
        line: (k,) its line.
        count: Number of lines.
        width: Width of the column.
    """

    lefts: NDArray[int64]
    line: NDArray[int64]
    count: int
    width: int


def layout(script: Symbols, pixels: NDArray[uint8], labels: Sequence[str], setting: Setting) -> Layout:
    """Set a text in lines, spacing letters by their ink.

    Args:
        script: The symbols of the text.
        pixels: (n, 28, 28), paper 0, ink 255: an image for each of `script.labels`.
        labels: The model's labels.
        setting: Typesetting options.

    Raises:
        LayoutError: The width leaves no room for a glyph.
    """
    items = script.symbols[(script.symbols >= 0) | (script.symbols == BLANK)]
    ink = _measure(items, pixels, labels)
    placed = set_lines(script.symbols, _starts(ink, setting.letter_gap), ink.width, setting)
    baselines, height = stacked(ink.ascent, ink.descent, placed, setting)
    drawn = items >= 0
    return Layout(
        width=max(1, placed.width + 2 * setting.margin),
        height=height,
        x=(setting.margin + placed.lefts - ink.left)[drawn],
        y=(baselines[placed.line] - ink.base)[drawn],
        line=placed.line[drawn],
        baselines=baselines,
    )


def set_lines(
    symbols: NDArray[int64],
    starts: NDArray[int64],
    widths: NDArray[int64],
    setting: Setting,
    *,
    fineness: int = 1,
    more: Sequence[int] = (),
) -> SetLines:
    """Break items into lines, and align these.

    Args:
        symbols: As of `Symbols`, without the marks that a letter carries.
        starts: (k,) left edge of each glyph or blank as if all were one word, increasing, in parts of a glyph pixel.
        widths: (k,) width of each; the right edges increase, too.
        setting: Typesetting options.
        fineness: Parts of a glyph pixel.
        more: (k,) what the spaces before each item are wider by, if it begins a word; empty for 0.

    Raises:
        LayoutError: The width leaves no room for a glyph.
        Problem: As `checkpoint`.
    """
    column = _column(setting, -(-int(widths.max(initial=0)) // fineness)) * fineness
    space = setting.word_space * fineness
    stretch = None
    if setting.align == "justify":
        stretch = Stretch(int(STRETCH * space), int(SHRINK * space), int(LETTER_STRETCH * fineness))
    ruler = Ruler(starts.tolist(), (starts + widths).tolist(), space, column, stretch, more)
    lines = break_lines(symbols.tolist(), ruler)
    lefts, line, width = _place(lines, starts, ruler, setting.align)
    return SetLines(lefts, line, len(lines), width)


def stacked(
    ascent: NDArray[int64], descent: NDArray[int64], placed: SetLines, setting: Setting
) -> tuple[NDArray[int64], int]:
    """Return (lines,) the first row below each baseline, and the height of the image.

    Args:
        ascent: (k,) rows of ink above the baseline of each item.
        descent: (k,) rows of ink below it.
        placed: The lines.
        setting: Typesetting options.
    """
    rows = setting.line_height * np.arange(placed.count)
    above = (ascent - rows[placed.line]).max(initial=_CAPITAL_HEIGHT)
    below = (descent - rows[::-1][placed.line]).max(initial=0)
    baselines = setting.margin + above + rows
    return baselines, int(baselines[-1] + below + setting.margin)


def _column(setting: Setting, widest: int) -> float:
    """Return the width that lines are wrapped to, which holds a cell, and the widest glyph if that is wider."""
    if setting.width is None:
        return inf
    column, needed = setting.width - 2 * setting.margin, max(_SIDE, widest)
    if column < needed:
        raise LayoutError(
            f"A width of {setting.width} with margins of {setting.margin} leaves no room for a glyph; "
            f"at least {needed + 2 * setting.margin} is needed."
        )
    return column


def _measure(items: NDArray[int64], pixels: NDArray[uint8], labels: Sequence[str]) -> GlyphMetrics:
    """Measure the ink of each item, blanks included."""
    drawn = items >= 0
    cells = np.zeros((len(items), _SIDE, _SIDE), uint8)
    cells[drawn] = pixels
    tails = np.zeros(len(items))
    tails[drawn] = np.array([TAILS.get(label, 0.0) for label in labels])[items[drawn]]
    return measure(cells, tails)


def _starts(ink: GlyphMetrics, letter_gap: int) -> NDArray[int64]:
    """Return (k,) the left edge of each item as if all items were one word."""
    # Whatever the gap, each letter begins and ends to the right of the one before it, so that their order is kept.
    narrower = np.minimum(ink.width[:-1], ink.width[1:])
    steps = ink.width[:-1] + np.maximum(ink.gaps(letter_gap), 1 - narrower)
    return np.concatenate([np.zeros(min(1, len(ink.width)), int64), np.cumsum(steps)])


def _place(
    lines: Sequence[Line], starts: NDArray[int64], ruler: Ruler, align: Alignment
) -> tuple[NDArray[int64], NDArray[int64], int]:
    """Return (k,) the left edge of each item's ink in the column, (k,) its line, and the column's width."""
    edges = [ruler.edges(line.words) for line in lines]
    widths = [line[-1][1] if line else 0 for line in edges]
    column = max(widths) if isinf(ruler.limit) else int(ruler.limit)
    words = [
        (left - ruler.starts[word.start], row, word.end - word.start, letter)
        for row, (line, found) in enumerate(zip(lines, edges, strict=True))
        for word, left, letter in _spread(line, found, column - widths[row], ruler, align)
    ]
    shifts, rows, counts, letters = np.array(words, int64).reshape(-1, 4).T
    lefts = starts + np.repeat(shifts, counts)
    if letters.any():
        lefts += np.repeat(letters, counts) * (np.arange(len(lefts)) - np.repeat(np.cumsum(counts) - counts, counts))
    return lefts, np.repeat(rows, counts), column


def _spread(
    line: Line, edges: Sequence[tuple[int, int]], slack: int, ruler: Ruler, align: Alignment
) -> Iterator[tuple[Word, int, int]]:
    """Yield each word of a line that is `slack` narrower than its column, its left edge, and what its letters gain."""
    shift = {"left": 0, "centre": slack // 2, "right": slack, "justify": 0}[align]
    gained = min(slack, ruler.room(line.words)) if slack < 0 or not line.ends_paragraph else 0
    letter = ruler.letter_share(line.words, gained)
    gaps = sum(word.spaces > 0 for word in line.words[1:])
    # What letters do not take, spaces do, and each of them takes as much, but for roundings.
    rest = gained - letter * sum(word.end - word.start - 1 for word in line.words)
    before = seen = 0
    for index, (word, (left, _)) in enumerate(zip(line.words, edges, strict=True)):
        seen += index > 0 and word.spaces > 0
        yield word, shift + left + before + rest * seen // max(gaps, 1), letter
        before += letter * (word.end - word.start - 1)
