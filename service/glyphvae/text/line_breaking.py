"""Breaking of a text's words into lines that are as even as can be.

Of all ways to break a paragraph the one of the least cost is found by dynamic programming: Knuth & Plass, "Breaking
paragraphs into lines", 1981, without hyphenation.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import NamedTuple

from glyphvae.scheduling.deadline import checkpoint
from glyphvae.text.symbols import BREAK, LINE_BREAK, NO_BREAK_SPACE, SPACE

_SPACES = frozenset((SPACE, NO_BREAK_SPACE))
_WHITE = _SPACES | {BREAK, LINE_BREAK}
# Words that a line may be shorter by than a full one, so that the time for a paragraph grows with its length alone.
_SHORTER = 24
# What a justified line costs, where one that is widened by as much as is allowed costs 1 more.
_PER_LINE = 0.3


class Word(NamedTuple):
    """A sequence of items without a space between them.

    Attributes:
        start: Index of the first item.
        end: Index after the last item.
        spaces: Number of spaces before the word.
        begins: Whether a line may begin with it.
    """

    start: int
    end: int
    spaces: int
    begins: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text.

    Attributes:
        words: The line's words; a word that was wrapped has lost the spaces before it.
        ends_paragraph: True if a line break or the end of the text follows.
    """

    words: list[Word]
    ends_paragraph: bool


class Stretch(NamedTuple):
    """Limits on the changes of distances in a justified line.

    Attributes:
        wider: More for each space.
        narrower: Less for each space.
        letter: More for each step from one letter to the next.
    """

    wider: int
    narrower: int
    letter: int

    def room(self, gaps: int, steps: int) -> int:
        """Return what a line with so many spaces and steps between letters may be widened by; 0 without spaces."""
        return self.wider * gaps + self.letter * steps if gaps else 0


@dataclass(frozen=True, slots=True)
class Ruler:
    """The extent of each item if all items were one word.

    Attributes:
        starts: Left edge of each item, increasing.
        ends: Right edge of each item, increasing.
        space: Width of a space.
        limit: Width of a line.
        stretch: What distances may be changed by; None for lines that are not justified.
        more: What the spaces before each item are wider by, if it begins a word, >= -`space`; empty for 0.
    """

    starts: Sequence[int]
    ends: Sequence[int]
    space: int
    limit: float = math.inf
    stretch: Stretch | None = None
    more: Sequence[int] = field(default=())

    def width(self, word: Word) -> int:
        """Return the distance from the first item's left edge to the last item's right edge."""
        return self.ends[word.end - 1] - self.starts[word.start]

    def gap(self, word: Word) -> int:
        """Return the distance of a word from the one before it, 0 for the first of all."""
        if word.spaces:
            return word.spaces * self.space + (self.more[word.start] if self.more else 0)
        return self.starts[word.start] - self.ends[word.start - 1] if word.start else 0

    def edges(self, words: Sequence[Word]) -> list[tuple[int, int]]:
        """Return the left and the right edge of each word of a line; that of the first has its spaces before it."""
        steps = [(self.gap(word) if index or word.spaces else 0, self.width(word)) for index, word in enumerate(words)]
        ends = list(accumulate(gap + width for gap, width in steps))
        return [(end - width, end) for end, (_, width) in zip(ends, steps, strict=True)]

    def room(self, words: Sequence[Word]) -> int:
        """Return what a line may be widened by, if it is justified and has spaces."""
        gaps = _gaps(words)
        return self.stretch.room(gaps, sum(word.end - word.start - 1 for word in words)) if self.stretch else 0

    def reserve(self, words: Sequence[Word]) -> int:
        """Return what a line may be narrowed by, if it is justified."""
        return self.stretch.narrower * _gaps(words) if self.stretch else 0

    def letter_share(self, words: Sequence[Word], gained: int) -> int:
        """Return what each step between letters takes of what a line is widened by."""
        room = self.room(words)
        return gained * self.stretch.letter // room if self.stretch and room and gained > 0 else 0

    def fitting(self, word: Word) -> int:
        """Return the index after the last item of `word` that fits into an empty line; at least one item does."""
        reach = self.starts[word.start] + self.limit
        return bisect_right(self.ends, reach, word.start + 1, word.end)


def _gaps(words: Sequence[Word]) -> int:
    """Return how many words of a line have spaces before them that can be changed."""
    return sum(word.spaces > 0 for word in words[1:])


def break_lines(symbols: Sequence[int], ruler: Ruler) -> list[Line]:
    """Break a text into lines.

    Lines are broken before words that may begin one; a word that is too long for a line is broken between items. There
    are as few lines as possible, and of the ways to break that many the one with the most even lines is taken: the
    squares of what they lack have the least sum, without the last line. Justified lines may be one more if that saves
    wide spaces.

    Args:
        symbols: The symbols of a `Symbols`, with anything for an item.
        ruler: The extents of the items.

    Raises:
        Problem: As `checkpoint`.
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
    begins = False
    # As in a text file, a line break at the very end ends the last line and does not begin another one.
    closing = () if symbols and symbols[-1] == LINE_BREAK else (LINE_BREAK,)
    for symbol in (*symbols, *closing):
        if symbol not in _WHITE:
            item += 1
            continue
        if item > start:
            words.append(Word(start, item, spaces, begins or not words))
            start, spaces, begins = item, 0, False
        spaces += symbol in _SPACES
        begins = begins or symbol in {SPACE, BREAK}
        if symbol == LINE_BREAK:
            yield words
            words, spaces, begins = [], 0, False


def _wrap(words: list[Word], ruler: Ruler) -> Iterator[list[Word]]:
    """Yield the words of each line of a paragraph."""
    run: list[Word] = []
    for word in words:
        if ruler.width(word) <= ruler.limit:
            run.append(word)
            continue
        if run:
            yield from _even(run, ruler)
        *full, rest = _pieces(word, ruler)
        yield from ([piece] for piece in full)
        run = [rest]
    yield from _even(run, ruler)


def _even(words: list[Word], ruler: Ruler) -> Iterator[list[Word]]:
    """Yield the words of each line, none of them wider than a line by itself."""
    if words and ruler.edges(words[:1])[0][1] > ruler.limit:
        words = [words[0]._replace(spaces=0), *words[1:]]
    edges = ruler.edges(words)
    if not words or edges[-1][1] <= ruler.limit + ruler.reserve(words):
        yield words
        return
    ends = [len(words)]
    froms = _cheapest(_Run(words, edges, ruler))
    while ends[-1]:
        ends.append(froms[ends[-1]])
    for start, end in pairwise(reversed(ends)):
        yield [words[start]._replace(spaces=0 if start else words[0].spaces), *words[start + 1 : end]]


class _Run:
    """Words that are broken into lines, each line being those from `start` to `end`.

    Args:
        words: None of them wider than a line.
        edges: Of the words, if they were one line.
        ruler: See `break_lines`.
    """

    def __init__(self, words: list[Word], edges: list[tuple[int, int]], ruler: Ruler) -> None:
        self.count = len(words)
        self._ruler = ruler
        self._begins = [word.begins for word in words]
        self._lefts, self._rights = [0, *(left for left, _ in edges[1:])], [right for _, right in edges]
        # Sums up to each word, so that a long line takes no longer than a short one.
        self._gaps = [0, *accumulate(word.spaces > 0 for word in words)]
        self._steps = [0, *accumulate(word.end - word.start - 1 for word in words)]

    def ends(self, start: int) -> list[int]:
        """Return where a line may end; if it can end nowhere, where it is full."""
        reach = self._lefts[start] + self._ruler.limit
        full = bisect_right(self._rights, reach, start + 1)
        if full < self.count and self._rights[full] <= reach + self._reserve(start, full + 1):
            full += 1
        ends = range(max(start + 1, full - _SHORTER), full + 1)
        return [end for end in ends if end == self.count or self._begins[end]] or [full]

    def cost(self, start: int, end: int) -> float:
        """Return the cost of a line."""
        lack, stretch = self._ruler.limit - (self._rights[end - 1] - self._lefts[start]), self._ruler.stretch
        if end == self.count and lack >= 0:
            return _PER_LINE if stretch else 1.0
        if stretch is None:
            # Less than 1 for any number of lines that lack something, so that the number of lines comes first.
            return 1 + (lack / self._ruler.limit) ** 2 / (1 << 20)
        gaps, steps = self._gaps[end] - self._gaps[start + 1], self._steps[end] - self._steps[start]
        room = stretch.room(gaps, steps) if lack > 0 else self._reserve(start, end)
        return _PER_LINE + (lack / max(room, 1)) ** 2

    def _reserve(self, start: int, end: int) -> int:
        stretch = self._ruler.stretch
        return stretch.narrower * (self._gaps[end] - self._gaps[start + 1]) if stretch else 0


def _cheapest(run: _Run) -> list[int]:
    """Return the word that the line before each word, and before the end, begins with, in the cheapest lines so far."""
    costs, froms = [0.0, *[math.inf] * run.count], [0] * (run.count + 1)
    for start in range(run.count):
        checkpoint()
        for end in run.ends(start):
            if (cost := costs[start] + run.cost(start, end)) <= costs[end]:
                costs[end], froms[end] = cost, start
    return froms


def _pieces(word: Word, ruler: Ruler) -> Iterator[Word]:
    rest = word._replace(spaces=0)
    while (end := ruler.fitting(rest)) < rest.end:
        yield rest._replace(end=end)
        rest = rest._replace(start=end)
    yield rest
