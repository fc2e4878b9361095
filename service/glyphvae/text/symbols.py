"""Text to the symbols that a model can write."""

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
_WHITE: dict[str, _Symbols] = {
    " ": (SPACE,),
    "\t": (SPACE,),
    "\n": (LINE_BREAK,),
    "\r": (LINE_BREAK,),
    "\r\n": (LINE_BREAK,),
}
_REPLACEMENTS: dict[Unknown, _Symbols] = {"skip": (), "blank": (BLANK,)}
# Unicode's categories of characters without a shape of their own: they are named but not shown.
_SHAPELESS = {"Mn", "Mc", "Me", "Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
_NAMELESS = {"Cc": "CONTROL CHARACTER", "Cs": "SURROGATE", "Co": "PRIVATE USE CHARACTER", "Cn": "UNASSIGNED"}


class UnknownCharacterError(ValueError):
    """A character that the model cannot write; the message names it, its position and what is allowed.

    Attributes:
        character: The character.
        position: Its 0-based place in the text, counted in code points.
    """

    def __init__(self, character: str, position: int, labels: Sequence[str]) -> None:
        allowed = f"{character_ranges(labels)}, spaces and line breaks" if labels else "spaces and line breaks"
        name = describe_character(character)
        super().__init__(f"The character {name} at position {position} cannot be written; allowed are {allowed}.")
        self.character = character
        self.position = position


@dataclass(frozen=True)
class Script:
    """What is to be written.

    Attributes:
        symbols: (m,) label indices >= 0, SPACE, LINE_BREAK, or BLANK for a character that is left out and keeps its
            place.
        positions: (m,) place in the text of the character that each symbol comes from; it never decreases.
        folded: Places of the letters that are set as capitals.
        unknown: Places of the characters that are skipped or left blank.
    """

    symbols: NDArray[int64]
    positions: NDArray[int64]
    folded: tuple[int, ...]
    unknown: tuple[int, ...]

    @cached_property
    def labels(self) -> NDArray[int64]:
        """(n,) label index of every glyph in reading order: each of them needs an image."""
        return self.symbols[self.symbols >= 0]


def fold(text: str, labels: Sequence[str], unknown: Unknown = "error", case: Case = "upper") -> Script:
    r"""The symbols of a text.

    Args:
        text: Characters of `labels`, spaces, tabs (read as one space) and line breaks (\n, \r\n or \r).
        labels: One-character strings, in the order of the model's label indices.
        unknown: Whether other characters are an error, skipped, or left blank.
        case: `upper` sets a letter that is no label as its capital, if the model can write that (and `ß` as `SS`);
            `keep` treats it as unknown.

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
    return Script(np.array(symbols, int64), np.array(positions, int64), tuple(folded), tuple(strange))


def _as_capitals(character: str, known: Mapping[str, _Symbols]) -> _Symbols | None:
    parts = [known.get(capital) for capital in character.upper()]
    return None if None in parts else tuple(symbol for part in parts if part for symbol in part)


def describe_character(character: str) -> str:
    """One character in words that can be shown anywhere: `'é' (U+00E9 LATIN SMALL LETTER E WITH ACUTE)`."""
    category = unicodedata.category(character)
    name = unicodedata.name(character, _NAMELESS.get(category, ""))
    code_point = f"U+{ord(character):04X} {name}".rstrip()
    return code_point if category in _SHAPELESS else f"{character!r} ({code_point})"
