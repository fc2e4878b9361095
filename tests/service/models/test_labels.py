import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyphvae.models.labels import UnknownLabelError, describe_labels, parse_label

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


def test_labels_in_one_string_are_single_characters() -> None:
    with pytest.raises(UnknownLabelError):
        parse_label("BC", "ABC")


def test_model_without_labels_refuses_every_label() -> None:
    with pytest.raises(UnknownLabelError, match="the model has no labels"):
        parse_label("0", [])
    assert describe_labels(LABELS) == "a character 0-9, A-Z or a number 0-35"
