import numpy as np
import pytest

from glyphvae.api.conditions import names_of, optional_label, required_labels
from glyphvae.api.context import Context
from glyphvae.errors import InvalidParameter


def test_labels_are_characters_or_numbers(context: Context) -> None:
    model = context.registry.get("cvae")
    labels = required_labels(["J", "10", "0"], model)
    assert labels.tolist() == [19, 10, 0]
    assert labels.dtype == np.int64
    assert names_of(labels, model) == ["J", "A", "0"]
    assert (optional_label("J", model), optional_label(None, model)) == (19, None)


def test_an_unconditional_model_has_one_nameless_label(context: Context) -> None:
    model = context.registry.get("vae")
    labels = required_labels([], model)
    assert (labels.tolist(), names_of(labels, model), optional_label(None, model)) == ([0], [None], 0)


@pytest.mark.parametrize(
    ("name", "labels", "says"),
    [("cvae", [], "is required"), ("cvae", ["J", "?"], "'\\?' is not a label"), ("vae", ["J"], "'vae' has no labels")],
)
def test_what_a_model_cannot_write_is_refused(context: Context, name: str, labels: list[str], says: str) -> None:
    with pytest.raises(InvalidParameter, match=says) as caught:
        required_labels(labels, context.registry.get(name))
    assert caught.value.errors[0].field == "query.label"
