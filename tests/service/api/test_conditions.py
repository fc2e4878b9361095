import numpy as np
import pytest

from glyphvae.api.conditions import (
    chosen_labels,
    names_of,
    optional_label,
    possible_labels,
    refuse_both,
    required_labels,
    title_of,
    written,
)
from glyphvae.api.context import Context
from glyphvae.errors import InvalidParameter, MissingParameter


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
    [("cvae", ["J", "?"], "'\\?' is not a label"), ("vae", ["J"], "'vae' has no labels")],
)
def test_what_a_model_cannot_write_is_refused(context: Context, name: str, labels: list[str], says: str) -> None:
    with pytest.raises(InvalidParameter, match=says) as caught:
        required_labels(labels, context.registry.get(name))
    assert caught.value.errors[0].field == "query.label"


def test_a_conditional_model_requires_a_label(context: Context) -> None:
    with pytest.raises(MissingParameter, match="is required") as caught:
        required_labels([], context.registry.get("cvae"))
    assert caught.value.errors[0].field == "query.label"


@pytest.mark.parametrize(
    ("name", "asked", "texts", "folded"),
    [
        ("cvae", ["J", "10"], ["J", "10"], None),
        ("cvae", ["j", "\uff2a", "J", "all", "?", "", " ", "jj"], ["J", "J", "J", "all", "?", "", " ", "jj"], 2),
        ("cvae", ["\ufb01", "\u00df"], ["\ufb01", "\u00df"], None),
        ("vae", ["j"], ["j"], None),
    ],
)
def test_a_label_that_a_model_lacks_is_written_as_in_a_text(
    context: Context, name: str, asked: list[str], texts: list[str], folded: int | None
) -> None:
    assert written(asked, context.registry.get(name)) == (texts, folded)


def test_labels_are_chosen_by_name_by_set_or_are_the_usual_ones(context: Context) -> None:
    model = context.registry.get("cvae")
    assert chosen_labels(["J", "J"], [], model).tolist() == [19, 19]
    assert chosen_labels([], ["J", "letters", "10"], model).tolist() == [19, *range(10, 19), *range(20, 36)]
    assert chosen_labels([], [], model).tolist() == list(range(36))
    assert possible_labels(["0", "1", "0"], model) == (0, 1)
    unconditional = context.registry.get("vae")
    assert chosen_labels([], [], unconditional).tolist() == [0]
    assert possible_labels([], unconditional) == ()


@pytest.mark.parametrize(
    ("name", "labels", "sets", "says"),
    [
        ("cvae", ["J"], ["all"], "label is given, too"),
        (
            "cvae",
            [],
            ["a"],
            "'a' is not a label; allowed is a character 0-9, A-Z or a number 0-35, several characters",
        ),
        ("vae", [], ["all"], "none, because the model has no labels"),
        ("vae", [], ["J"], "none, because the model has no labels"),
    ],
)
def test_labels_that_cannot_be_chosen(
    context: Context, name: str, labels: list[str], sets: list[str], says: str
) -> None:
    with pytest.raises(InvalidParameter, match=says) as caught:
        chosen_labels(labels, sets, context.registry.get(name))
    assert [error.field for error in caught.value.errors] == ["query.labels"]


def test_one_of_both_is_enough() -> None:
    refuse_both(None, ["all"])
    refuse_both("J", [])
    with pytest.raises(InvalidParameter, match="label is given, too"):
        refuse_both("J", ["all"])


def test_the_title_of_a_picture_names_each_label_once() -> None:
    assert title_of(["A", "ß", "A", None]) == "A ß"
    assert title_of([None, None]) == "handwriting"
