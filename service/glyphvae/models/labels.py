"""Labels, given as the character itself or as its index."""

import re
from collections.abc import Sequence

from glyphvae.wording import character_ranges, quoted

# At most nine digits, because int() takes time that grows with their square.
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


class UnknownLabelError(ValueError):
    """The text is not a label of the model; the message lists the allowed ones."""


def parse_label(text: str, labels: Sequence[str]) -> int:
    """Return the index of the label that `text` names.

    With the labels 0-9 and A-Z, both `A` and `10` give 10. A text that is both a character and an index counts as the
    character; the two agree if the digit `d` is the label with index `d`.

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
    """Describe the allowed labels: `a character 0-9, A-Z or a number 0-35`."""
    if not labels:
        return "none, because the model has no labels"
    return f"a character {character_ranges(labels)} or a number 0-{len(labels) - 1}"
