"""Text to the symbols that a model can write."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from numpy import int64
from numpy.typing import NDArray

SPACE = -1
NEWLINE = -2
BLANK = -3


class UnknownCharacterError(ValueError):
    """A character that the model cannot write; the message names it and its position.

    Attributes:
        character: The character.
        position: Its 0-based place in the text, counted in code points.
    """

    def __init__(self, character: str, position: int, allowed: str) -> None:
        super().__init__(f"{character!a} at {position}; {allowed}")
        self.character = character
        self.position = position


@dataclass(frozen=True)
class Script:
    """What is to be written.

    Attributes:
        symbols: (m,) label indices >= 0, SPACE, NEWLINE or BLANK (a character left out, its place kept).
        positions: (m,) place of each symbol's character in the text; never decreasing.
        folded: Places of small letters that are set as capitals.
        unknown: Places of characters that were skipped or left blank.
    """

    symbols: NDArray[int64]
    positions: NDArray[int64]
    folded: tuple[int, ...]
    unknown: tuple[int, ...]

    @property
    def labels(self) -> NDArray[int64]:
        """(n,) label index of each glyph, in reading order: one image is needed for each."""
        return self.symbols[self.symbols >= 0]


def fold(
    text: str,
    labels: Sequence[str],
    unknown: Literal["error", "skip", "blank"] = "error",
    case: Literal["upper", "keep"] = "upper",
) -> Script:
    r"""The symbols of `text`.

    Args:
        text: Characters of `labels`, spaces, tabs (read as spaces) and line breaks (\n, \r\n, \r).
        labels: One-character strings, in the order of the model's label indices.
        unknown: What becomes of any other character.
        case: `upper` sets a small letter that is no label as its capital, if that is one; `keep` does not.

    Raises:
        UnknownCharacterError: `unknown` is `error` and there is one.
    """
    raise NotImplementedError
