import string
import unicodedata
from typing import Literal

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
    is_above,
    is_mark,
    of_glyphs,
)

GRAVE, ACUTE, DIAERESIS, CEDILLA, DOT_BELOW = "\u0300\u0301\u0308\u0327\u0323"
LABELS = tuple(string.digits + string.ascii_uppercase)
MARKED = (*"AEeijcıê", ACUTE, DIAERESIS, CEDILLA)
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


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("é", ["e", ACUTE]),
        ("É", ["E", ACUTE]),
        ("ç", ["c", CEDILLA]),
        ("ḉ", ["c", CEDILLA, ACUTE]),
        ("ê", ["ê"]),
        ("ế", ["ê", ACUTE]),
        ("í", ["ı", ACUTE]),
        ("i", ["i"]),
        ("i\u0327", ["i", CEDILLA]),
        ("j\u0301", ["j", ACUTE]),
        ("ḯ", ["ı", DIAERESIS, ACUTE]),
        ("Ae", ["A", "e"]),
        ("a\u0301", ["A", ACUTE]),
    ],
)
def test_an_accented_letter_is_composed(form: Literal["NFC", "NFD"], text: str, written: list[str]) -> None:
    typed = unicodedata.normalize(form, text)
    assert [MARKED[symbol] for symbol in symbols(fold(typed, MARKED, compose=True))] == written


def test_every_part_of_a_composed_letter_has_the_position_that_it_is_typed_at() -> None:
    labels = (*MARKED, "sch")
    assert positions(fold("eée\u0301ê", labels, compose=True)) == [0, 1, 1, 2, 3, 4]
    assert positions(fold("e\u0302c\u0301\u0327E", labels, compose=True)) == [0, 2, 4, 3, 5]
    assert positions(fold("schéei\u0301", labels, compose=True)) == [0, 3, 3, 4, 5, 6]


def test_a_letter_without_a_dot_is_used_where_there_is_one() -> None:
    for labels in (("i", ACUTE), ("ı", "i", ACUTE), ("ȷ", "j", ACUTE)):
        text = f"{labels[-2]}{ACUTE}"
        assert [labels[symbol] for symbol in symbols(fold(text, labels, compose=True))] == [labels[0], ACUTE]


def test_a_label_in_another_normal_form_is_the_same_letter() -> None:
    for label in ("é", "e\u0301"):
        for text in ("é", "e\u0301"):
            assert symbols(fold(text, ("A", label, "e", ACUTE), compose=True)) == [1]


def test_nothing_is_composed_unless_it_is_asked_for() -> None:
    with pytest.raises(UnknownCharacterError, match="U\\+00E9 LATIN SMALL LETTER E WITH ACUTE"):
        fold("é", MARKED, case="keep")
    assert symbols(fold(f"e{ACUTE}", MARKED)) == [2, 8]


def test_a_composed_letter_is_set_as_a_capital() -> None:
    labels = ("E", "I", "S", ACUTE)
    for text, folded in [("éíß", (0, 1, 2)), ("e\u0301i\u0301ß", (0, 2, 4))]:
        script = fold(text, labels, compose=True)
        assert symbols(script) == [0, 3, 1, 3, 2, 2]
        assert script.folded == folded
    with pytest.raises(UnknownCharacterError, match=r"'é' .* at position 1"):
        fold("Eé", labels, case="keep", compose=True)


@pytest.mark.parametrize(
    ("text", "position", "name"),
    [
        ("Eẹ", 1, r"'ẹ' \(U\+1EB9"),
        ("Ee\u0323", 2, r"U\+0323 COMBINING DOT BELOW"),
        ("Ee\u0301\u0323", 3, r"U\+0323 COMBINING DOT BELOW"),
        ("Eñ", 1, r"'ñ' \(U\+00F1"),
        ("Ex\u0301", 1, r"'x' \(U\+0078"),
        ("가", 0, r"'가' \(U\+AC00"),
    ],
)
def test_a_letter_with_an_unknown_part_is_unknown(text: str, position: int, name: str) -> None:
    with pytest.raises(UnknownCharacterError, match=f"^The character {name}.* at position {position} cannot"):
        fold(text, MARKED, compose=True)


@pytest.mark.parametrize("text", ["eẹE", "ee\u0323E"])
def test_an_unknown_accented_letter_is_left_out_whole(text: str) -> None:
    skipped, blank = (fold(text, MARKED, unknown=unknown, compose=True) for unknown in ("skip", "blank"))
    assert symbols(skipped) == [2, 1]
    assert symbols(blank) == [2, BLANK, 1]
    assert positions(blank) == [0, 1, len(text) - 1]
    assert skipped.unknown == blank.unknown == tuple(range(1, len(text) - 1))


def test_a_mark_without_a_letter_is_a_symbol_by_itself() -> None:
    script = fold(f"{ACUTE} {ACUTE}\n{ACUTE}", MARKED, compose=True)
    assert symbols(script) == [8, SPACE, 8, LINE_BREAK, 8]


@pytest.mark.timeout(10)
def test_many_marks_take_no_more_time_each() -> None:
    assert len(fold("e" + ACUTE * 100_000, MARKED, compose=True).symbols) == 100_001


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("schs", ["sch", "s"]),
        ("scsch", ["sc", "sch"]),
        ("shh", ["s", "h", "h"]),
        ("\r\nsch", ["sch"]),
        ("a.*", ["a.*"]),
    ],
)
def test_the_longest_name_is_taken(text: str, names: list[str]) -> None:
    labels = ("s", "c", "h", "sch", "sc", "a.*")
    script = fold(text, labels)
    assert [labels[label] for label in script.labels] == names
    assert positions(script)[-1] == len(text) - len(names[-1])


def test_marks_are_combining_characters() -> None:
    assert [name for name in ("e", "é", ACUTE, CEDILLA, "`", "e\u0301", "\u20dd") if is_mark(name)] == [ACUTE, CEDILLA]
    assert [mark for mark in (GRAVE, DIAERESIS, CEDILLA, DOT_BELOW) if is_above(mark)] == [GRAVE, DIAERESIS]


def test_what_holds_of_labels_is_told_of_glyphs() -> None:
    script = fold("e é", MARKED, compose=True)
    assert of_glyphs(is_mark, script, MARKED).tolist() == [False, False, True]
    assert of_glyphs(str.isalnum, script, list(MARKED)).tolist() == [True, True, False]


def test_model_without_labels_writes_spaces_only() -> None:
    with pytest.raises(UnknownCharacterError, match="allowed are spaces and line breaks"):
        fold(" A", ())


@given(ANY_TEXT, st.sampled_from(["upper", "keep"]))
def test_a_text_means_the_same_in_every_normal_form(text: str, case: Case) -> None:
    forms: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
    composed, decomposed = (
        fold(unicodedata.normalize(form, text), MARKED, "skip", case, compose=True) for form in forms
    )
    assert symbols(composed) == symbols(decomposed)


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
