"""The characters of a font, and what each is written with."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy import int64
from numpy.typing import NDArray

from glyphvae.text.marks import carriers
from glyphvae.text.symbols import Symbols, fold, is_mark

# Accented letters of Latin-1 and Latin Extended-A, and those beyond of Danish (ǽ, ǿ), Welsh (ẁ, ỳ) and Guarani (ẽ,
# ỹ); and of Latin-1 what is one small character. Each costs the file its glyphs in all forms.
_COMPOSED = (
    *map(ord, "ª²³·¹º"),
    *range(0xC0, 0x180),
    *range(0x1FC, 0x200),
    *range(0x1E80, 0x1E86),
    *(0x1EBC, 0x1EBD, 0x1EF2, 0x1EF3, 0x1EF8, 0x1EF9),
)


@dataclass(frozen=True)
class Repertoire:
    """The characters that labels write: c of single labels, and after them letters with marks and small characters.

    Attributes:
        characters: (c,) of them.
        is_mark: (c,) whether each is a mark by itself.
        script: What writes them, n glyphs.
        carrier: (n,) as of `carriers`.
        number: (n,) the character that each glyph is by itself: ² is one, é is e and the mark.
    """

    characters: tuple[str, ...]
    is_mark: NDArray[np.bool]
    script: Symbols
    carrier: NDArray[int64]
    number: NDArray[int64]


def repertoire(labels: Sequence[str]) -> Repertoire:
    """Return what can be written with labels; a label of several characters is left out."""
    singles = tuple(label for label in labels if len(label) == 1)
    known = {unicodedata.normalize("NFC", label) for label in labels}
    others = [character for character in map(chr, _COMPOSED) if character not in known]
    # Between spaces, so that no label of several characters is found across two of them. What is written as another
    # character is none of the font: programs say so, or take another font.
    found = fold(" ".join(others), labels, "skip", "keep", compose=True)
    written = np.setdiff1d(found.positions[found.symbols >= 0], found.folded) // 2
    composed = tuple(others[place] for place in written.tolist())
    script = fold(" ".join(singles + composed), labels, "error", "keep", compose=True)
    number = np.full(len(labels), -1)
    number[[labels.index(single) for single in singles]] = np.arange(len(singles))
    characters = singles + composed
    marks = np.array([is_mark(character) for character in characters], np.bool)
    drawn = script.symbols >= 0
    number = np.where(script.levels[drawn], script.positions[drawn] // 2, number[script.labels])
    return Repertoire(characters, marks, script, carriers(script, labels), number)
