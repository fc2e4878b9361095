import re
import string
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from glyphvae.wording import Pattern, character_ranges, quoted, suggestion

SOURCES = Path(__file__).parents[2] / "service" / "glyphvae"
WORD = TypeAdapter(Annotated[str, Pattern("^[a-z]+$", "a word in small letters")])


@pytest.mark.parametrize("text", ["", "A", "a\n", "a b"])
def test_a_text_of_another_shape_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        WORD.validate_python(text)
    assert [error["msg"] for error in caught.value.errors()] == ["Input should be a word in small letters"]


def test_the_shape_of_a_text_is_in_its_schema() -> None:
    assert WORD.validate_python("word") == "word"
    assert WORD.json_schema() == {"type": "string", "pattern": "^[a-z]+$"}


def test_no_error_shows_an_expression() -> None:
    found = [
        path.name
        for path in SOURCES.rglob("*.py")
        if path.stem != "wording" and re.search(r"[(,]\s*pattern=", path.read_text("utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("name", "known"),
    [("lable", "label"), ("LABEL", "label"), ("sede", "seed"), ("colour", None), ("x", None), ("label" * 9, None)],
)
def test_the_name_that_was_meant_is_found(name: str, known: str | None) -> None:
    assert suggestion(name, ("columns", "label", "seed")) == known


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
