"""Pages of paper: their measures and rules in millimetres, and the lines of a text on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from math import floor
from typing import Literal, NamedTuple

import numpy as np
from numpy import float32, float64, int64, uint8
from numpy.typing import NDArray

from glyphvae.formats.colours import ruled
from glyphvae.formats.svg import Word
from glyphvae.text.layout import LayoutError, Setting
from glyphvae.text.pen_metrics import CAPITAL, sizes
from glyphvae.text.stroke_text import StrokeText, paint
from glyphvae.vectors.paths import Curves, placed
from glyphvae.vectors.strokes import Strokes

Ruling = Literal["plain", "ruled", "squared"]

# More would be a book, whose text is written in several requests.
MAX_PAGES = 100
INCH = 25.4
# Width of a rule in millimetres, and about the side of a square, of which a whole number makes up a line's height.
RULE, _SQUARE = 0.2, 5.0
# By so many lines or glyph pixels a page may be too small, which is rounding.
_ROUNDING = 1e-6


class Margins(NamedTuple):
    """Paper around the text of a page, in millimetres."""

    top: float
    right: float
    bottom: float
    left: float


class Rules(NamedTuple):
    """The rules of a page, in millimetres from its upper left corner.

    Attributes:
        rows: y of each horizontal rule.
        columns: x of each vertical rule.
    """

    rows: NDArray[float64]
    columns: NDArray[float64]


@dataclass(frozen=True)
class PageGeometry:
    """The measures of a page, in millimetres.

    Attributes:
        width: Of the paper.
        height: Of the paper.
        margins: Around the text; the capitals of the first line reach up to the upper one, and the last line stands
            above the lower one.
        line_height: Distance of two baselines.
        letter_height: Height of a capital.
        ruling: What is printed on the paper; texts stand on the rules.
        middle: Whether the lines of a page are in the middle between upper and lower margin, not at the top.
    """

    width: float
    height: float
    margins: Margins
    line_height: float
    letter_height: float
    ruling: Ruling = "plain"
    middle: bool = False

    @property
    def unit(self) -> float:
        """Millimetres of a glyph pixel."""
        return self.letter_height / CAPITAL

    @property
    def capacity(self) -> int:
        """The number of lines that a page holds; less than 1 if none fits."""
        return floor((self.height - self.margins.bottom - self._first) / self.line_height + _ROUNDING) + 1

    @property
    def _first(self) -> float:
        """The distance of the first baseline from the upper edge."""
        return self.margins.top + self.letter_height

    @property
    def no_room(self) -> str:
        """The refusal of a text that does not fit, in the lengths of the page."""
        return (
            f"A page of {self.width:g} x {self.height:g} mm with these margins leaves no room for capitals of "
            f"{self.letter_height:g} mm."
        )

    def setting(self, base: Setting) -> Setting:
        """Return a setting with the widths of this page, in whole glyph pixels.

        Raises:
            LayoutError: No line fits between the margins, or no letter into a line.
        """
        left, right = self.margins.left, self.margins.right
        column, margin = floor((self.width - left - right) / self.unit + _ROUNDING), floor(min(left, right) / self.unit)
        if self.capacity < 1 or column < 1:
            raise LayoutError(self.no_room)
        height = max(1, round(self.line_height / self.unit))
        return replace(base, width=column + 2 * margin, margin=margin, line_height=height)

    def baselines(self, lines: int) -> NDArray[float64]:
        """Return (lines,) y of the baselines of a page that has so many lines."""
        shift = 0.0
        if self.middle and self.ruling == "plain":
            shift = (self.height - self.margins.bottom - self._first - (lines - 1) * self.line_height) / 2
        elif self.middle:
            shift = (self.capacity - lines) // 2 * self.line_height
        return self._down(shift, lines)

    @cached_property
    def rules(self) -> Rules:
        """The rules: one below each line that fits, or squares all over the paper."""
        none = np.zeros(0)
        if self.ruling == "plain":
            return Rules(none, none)
        if self.ruling == "ruled":
            return Rules(self._down(0.0, self.capacity), none)
        side = self.line_height / max(1, round(self.line_height / _SQUARE))
        return Rules(_multiples(self._first, side, self.height), _multiples(self.margins.left, side, self.width))

    def _down(self, shift: float, lines: int) -> NDArray[float64]:
        """Return (lines,) y of lines, the first one so far below the upper one of the page."""
        return self._first + shift + self.line_height * np.arange(lines, dtype=float64)

    def pixels(self, dpi: int) -> tuple[int, int]:
        """Return (width, height) of a picture of the page."""
        return max(1, round(self.width * dpi / INCH)), max(1, round(self.height * dpi / INCH))


def _multiples(of: float, step: float, limit: float) -> NDArray[float64]:
    """Return what is whole steps from a number, between 0 and a limit."""
    places = of % step + step * np.arange(floor(limit / step) + 1, dtype=float64)
    return places[(places > 0) & (places < limit)]


class PageText(NamedTuple):
    """The text of a page, in glyph pixels from its upper left corner.

    Attributes:
        strokes: Of the n glyphs.
        cells: float32 (n, 2), x and y of the upper left corner of each glyph's cell.
        words: Its words, line by line.
    """

    strokes: Strokes
    cells: NDArray[float32]
    words: Sequence[Word]

    def curves(self) -> Curves:
        """Return its strokes in their places."""
        return placed(self.strokes, self.cells[:, 0], self.cells[:, 1], sizes(self.strokes))


@dataclass(frozen=True)
class Pages:
    """A text on pages.

    Attributes:
        geometry: The measures of each page.
        text: The text, set as `geometry.setting` says.
        margin: The margin of that setting.
    """

    geometry: PageGeometry
    text: StrokeText
    margin: int

    @property
    def count(self) -> int:
        """The number of pages, at least 1."""
        return -(-self._lines // self.geometry.capacity)

    @property
    def _lines(self) -> int:
        return len(self.text.layout.baselines)

    def page(self, number: int, words: Sequence[Word] = ()) -> PageText:
        """Return what is on a page.

        Args:
            number: Its number, from 0.
            words: Of all pages, as `glyphvae.text.words` returns them.
        """
        geometry, layout = self.geometry, self.text.layout
        first = number * geometry.capacity
        last = min(first + geometry.capacity, self._lines)
        start, stop = np.searchsorted(layout.line, (first, last))
        lines = layout.line[start:stop] - first
        right = geometry.margins.left / geometry.unit - self.margin
        down = geometry.baselines(last - first) / geometry.unit - layout.baselines[first:last]
        moved = np.stack([np.full(len(lines), right), down[lines]], axis=1)
        rows = dict(zip(layout.baselines[first:last].tolist(), down.tolist(), strict=True))
        own = [
            Word(word.text, word.x + right, y + rows[y], word.width)
            for y, line in groupby(words, _line)
            if y in rows
            for word in line
        ]
        return PageText(self.text.strokes[start:stop], (self.text.cells[start:stop] + moved).astype(float32), own)

    def draw(self, number: int, dpi: int) -> NDArray[uint8]:
        """Paint a page, its rules as `ruled` tells them if the paper is not plain.

        Args:
            number: Its number, from 0.
            dpi: Pixels of an inch.

        Raises:
            Problem: As `checkpoint`.
        """
        width, height = self.geometry.pixels(dpi)
        picture, page = np.zeros((height, width), uint8), self.page(number)
        paint(picture, page.strokes, page.cells, self.geometry.unit * dpi / INCH)
        if self.geometry.ruling == "plain":
            return picture
        rows, columns = (_whole(places, dpi) for places in self.geometry.rules)
        return ruled(picture, rows, columns)


def _line(word: Word) -> float:
    return word.y


def _whole(places: NDArray[float64], dpi: int) -> list[slice]:
    """Return the whole pixels of each rule, which are sharper than parts of pixels."""
    thickness = max(1, round(RULE * dpi / INCH))
    starts = np.rint(places * dpi / INCH - thickness / 2).astype(int64)
    return [slice(max(start, 0), start + thickness) for start in starts.tolist()]
