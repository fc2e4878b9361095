"""The labels that a request asks for, checked against the model that has to know them."""

from collections.abc import Iterable, Sequence
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from glyphvae.api.parameters import value_of
from glyphvae.errors import InvalidParameter, MissingParameter
from glyphvae.models.labels import describe_labels, parse_label, parse_labels, usual_labels
from glyphvae.models.registry import Labels, Model
from glyphvae.text.symbols import UnknownCharacterError, fold

FIELD, SETS_FIELD = "query.label", "query.labels"

# Of a query, where `label` is not given.
LabelSets = Annotated[
    list[Annotated[str, Field(max_length=128)]],
    Field(
        max_length=1024,
        description="Which labels, instead of `label`: `digits`, `capitals`, `small`, `ascii`, `letters`, `all`, one "
        "label, or several characters, as `0123456789`; a number of up to three digits is that of one label. Repeat it "
        "for more. "
        "Default: 0-9 and A-Z; all labels of a model that does not begin with these.",
    ),
]


# The header that counts what is written as another character, as of a text, and its meaning for labels.
FOLDED = {"Glyphvae-Folded": "How many of `label` and `labels` are written as others: `j` as `J`, if there is no `j`."}


class Written(NamedTuple):
    """Labels as they are written.

    Attributes:
        texts: Labels of the model, and what is none of them and nothing like them.
        folded: How many are written as others, None for none.
    """

    texts: list[str]
    folded: int | None


def written(texts: Sequence[str], model: Model) -> Written:
    """Return the labels that are written for `texts`, as in a text: `j` as `J`, if there is no `j`."""
    names = [_written(text, model.manifest.labels) for text in texts]
    return Written(names, sum(name != text for name, text in zip(names, texts, strict=True)) or None)


def _written(text: str, labels: tuple[str, ...]) -> str:
    if text in labels or len(text) > 1:
        return text
    try:
        symbols = fold(text, labels).symbols
    except UnknownCharacterError:
        return text
    return labels[symbols[0]] if len(symbols) == 1 and symbols[0] >= 0 else text


def required_labels(texts: Sequence[str], model: Model) -> Labels:
    """Return the labels (n,) that `texts` name; a single 0 for an unconditional model, which has none.

    Raises:
        MissingParameter: A conditional model got none.
        InvalidParameter: One is no label of the model, or an unconditional one got any.
    """
    allowed = model.manifest.labels
    if not allowed:
        return np.array([optional_label(texts[0] if texts else None, model)], dtype=np.int64)
    if not texts:
        raise MissingParameter.of(FIELD, "is required", describe_labels(allowed))
    return np.array([value_of(FIELD, parse_label, text, allowed) for text in texts], dtype=np.int64)


def optional_label(text: str | None, model: Model) -> int | None:
    """Return the label that `text` names: None where it is left open, 0 for an unconditional model, which has none.

    Raises:
        InvalidParameter: It is no label of the model, or the model has none.
    """
    allowed = model.manifest.labels
    if allowed:
        return None if text is None else value_of(FIELD, parse_label, text, allowed)
    if text is not None:
        detail = f"model {model.manifest.name!r} has no labels, so none can be asked for"
        raise InvalidParameter.of(FIELD, detail, describe_labels(allowed))
    return 0


def chosen_labels(texts: Sequence[str], sets: Sequence[str], model: Model) -> Labels:
    """Return the labels (n,) that `texts` name, else those of `sets`, each once, else the usual ones.

    An unconditional model has a single 0.

    Raises:
        InvalidParameter: As `required_labels` and `possible_labels`, and where there are both `texts` and `sets`.
    """
    refuse_both(texts, sets)
    if texts:
        return required_labels(texts, model)
    return np.array(possible_labels(sets, model) or (0,), dtype=np.int64)


def possible_labels(sets: Sequence[str], model: Model) -> tuple[int, ...]:
    """Return the labels that `sets` name, each once, or the usual ones; none for an unconditional model.

    Raises:
        InvalidParameter: One names no label of the model.
    """
    allowed = model.manifest.labels
    if not sets:
        return usual_labels(allowed)
    each = [value_of(SETS_FIELD, parse_labels, text, allowed) for text in sets]
    return tuple(dict.fromkeys(label for labels in each for label in labels))


def refuse_both(label: object, sets: Sequence[str]) -> None:
    """Check that a query has not both `label` and `labels`.

    Raises:
        InvalidParameter: It has.
    """
    if label and sets:
        raise InvalidParameter.of(SETS_FIELD, "label is given, too", "one of both")


def title_of(names: Iterable[str | None]) -> str:
    """Return the title of a picture of labels: each of them once."""
    return " ".join(dict.fromkeys(name for name in names if name)) or "handwriting"


def names_of(labels: Labels, model: Model) -> list[str | None]:
    """Return the characters of `labels` (n,), None each for an unconditional model."""
    names = model.manifest.labels or (None,)
    return [names[label] for label in labels]
