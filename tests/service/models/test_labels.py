import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyphvae.models.labels import (
    SETS,
    UnknownLabelError,
    describe_labels,
    describe_sets,
    parse_label,
    parse_labels,
    usual_labels,
)
from tests.known_model import MORE_LABELS

LABELS = tuple(string.digits + string.ascii_uppercase)


@pytest.mark.parametrize(
    ("text", "index"), [("0", 0), ("9", 9), ("A", 10), ("10", 10), ("J", 19), ("19", 19), ("Z", 35), ("35", 35)]
)
def test_character_and_number_name_the_same_label(text: str, index: int) -> None:
    assert parse_label(text, LABELS) == index


@given(st.integers(0, 35))
def test_every_label_has_two_readings(index: int) -> None:
    assert parse_label(LABELS[index], LABELS) == parse_label(str(index), LABELS) == index


@pytest.mark.parametrize(
    "text",
    ["", "36", "-1", "+1", "07", "00", " 7", "7 ", "7\n", "j", "AB", "1.0", "1e1", "0x1", "٣", "³", "1_0", "9" * 5000],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(UnknownLabelError, match="allowed is a character 0-9, A-Z or a number 0-35"):
        parse_label(text, LABELS)


@given(st.text())
def test_text_is_a_label_or_refused(text: str) -> None:
    with suppress(UnknownLabelError):
        assert 0 <= parse_label(text, LABELS) < 36


def test_character_wins_over_number() -> None:
    assert parse_label("1", ["1", "2"]) == 0
    assert parse_label("0", ["1", "2"]) == 0


def test_a_name_of_several_characters_is_exact_and_precedes_a_number() -> None:
    names = ("A", "B", "sch", "1", "12")
    assert [parse_label(text, names) for text in ("sch", "1", "12", "2", "4")] == [2, 3, 4, 2, 4]
    for text in ("sc", "SCH", "schs", "ch", "5"):
        with pytest.raises(UnknownLabelError, match="allowed is a character A-B, sch, 1, 12 or a number 0-4"):
            parse_label(text, names)


def test_a_set_precedes_a_label_of_its_name() -> None:
    assert parse_labels("all", ("A", "all")) == (0, 1)
    assert parse_labels("1", ("A", "all")) == (1,)


def test_labels_in_one_string_are_single_characters() -> None:
    with pytest.raises(UnknownLabelError):
        parse_label("BC", "ABC")


def test_model_without_labels_refuses_every_label() -> None:
    with pytest.raises(UnknownLabelError, match="the model has no labels"):
        parse_label("0", [])
    assert describe_labels(LABELS) == "a character 0-9, A-Z or a number 0-35"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("J", "J"),
        ("19", "J"),
        ("36", "a"),
        ("\u0301", "\u0301"),
        ("ascii", "".join(LABELS) + "ab."),
        ("digits", string.digits),
        ("capitals", string.ascii_uppercase),
        ("small", "ab"),
        ("letters", string.ascii_uppercase + "abß"),
        ("0123456789", string.digits),
        ("1234", "1234"),
        ("012", "012"),
        ("ßaJ", "ßaJ"),
        ("all", "".join(MORE_LABELS)),
    ],
)
def test_a_text_names_a_label_or_those_of_a_set(text: str, named: str) -> None:
    assert "".join(MORE_LABELS[label] for label in parse_labels(text, MORE_LABELS)) == named


@pytest.mark.parametrize("text", ["", "41", "é", "12é", "hello", "AA", "123"])
def test_what_names_neither_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(UnknownLabelError) as caught:
        parse_labels(text, MORE_LABELS)
    assert str(caught.value) == f"{text!r} is not a label; allowed is {describe_sets(MORE_LABELS)}."
    assert describe_sets(LABELS) == (
        "a character 0-9, A-Z or a number 0-35, several characters such as 0123456789, "
        "or digits, capitals, small, ascii, letters, all"
    )


@pytest.mark.parametrize("text", SETS)
def test_a_set_that_the_model_knows_nothing_of_is_refused(text: str) -> None:
    with pytest.raises(UnknownLabelError, match=f"no label of the set {text}; allowed is none, because the model has"):
        parse_labels(text, ())


@pytest.mark.parametrize(
    ("text", "meant"), [("ALL", "all"), ("digit", "digits"), ("smal", "small"), ("A-Z", "capitals")]
)
def test_a_misspelt_set_is_not_taken_for_characters(text: str, meant: str) -> None:
    with pytest.raises(UnknownLabelError, match=f"'{text}' is not a label, did you mean {meant}\\?; allowed is"):
        parse_labels(text, f"{string.ascii_letters}-")


def test_digits_are_no_letters() -> None:
    with pytest.raises(UnknownLabelError, match="the model has no label of the set letters"):
        parse_labels("letters", string.digits)


@pytest.mark.parametrize(
    ("labels", "count"),
    [(MORE_LABELS, 36), (LABELS, 36), (LABELS[:10], 10), (("a", *LABELS), 37), (MORE_LABELS[1:], 40), ((), 0)],
)
def test_the_usual_labels_are_digits_and_capitals_where_these_come_first(labels: tuple[str, ...], count: int) -> None:
    assert usual_labels(labels) == tuple(range(count))
