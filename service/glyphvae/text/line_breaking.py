"""Breaking of a text's words into lines."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from glyphvae.text.symbols import LINE_BREAK, SPACE

_WHITE = frozenset((SPACE, LINE_BREAK))


class Word(NamedTuple):
    """A sequence of items without a space between them.

    Attributes:
        start: Index of the first item.
        end: Index after the last item.
        spaces: Number of spaces before the word.
    """

    start: int
    end: int
    spaces: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text.

    Attributes:
        words: The line's words; a word that was wrapped has lost the spaces before it.
        ends_paragraph: True if a line break or the end of the text follows.
    """

    words: list[Word]
    ends_paragraph: bool


@dataclass(frozen=True, slots=True)
class Ruler:
    """The extent of each item if all items were one word.

    Attributes:
        starts: Left edge of each item, increasing.
        ends: Right edge of each item, increasing.
        space: Width of a space.
        limit: Width of a line.
    """

    starts: Sequence[int]
    ends: Sequence[int]
    space: int
    limit: float = math.inf

    def width(self, word: Word) -> int:
        """Return the distance from the first item's left edge to the last item's right edge."""
        return self.ends[word.end - 1] - self.starts[word.start]

    def fitting(self, word: Word) -> int:
        """Return the index after the last item of `word` that fits into an empty line; at least one item does."""
        reach = self.starts[word.start] + self.limit
        return bisect_right(self.ends, reach, word.start + 1, word.end)


def break_lines(symbols: Sequence[int], ruler: Ruler) -> list[Line]:
    """Break a text into lines, each as full as possible.

    Lines are broken between words; a word that is too long for a line is broken between items.

    Args:
        symbols: The symbols of a `Symbols`: SPACE, LINE_BREAK, or anything else for an item.
        ruler: The extents of the items.
    """
    lines = []
    for paragraph in _paragraphs(symbols):
        wrapped = list(_wrap(paragraph, ruler))
        lines += [Line(words, ends_paragraph=False) for words in wrapped[:-1]]
        lines.append(Line(wrapped[-1], ends_paragraph=True))
    return lines


def _paragraphs(symbols: Sequence[int]) -> Iterator[list[Word]]:
    words: list[Word] = []
    start = item = spaces = 0
    # As in a text file, a line break at the very end ends the last line and does not begin another one.
    closing = () if symbols and symbols[-1] == LINE_BREAK else (LINE_BREAK,)
    for symbol in (*symbols, *closing):
        if symbol not in _WHITE:
            item += 1
            continue
        if item > start:
            words.append(Word(start, item, spaces))
            start, spaces = item, 0
        spaces += symbol == SPACE
        if symbol == LINE_BREAK:
            yield words
            words, spaces = [], 0


def _wrap(words: list[Word], ruler: Ruler) -> Iterator[list[Word]]:
    line: list[Word] = []
    used = 0
    for word in words:
        reach = used + word.spaces * ruler.space + ruler.width(word)
        if reach <= ruler.limit:
            line.append(word)
            used = reach
            continue
        if line:
            yield line
        *full, rest = _pieces(word, ruler)
        yield from ([piece] for piece in full)
        line, used = [rest], ruler.width(rest)
    yield line


def _pieces(word: Word, ruler: Ruler) -> Iterator[Word]:
    rest = word._replace(spaces=0)
    while (end := ruler.fitting(rest)) < rest.end:
        yield rest._replace(end=end)
        rest = rest._replace(start=end)
    yield rest
