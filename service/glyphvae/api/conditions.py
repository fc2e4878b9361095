"""The labels that a request asks for, checked against the model that has to know them."""

from collections.abc import Sequence

import numpy as np

from glyphvae.api.parameters import value_of
from glyphvae.errors import InvalidParameter
from glyphvae.models.labels import describe_labels, parse_label
from glyphvae.models.registry import Labels, Model

FIELD = "query.label"


def required_labels(texts: Sequence[str], model: Model) -> Labels:
    """Return the labels (n,) that `texts` name; a single 0 for an unconditional model, which has none.

    Raises:
        InvalidParameter: One is no label of the model, a conditional model got none, or an unconditional one got any.
    """
    allowed = model.manifest.labels
    if not allowed:
        return np.array([optional_label(texts[0] if texts else None, model)], dtype=np.int64)
    if not texts:
        raise InvalidParameter.of(FIELD, "is required", describe_labels(allowed))
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


def names_of(labels: Labels, model: Model) -> list[str | None]:
    """Return the characters of `labels` (n,), None each for an unconditional model."""
    names = model.manifest.labels or (None,)
    return [names[label] for label in labels]
