"""Words of a text in their places, for formats in which text can be selected."""

import re

import numpy as np
from numpy import int64
from numpy.typing import NDArray

from glyphvae.formats.svg import Word
from glyphvae.text.layout import Layout

_WORD = re.compile(r"\S+")


def words(text: str, positions: NDArray[int64], ends: NDArray[int64], layout: Layout) -> list[Word]:
    """Return the words of a text, line by line; of a word that is broken, the part in each line.

    Args:
        text: The text, with all characters as they were typed.
        positions: (n,) the place in it of each glyph.
        ends: (n,) right edge of each glyph.
        layout: Of the glyphs.
    """
    if not len(positions):
        return []
    spans = [match.span() for match in _WORD.finditer(text)]
    word = np.searchsorted([start for start, _ in spans], positions, side="right") - 1
    first = np.flatnonzero(np.diff(word, prepend=-1) | np.diff(layout.line, prepend=-1))
    lefts, rights = np.minimum.reduceat(layout.x, first).tolist(), np.maximum.reduceat(ends, first).tolist()
    starts, lines, numbers = (array[first].tolist() for array in (positions, layout.line, word))
    found: list[Word] = []
    for i, (number, line, left) in enumerate(zip(numbers, lines, lefts, strict=True)):
        start, stop = spans[number]
        if i > 0 and numbers[i - 1] == number:
            start = starts[i]
        right, space = rights[i], ""
        if i + 1 < len(first):
            stop = starts[i + 1] if numbers[i + 1] == number else stop
            if lines[i + 1] == line:
                right, space = lefts[i + 1], " "
        found.append(Word(text[start:stop] + space, left, int(layout.baselines[line]), max(right - left, 1)))
    return found
