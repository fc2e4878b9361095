"""The two readings of a label: the character itself, or its number."""

from collections.abc import Sequence
from itertools import pairwise


class UnknownLabelError(ValueError):
    """The text names no label of the model; the message says what is allowed."""


def parse_label(text: str, labels: Sequence[str]) -> int:
    """The index of the label that `text` names.

    `text` is a character of `labels` or the decimal index into it: with 0-9 and A-Z, both `A` and `10` are 10.
    A character that is itself a label wins, so the readings agree wherever digit `d` has the index `d`.

    Args:
        text: What the caller wrote. No sign, space or leading zero is allowed.
        labels: One-character strings, in the order of the model's label indices.

    Returns:
        An index in `range(len(labels))`.

    Raises:
        UnknownLabelError: `text` is neither.
    """
    if len(text) == 1 and text in labels:
        return labels.index(text)
    if text.isascii() and text.isdigit() and (text == "0" or text[0] != "0") and len(text) < 10:
        index = int(text)
        if index < len(labels):
            return index
    raise UnknownLabelError(f"{shortened(text)} is not a label; allowed is {describe_labels(labels)}.")


def describe_labels(labels: Sequence[str]) -> str:
    """What a label may be, in words: `a character 0-9, A-Z or a number 0-35`."""
    if not labels:
        return "none, because the model has no labels"
    return f"a character {character_ranges(labels)} or a number 0-{len(labels) - 1}"


def character_ranges(characters: Sequence[str]) -> str:
    """`characters` with runs of consecutive code points written as ranges: `0-9, A-Z`."""
    points = [ord(character) for character in characters]
    starts = [0] + [i + 1 for i, (a, b) in enumerate(pairwise(points)) if b != a + 1]
    ends = [start - 1 for start in starts[1:]] + [len(points) - 1]
    return ", ".join(
        _range(characters[start], characters[end]) for start, end in zip(starts, ends, strict=True)
    )


def _range(first: str, last: str) -> str:
    return first if first == last else f"{first}-{last}"


def shortened(text: str, limit: int = 40) -> str:
    """`text` quoted for an error message: ASCII only, at most `limit` characters of it."""
    return ascii(text) if len(text) <= limit else f"{ascii(text[:limit])}..."
