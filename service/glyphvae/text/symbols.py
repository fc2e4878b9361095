"""Conversion of text to the symbols that a model can write."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from numpy import int64
from numpy.typing import NDArray

from glyphvae.text import equivalents
from glyphvae.wording import character_ranges

SPACE = -1
LINE_BREAK = -2
BLANK = -3
# A space at which no line ends, and a place without a space at which one may.
NO_BREAK_SPACE = -4
BREAK = -5

Unknown = Literal["error", "skip", "blank"]
Case = Literal["keep", "upper"]
# Characters of a text, or symbols for it, each with its position; symbols also with their levels.
_Typed = Sequence[tuple[str, int]]
_Spelled = list[tuple[int, int, int]]

_WHITE: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(equivalents.SPACES, (SPACE,)),
    **dict.fromkeys(equivalents.NO_BREAK_SPACES, (NO_BREAK_SPACE,)),
    **dict.fromkeys(equivalents.LINE_BREAKS, (LINE_BREAK,)),
    **dict.fromkeys(equivalents.INVISIBLE, ()),
    equivalents.BREAK_OPPORTUNITY: (BREAK,),
}
_REPLACEMENTS: dict[Unknown, tuple[int, ...]] = {"skip": (), "blank": (BLANK,)}
# The letters that lose their dot below a mark, as Unicode's property Soft_Dotted has it.
_DOTLESS = {"i": "ı", "j": "ȷ"}
# Unicode's combining class of marks above a letter.
_ABOVE = 230
# Parts of a letter that is looked for as a whole; no letter of Unicode has more.
_MOST_PARTS = 4
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
        super().__init__(
            f"The character {name} at position {position} cannot be written; allowed are {allowed}; unknown=skip "
            "leaves out what cannot be written, unknown=blank leaves its place blank."
        )
        self.character = character
        self.position = position


@dataclass(frozen=True)
class Symbols:
    """The symbols of a text.

    Attributes:
        symbols: (m,) label indices >= 0, SPACE, NO_BREAK_SPACE, LINE_BREAK, BREAK where a line may end without a space,
            or BLANK for a character that is left blank.
        positions: (m,) position in the text of each symbol's character, never decreasing but among the marks of one
            letter.
        folded: Positions of the characters that are written as others: capitals, or what is nearest to them.
        unknown: Positions of the characters that are skipped or left blank.
        levels: (m,) 1 for a small, raised symbol, as of ², -1 for a small, lowered one, 0 for all others.
    """

    symbols: NDArray[int64]
    positions: NDArray[int64]
    folded: tuple[int, ...]
    unknown: tuple[int, ...]
    levels: NDArray[int64]

    @cached_property
    def labels(self) -> NDArray[int64]:
        """(n,) label index of each glyph to draw, in reading order."""
        return self.symbols[self.symbols >= 0]


def fold(
    text: str, labels: Sequence[str], unknown: Unknown = "error", case: Case = "keep", *, compose: bool = False
) -> Symbols:
    r"""Convert a text to symbols.

    What is no label is composed, if that is asked for; else it is folded, which means to be written as the characters
    that are nearest to it, or as its capital; else it is unknown. Invisible characters give no symbol.

    Args:
        text: Names in `labels`, the longest wherever several begin at one place, spaces of all kinds, which are one
            space, and line breaks (\n, \r\n, \r and Unicode's).
        labels: The names of the model's labels, in the order of their indices; of one character or more.
        unknown: Treatment of other characters: an error, skipped, or left blank.
        case: `keep` writes letters as they are typed, and as capitals where only these are labels (`ß` as `SS`);
            `upper` writes all of them as capitals.
        compose: Write an accented letter that is not a label as its letter and its marks, if all of them are; `i` and
            `j` without their dots below a mark, if these are labels; and ² or ½ by small digits. The normalisation form
            of the text does not matter, and a letter is unknown if one of its marks is.

    Raises:
        UnknownCharacterError: There is an unknown character and `unknown` is `error`.
    """
    speller = _speller(tuple(labels), compose)
    spelled: _Spelled = []
    folded: list[int] = []
    strange: list[int] = []
    for typed in speller.split(text, range(len(text))):
        found = speller.spell_capitals(typed) if case == "upper" and _has_capitals(typed) else None
        as_another = found is not None
        if found is None and (found := speller.spell(typed)) is None:
            found = speller.spell_folded(typed)
            as_another = found is not None
        if as_another:
            folded.append(typed[0][1])
        if found is None and (replacement := _REPLACEMENTS.get(unknown)) is not None:
            found = [(symbol, typed[0][1], 0) for symbol in replacement]
            strange += [position for _, position in typed]
        if found is None:
            raise UnknownCharacterError(*speller.first_unknown(typed), labels)
        spelled += found
        if typed[0][0] in equivalents.HYPHENS and _is_between(text, typed[-1][1]):
            spelled.append((BREAK, typed[0][1], 0))
    symbols, positions, levels = np.array(spelled, int64).reshape(-1, 3).T
    return Symbols(symbols, positions, tuple(folded), tuple(strange), levels)


def _has_capitals(typed: _Typed) -> bool:
    """Return whether a letter and its marks are others as capitals."""
    return any(name.upper() != name for name, _ in typed)


def _is_between(text: str, position: int) -> bool:
    """Return whether a character stands between letters or digits."""
    return text[:position][-1:].isalnum() and text[position + 1 : position + 2].isalnum()


def of_glyphs(holds: Callable[[str], bool], script: Symbols, labels: Sequence[str]) -> NDArray[np.bool]:
    """Return (n,) what holds of the label of each glyph of a text."""
    return _of_labels(holds, tuple(labels))[script.labels]


@lru_cache(64)
def _of_labels(holds: Callable[[str], bool], labels: tuple[str, ...]) -> NDArray[np.bool]:
    return np.array([holds(label) for label in labels], np.bool)


def is_mark(name: str) -> bool:
    """Return whether a name is a combining character, such as U+0301, which is written with the letter before it."""
    return len(name) == 1 and unicodedata.combining(name) != 0


def is_above(name: str) -> bool:
    """Return whether a name is a mark that is written above its letter."""
    return len(name) == 1 and unicodedata.combining(name) == _ABOVE


class _Speller:
    """The symbols that a model writes characters with.

    Args:
        labels: See `fold`.
        compose: See `fold`.
    """

    def __init__(self, labels: Sequence[str], compose: bool) -> None:
        known = _WHITE | {label: (index,) for index, label in enumerate(labels)}
        self._known = {unicodedata.normalize("NFC", name): known[name] for name in known} | known if compose else known
        longer = sorted((label for label in labels if len(label) > 1), key=len, reverse=True)
        self._name = re.compile("|".join([*map(re.escape, longer), r"\r\n", "."]), re.DOTALL)
        self._compose = compose

    def split(self, text: str, positions: Sequence[int]) -> Iterator[_Typed]:
        """Yield the names and characters of a text, each with the marks after it if these are composed.

        Args:
            text: The text.
            positions: Of its characters.
        """
        typed: list[tuple[str, int]] = []
        for match in self._name.finditer(text):
            if typed and not (self._compose and is_mark(match[0])):
                yield typed
                typed = []
            typed.append((match[0], positions[match.start()]))
        if typed:
            yield typed

    def spell(self, typed: _Typed) -> _Spelled | None:
        """Return the symbols of a letter and its marks, with their positions and levels; None if one is lacking."""
        if len(typed) == 1 and (symbols := self._known.get(typed[0][0])) is not None:
            return [(symbol, typed[0][1], 0) for symbol in symbols]
        return self._composed(typed) if self._compose else None

    def spell_capitals(self, typed: _Typed) -> _Spelled | None:
        """Return the symbols of the capitals of a letter and its marks as `spell` does."""
        return self._spell_all([(capital, position) for name, position in typed for capital in name.upper()])

    def spell_folded(self, typed: _Typed) -> _Spelled | None:
        """Return the symbols of what is nearest to a letter and its marks, or of their capitals, as `spell` does."""
        (first, position), *marks = _decomposed(typed) if self._compose else typed
        others: list[_Typed] = [[*((part, position) for part in other), *marks] for other in equivalents.nearest(first)]
        for other in others:
            if (spelled := self._spell_all(other)) is not None:
                return spelled
        for other in [typed, *others]:
            if (spelled := self.spell_capitals(other)) is not None:
                return spelled
        return None

    def first_unknown(self, typed: _Typed) -> tuple[str, int]:
        """Return the character that a letter and its marks cannot be written for, and its position."""
        return next((part for part in typed if self.spell([part]) is None), typed[0])

    def _spell_all(self, characters: _Typed) -> _Spelled | None:
        text, positions = "".join(name for name, _ in characters), [position for _, position in characters]
        spelled = [self.spell(typed) for typed in self.split(text, positions)]
        return None if None in spelled else [symbol for each in spelled if each for symbol in each]

    def _composed(self, typed: _Typed) -> _Spelled | None:
        parts = _decomposed(typed)
        for end in range(min(len(parts), _MOST_PARTS), 0, -1):
            letter = unicodedata.normalize("NFC", "".join(part for part, _ in parts[:end]))
            if letter in self._known:
                return self._with_marks(letter, parts[0][1], parts[end:])
        return self._small(*typed[0]) if len(typed) == 1 else None

    def _with_marks(self, letter: str, position: int, marks: _Typed) -> _Spelled | None:
        dotless = _DOTLESS.get(letter, letter)
        if dotless in self._known and any(is_above(mark) for mark, _ in marks):
            letter = dotless
        if any(mark not in self._known for mark, _ in marks):
            return None
        symbols = [(symbol, position) for symbol in self._known[letter]]
        return [(symbol, at, 0) for symbol, at in symbols + [(*self._known[mark], at) for mark, at in marks]]

    def _small(self, character: str, position: int) -> _Spelled | None:
        """Return the symbols of ², ½ and their like, by small ones that are raised or lowered."""
        parts = equivalents.composition(character)
        if not parts or any(part.name not in self._known for part in parts):
            return None
        return [(symbol, position, part.level) for part in parts for symbol in self._known[part.name]]


@lru_cache(64)
def _speller(labels: tuple[str, ...], compose: bool) -> _Speller:
    return _Speller(labels, compose)


def _decomposed(typed: _Typed) -> list[tuple[str, int]]:
    """Return the parts of a letter and its marks, which may be typed in another order, in Unicode's."""
    parts = [(part, position) for name, position in typed for part in unicodedata.normalize("NFD", name)]
    return sorted(parts, key=lambda part: unicodedata.combining(part[0]))


def describe_character(character: str) -> str:
    """Describe a character in printable text: `'é' (U+00E9 LATIN SMALL LETTER E WITH ACUTE)`."""
    category = unicodedata.category(character)
    name = unicodedata.name(character, _NAMELESS.get(category, ""))
    code_point = f"U+{ord(character):04X} {name}".rstrip()
    return code_point if category in _SHAPELESS else f"{character!r} ({code_point})"
