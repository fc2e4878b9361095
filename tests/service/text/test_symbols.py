import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyphvae.text.symbols import (
    BLANK,
    LINE_BREAK,
    SPACE,
    Case,
    Symbols,
    Unknown,
    UnknownCharacterError,
    describe_character,
    fold,
)

LABELS = tuple(string.digits + string.ascii_uppercase)
ANY_TEXT = st.text(st.characters(exclude_categories=[]))


def symbols(script: Symbols) -> list[int]:
    return [int(symbol) for symbol in script.symbols]


def positions(script: Symbols) -> list[int]:
    return [int(position) for position in script.positions]


def test_characters_spaces_and_line_breaks_are_symbols() -> None:
    script = fold("A 1\nZ", LABELS)
    assert symbols(script) == [10, SPACE, 1, LINE_BREAK, 35]
    assert positions(script) == [0, 1, 2, 3, 4]
    assert script.labels.tolist() == [10, 1, 35]
    assert script.folded == script.unknown == ()


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\r"])
def test_every_line_break_is_one(break_: str) -> None:
    assert symbols(fold(f"A{break_}{break_}B", LABELS)) == [10, LINE_BREAK, LINE_BREAK, 11]
    assert positions(fold(f"A{break_}B", LABELS)) == [0, 1, 1 + len(break_)]


def test_tab_is_a_space() -> None:
    assert symbols(fold("A\tB", LABELS)) == [10, SPACE, 11]


def test_small_letters_are_set_as_capitals_and_told() -> None:
    script = fold("Hello 1", LABELS)
    assert symbols(script) == symbols(fold("HELLO 1", LABELS))
    assert script.folded == (1, 2, 3, 4)


def test_sharp_s_and_ligatures_become_two_capitals() -> None:
    script = fold("Aßﬁ", LABELS)
    assert symbols(script) == symbols(fold("ASSFI", LABELS))
    assert positions(script) == [0, 1, 1, 2, 2]
    assert script.folded == (1, 2)


def test_small_letters_stay_small_where_the_model_writes_them() -> None:
    script = fold("aA", (*LABELS, "a"))
    assert symbols(script) == [36, 10]
    assert script.folded == ()


def test_case_can_be_kept() -> None:
    with pytest.raises(UnknownCharacterError, match=r"'e' \(U\+0065 LATIN SMALL LETTER E\) at position 1"):
        fold("HeLLO", LABELS, case="keep")


@pytest.mark.parametrize(
    ("text", "position", "name"),
    [
        ("AÉ", 1, r"'É' \(U\+00C9 LATIN CAPITAL LETTER E WITH ACUTE\)"),
        ("AE\u0301", 2, r"U\+0301 COMBINING ACUTE ACCENT"),
        ("\x00", 0, r"U\+0000 CONTROL CHARACTER"),
        ("A\u200bB", 1, r"U\+200B ZERO WIDTH SPACE"),
        ("A\u00a0B", 1, r"U\+00A0 NO-BREAK SPACE"),
        ("A\ud800", 1, r"U\+D800 SURROGATE"),
        ("\ue000", 0, r"U\+E000 PRIVATE USE CHARACTER"),
        ("\u0378", 0, r"U\+0378 UNASSIGNED"),
        ("AB \u202eC", 3, r"U\+202E RIGHT-TO-LEFT OVERRIDE"),
        ("OK 👍", 3, r"'👍' \(U\+1F44D THUMBS UP SIGN\)"),
        ("\u01f0", 0, r"'\u01f0' \(U\+01F0 LATIN SMALL LETTER J WITH CARON\)"),
        ("\u0663", 0, r"'\u0663' \(U\+0663 ARABIC-INDIC DIGIT THREE\)"),
    ],
)
def test_first_unknown_character_is_named_with_its_position(text: str, position: int, name: str) -> None:
    match = (
        f"^The character {name} at position {position} cannot be written; allowed are 0-9, A-Z, spaces and line breaks"
    )
    with pytest.raises(UnknownCharacterError, match=match) as caught:
        fold(text, LABELS)
    assert caught.value.position == position
    assert caught.value.character == text[position]
    assert str(caught.value).encode()


def test_unknown_characters_are_skipped_or_left_blank_on_request() -> None:
    skipped, blank = (fold("A,B\u0301", LABELS, unknown=unknown) for unknown in ("skip", "blank"))
    assert symbols(skipped) == [10, 11]
    assert positions(skipped) == [0, 2]
    assert symbols(blank) == [10, BLANK, 11, BLANK]
    assert positions(blank) == [0, 1, 2, 3]
    assert skipped.unknown == blank.unknown == (1, 3)


def test_model_without_labels_writes_spaces_only() -> None:
    with pytest.raises(UnknownCharacterError, match="allowed are spaces and line breaks"):
        fold(" A", ())


@given(ANY_TEXT, st.sampled_from(["skip", "blank"]), st.sampled_from(["upper", "keep"]))
def test_any_text_has_symbols(text: str, unknown: Unknown, case: Case) -> None:
    script = fold(text, LABELS, unknown, case)
    assert len(script.symbols) == len(script.positions)
    assert set(symbols(script)) <= {SPACE, LINE_BREAK, BLANK, *range(36)}
    assert positions(script) == sorted(positions(script))
    assert len(script.labels) == sum(symbol >= 0 for symbol in symbols(script))
    assert unknown == "blank" or BLANK not in symbols(script)
    accounted = {*positions(script), *script.unknown}
    assert {i for i, c in enumerate(text) if (text[i - 1 : i], c) != ("\r", "\n")} == accounted


@given(st.characters(exclude_categories=[]))
def test_any_character_can_be_described(character: str) -> None:
    assert f"U+{ord(character):04X}" in describe_character(character)
    assert describe_character(character).encode()
