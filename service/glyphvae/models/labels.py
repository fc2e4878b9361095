"""The two readings of a label: the character itself, or its number."""

import re
from collections.abc import Sequence

from glyphvae.wording import character_ranges, quoted

# At most nine digits, because int() takes time that grows with their square.
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


class UnknownLabelError(ValueError):
    """The text names no label of the model; the message says what is allowed."""


def parse_label(text: str, labels: Sequence[str]) -> int:
    """The index of the label that `text` names.

    With the labels 0-9 and A-Z, both `A` and `10` are 10. Where the readings differ, the character wins; they
    agree wherever the digit `d` is the label of index `d`.

    Args:
        text: A character of `labels`, or the decimal index into it without sign, space or leading zero.
        labels: One-character strings, in the order of the model's label indices.

    Returns:
        An index in `range(len(labels))`.

    Raises:
        UnknownLabelError: `text` is neither.
    """
    if len(text) == 1 and text in labels:
        return labels.index(text)
    if _INDEX.fullmatch(text) and int(text) < len(labels):
        return int(text)
    raise UnknownLabelError(f"{quoted(text)} is not a label; allowed is {describe_labels(labels)}.")


def describe_labels(labels: Sequence[str]) -> str:
    """What a label may be, in words: `a character 0-9, A-Z or a number 0-35`."""
    if not labels:
        return "none, because the model has no labels"
    return f"a character {character_ranges(labels)} or a number 0-{len(labels) - 1}"
