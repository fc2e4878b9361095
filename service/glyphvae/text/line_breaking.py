"""Words into lines."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from glyphvae.text.symbols import LINE_BREAK, SPACE

_WHITE = frozenset((SPACE, LINE_BREAK))


class Word(NamedTuple):
    """Items that stand together.

    Attributes:
        start: Index of the first item.
        end: One past the last.
        spaces: Spaces before it.
    """

    start: int
    end: int
    spaces: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line.

    Attributes:
        words: Its words; those that were wrapped have lost the spaces before them.
        ends_paragraph: Whether a line break or the end of the text follows.
    """

    words: list[Word]
    ends_paragraph: bool


@dataclass(frozen=True, slots=True)
class Ruler:
    """How far items reach if all of them stood together.

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
        """From the first item's left edge to the last one's right edge."""
        return self.ends[word.end - 1] - self.starts[word.start]

    def fitting(self, word: Word) -> int:
        """One past the last item of `word` that still fits a line of its own; at least the first does."""
        reach = self.starts[word.start] + self.limit
        return bisect_right(self.ends, reach, word.start + 1, word.end)


def break_lines(symbols: Sequence[int], ruler: Ruler) -> list[Line]:
    """The lines of a text, each as full as it can be.

    A line that would be too long is broken before a word; a word that is too long for a line, before an item.

    Args:
        symbols: Of a `Script`: SPACE, LINE_BREAK, or anything else for an item.
        ruler: Of the items.
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
    # As in a text file, a line break at the very end closes the last line and opens no other.
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
