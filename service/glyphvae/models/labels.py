"""Labels, given by name, which is the character itself, or by index, and sets of them."""

import re
import string
from collections.abc import Callable, Mapping, Sequence

from glyphvae.wording import character_ranges, quoted, suggestion

# At most nine digits, because int() takes time that grows with their square.
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
# Digits that are an index, known or not, rather than several labels in one text.
_SHORT_INDEX = re.compile(r"[1-9][0-9]{1,2}")

# Those that a request means which names none, where a model begins with them.
_BASIC = tuple(string.digits + string.ascii_uppercase)
SETS: Mapping[str, Callable[[str], bool]] = {
    "digits": frozenset(string.digits).__contains__,
    "capitals": frozenset(string.ascii_uppercase).__contains__,
    "small": frozenset(string.ascii_lowercase).__contains__,
    "ascii": str.isascii,
    "letters": str.isalpha,
    "all": lambda _: True,
}
# As other programs write sets, and each three characters as well.
_RANGES = {"0-9": "digits", "A-Z": "capitals", "a-z": "small"}


class UnknownLabelError(ValueError):
    """The text is not a label of the model; the message lists the allowed ones."""


def parse_label(text: str, labels: Sequence[str]) -> int:
    """Return the index of the label that `text` names.

    With the labels 0-9 and A-Z, both `A` and `10` give 10. A text that is both a name and an index counts as the name;
    of characters the two agree if the digit `d` is the label with index `d`.

    Args:
        text: A name in `labels`, or the decimal index into it without sign, space or leading zero.
        labels: Names of one character or more, in the order of the model's label indices.

    Returns:
        An index in `range(len(labels))`.

    Raises:
        UnknownLabelError: `text` is neither.
    """
    if text in (names := tuple(labels)):
        return names.index(text)
    if _INDEX.fullmatch(text) and int(text) < len(labels):
        return int(text)
    raise UnknownLabelError(f"{quoted(text)} is not a label; allowed is {describe_labels(labels)}.")


def parse_labels(text: str, labels: Sequence[str]) -> tuple[int, ...]:
    """Return the indices of the labels that `text` names: one as of `parse_label`, those of a set, or each character.

    The sets are `digits` (0-9), `capitals` (A-Z), `small` (a-z), `ascii`, `letters`, which have no digits, signs and
    accents, and `all`; a label called like a set is named by its index. `0123456789` names ten labels, `12` the one
    with that index.

    Raises:
        UnknownLabelError: `text` is none of these, or the model has no label of the set.
    """
    if text in SETS:
        if found := tuple(index for index, label in enumerate(labels) if SETS[text](label)):
            return found
        raise UnknownLabelError(f"the model has no label of the set {text}; allowed is {describe_sets(labels)}.")
    try:
        return (parse_label(text, labels),)
    except UnknownLabelError:
        pass
    meant = _RANGES.get(text) or suggestion(text, SETS)
    if not meant and _names_each(text, labels):
        return tuple(tuple(labels).index(character) for character in text)
    hint = f", did you mean {meant}?" if meant else ""
    raise UnknownLabelError(f"{quoted(text)} is not a label{hint}; allowed is {describe_sets(labels)}.")


def _names_each(text: str, labels: Sequence[str]) -> bool:
    """Return whether each character of a text is a label, and none recurs, as in words that are something else."""
    return len(text) == len(set(text)) > 1 and set(text) <= set(labels) and not _SHORT_INDEX.fullmatch(text)


def usual_labels(labels: Sequence[str]) -> tuple[int, ...]:
    """Return the indices meant where no labels are named: of 0-9 and A-Z where these come first, else all."""
    usual = labels[: len(_BASIC)] if tuple(labels[: len(_BASIC)]) == _BASIC else labels
    return tuple(range(len(usual)))


def describe_sets(labels: Sequence[str]) -> str:
    """Describe the allowed labels and sets of labels."""
    known = describe_labels(labels)
    return f"{known}, several characters such as 0123456789, or {', '.join(SETS)}" if labels else known


def describe_labels(labels: Sequence[str]) -> str:
    """Describe the allowed labels: `a character 0-9, A-Z or a number 0-35`."""
    if not labels:
        return "none, because the model has no labels"
    return f"a character {character_ranges(labels)} or a number 0-{len(labels) - 1}"
