import string

from hypothesis import given
from hypothesis import strategies as st

from glyphvae.wording import character_ranges, quoted


def test_consecutive_characters_become_ranges() -> None:
    assert character_ranges(string.digits + string.ascii_uppercase + string.ascii_lowercase) == "0-9, A-Z, a-z"
    assert character_ranges(["A", "C", "D", "x"]) == "A, C-D, x"
    assert character_ranges("7") == "7"


def test_names_and_marks_are_told_apart_from_the_text_around_them() -> None:
    assert character_ranges(["A", "B", "sch", "C", "D"]) == "A-B, sch, C-D"
    assert character_ranges(["z", "\u0300", "\u0301", "\u0327"]) == "z, ◌\u0300-◌\u0301, ◌\u0327"


@given(st.text(st.characters(exclude_categories=[]), max_size=100))
def test_any_text_can_be_quoted(text: str) -> None:
    assert quoted(text).encode()
    assert len(quoted(text)) <= 40 * len(r"\U0010ffff") + 5


def test_long_text_is_cut() -> None:
    assert quoted("x" * 40) == f"'{'x' * 40}'"
    assert quoted("x" * 41) == f"'{'x' * 40}'..."


def test_unprintable_characters_are_escaped() -> None:
    assert quoted("a\x00\ud800\u200b") == r"'a\x00\ud800\u200b'"
