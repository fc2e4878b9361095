"""Conversion of text to the symbols that a model can write."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy import int64
from numpy.typing import NDArray

from glyphvae.wording import character_ranges

SPACE = -1
LINE_BREAK = -2
BLANK = -3

Unknown = Literal["error", "skip", "blank"]
Case = Literal["upper", "keep"]
_Symbols = tuple[int, ...]

_CHARACTER = re.compile(r"\r\n|.", re.DOTALL)
_BREAKS: dict[str, _Symbols] = dict.fromkeys(("\n", "\r", "\r\n"), (LINE_BREAK,))
_WHITE = _BREAKS | dict.fromkeys((" ", "\t"), (SPACE,))
_REPLACEMENTS: dict[Unknown, _Symbols] = {"skip": (), "blank": (BLANK,)}
# Unicode categories of characters without a visible shape: messages name them without showing them.
_SHAPELESS = {"Mn", "Mc", "Me", "Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
_NAMELESS = {"Cc": "CONTROL CHARACTER", "Cs": "SURROGATE", "Co": "PRIVATE USE CHARACTER", "Cn": "UNASSIGNED"}


class UnknownCharacterError(ValueError):
    """A character that the model cannot write; the message names it, its position and the allowed characters.

    Attributes:
        character: The character.
        position: The character's position in the text, counted in code points from 0.
    """

    def __init__(self, character: str, position: int, labels: Sequence[str]) -> None:
        allowed = f"{character_ranges(labels)}, spaces and line breaks" if labels else "spaces and line breaks"
        name = describe_character(character)
        super().__init__(f"The character {name} at position {position} cannot be written; allowed are {allowed}.")
        self.character = character
        self.position = position


@dataclass(frozen=True)
class Symbols:
    """The symbols of a text.

    Attributes:
        symbols: (m,) label indices >= 0, SPACE, LINE_BREAK, or BLANK for a character that is left blank.
        positions: (m,) position in the text of each symbol's character, never decreasing.
        folded: Positions of the letters that are set as capitals.
        unknown: Positions of the characters that are skipped or left blank.
    """

    symbols: NDArray[int64]
    positions: NDArray[int64]
    folded: tuple[int, ...]
    unknown: tuple[int, ...]

    @cached_property
    def labels(self) -> NDArray[int64]:
        """(n,) label index of each glyph to draw, in reading order."""
        return self.symbols[self.symbols >= 0]


def fold(text: str, labels: Sequence[str], unknown: Unknown = "error", case: Case = "upper") -> Symbols:
    r"""Convert a text to symbols.

    Args:
        text: Characters of `labels`, spaces, tabs (read as one space) and line breaks (\n, \r\n or \r).
        labels: One-character strings, in the order of the model's label indices.
        unknown: Treatment of other characters: an error, skipped, or left blank.
        case: `upper` sets a letter that is not a label as its capital, if that is a label (and `ß` as `SS`); `keep`
            treats it as unknown.

    Raises:
        UnknownCharacterError: There is an unknown character and `unknown` is `error`.
    """
    known: dict[str, _Symbols] = _WHITE | {label: (index,) for index, label in enumerate(labels)}
    symbols: list[int] = []
    positions: list[int] = []
    folded: list[int] = []
    strange: list[int] = []
    for match in _CHARACTER.finditer(text):
        character, position = match[0], match.start()
        found = known.get(character)
        if found is None and case == "upper" and (found := _as_capitals(character, known)) is not None:
            folded.append(position)
        if found is None and (found := _REPLACEMENTS.get(unknown)) is not None:
            strange.append(position)
        if found is None:
            raise UnknownCharacterError(character, position, labels)
        symbols += found
        positions += [position] * len(found)
    return Symbols(np.array(symbols, int64), np.array(positions, int64), tuple(folded), tuple(strange))


def _as_capitals(character: str, known: Mapping[str, _Symbols]) -> _Symbols | None:
    parts = [known.get(capital) for capital in character.upper()]
    return None if None in parts else tuple(symbol for part in parts if part for symbol in part)


def describe_character(character: str) -> str:
    """Describe a character in printable text: `'é' (U+00E9 LATIN SMALL LETTER E WITH ACUTE)`."""
    category = unicodedata.category(character)
    name = unicodedata.name(character, _NAMELESS.get(category, ""))
    code_point = f"U+{ord(character):04X} {name}".rstrip()
    return code_point if category in _SHAPELESS else f"{character!r} ({code_point})"
