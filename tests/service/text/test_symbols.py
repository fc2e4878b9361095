import string
import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyphvae.text.equivalents import INVISIBLE
from glyphvae.text.symbols import (
    BLANK,
    BREAK,
    LINE_BREAK,
    NO_BREAK_SPACE,
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


@pytest.mark.parametrize("space", ["\t", "\u2003", "\u2009", "\u3000"])
def test_every_space_is_one(space: str) -> None:
    assert symbols(fold(f"A{space}B", LABELS)) == [10, SPACE, 11]


@pytest.mark.parametrize("space", ["\u00a0", "\u202f", "\u2007"])
def test_a_space_at_which_no_line_ends_is_told(space: str) -> None:
    script = fold(f"5{space}A", LABELS)
    assert symbols(script) == [5, NO_BREAK_SPACE, 10]
    assert script.folded == script.unknown == ()


@pytest.mark.parametrize("invisible", ["\u00ad", "\u200d", "\ufeff"])
def test_what_has_no_shape_gives_no_symbol(invisible: str) -> None:
    for compose in (False, True):
        script = fold(f"A{invisible}B", LABELS, compose=compose)
        assert symbols(script) == [10, 11]
        assert script.folded == script.unknown == ()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("A-B", ["A", "-", BREAK, "B"]),
        ("A–1", ["A", "–", BREAK, "1"]),
        ("A\u2010B", ["A", "-", BREAK, "B"]),
        ("A\u2011B", ["A", "-", "B"]),
        ("A -1", ["A", SPACE, "-", "1"]),
        ("A- B", ["A", "-", SPACE, "B"]),
        ("-A-", ["-", "A", "-"]),
        ("A\u200bB", ["A", BREAK, "B"]),
    ],
)
def test_a_line_may_end_after_a_hyphen_in_a_word(text: str, written: list[str | int]) -> None:
    labels = ("A", "B", "1", "-", "–")
    assert [labels[symbol] if symbol >= 0 else symbol for symbol in symbols(fold(text, labels))] == written


def test_small_letters_are_set_as_capitals_where_there_are_no_others_and_told() -> None:
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


def test_all_letters_can_be_capitals() -> None:
    script = fold("aAß1", (*LABELS, "a", "ß"), case="upper")
    assert symbols(script) == symbols(fold("AASS1", LABELS))
    assert script.folded == (0, 2)
    only_small = fold("a", ("a",), case="upper")
    assert (symbols(only_small), only_small.folded) == ([0], ())


PEN = tuple(
    "".join(map(chr, range(0x21, 0x7F))) + "‘’“”–—…¡¿«»€£§°ßæøÆØðþÐÞı\u0327\u0300\u0301\u0302\u0303\u0308\u030a"
)
LATIN = [chr(code) for code in (*range(0x20, 0x7F), *range(0xA0, 0x100))]
TYPOGRAPHIC = "‘’‚‛“”„‟‹›«»–—‐‑‒―−…€•·′″™ﬁﬂﬀﬃœŒ×÷ſ№⅛⅔₂⁵ⅷ①ＡＢａ１！\u2009\u202f\u3000"
FOLDED = {
    "¢": "c", "¤": "o", "¥": "Y", "¦": "|", "¨": '"', "©": "(c)", "¬": "-", "®": "(r)", "\u00af": "-", "±": "+/-",
    "´": "’", "µ": "u", "¶": "P", "¸": ",", "×": "x", "÷": ":",
    "‚": ",", "‛": "‘", "„": ",,", "‟": "“", "‹": "<", "›": ">", "‐": "-", "‑": "-", "‒": "–", "―": "—", "−": "–",
    "•": ".", "′": "'", "″": '"', "ﬁ": "fi", "ﬂ": "fl", "ﬀ": "ff", "ﬃ": "ffi", "œ": "oe", "Œ": "OE", "ſ": "s",
    "№": "No", "ⅷ": "viii", "①": "1", "Ａ": "A", "Ｂ": "B", "ａ": "a", "１": "1", "！": "!",
}  # fmt: skip


@pytest.mark.parametrize("character", [*LATIN, *TYPOGRAPHIC])
def test_latin_and_typographic_characters_are_written(character: str) -> None:
    """Characters that the labels of the shipped pen lack are composed without loss, or folded and counted."""
    script = fold(character, PEN, compose=True)
    assert script.folded == ((0,) if character in FOLDED else ())
    if character in FOLDED:
        assert "".join(PEN[label] for label in script.labels) == FOLDED[character]
    else:
        assert len(script.symbols) == (0 if character == "\u00ad" else max(1, len(script.symbols)))


def test_a_letter_with_all_sorts_of_signs_is_written_without_loss() -> None:
    text = "Don’t … Joe's, back by 11:30? Zoë Müller, café (naïve)"
    script = fold(text, PEN, compose=True)
    assert script.folded == script.unknown == ()
    written = "".join(PEN[symbol] if symbol >= 0 else " " for symbol in symbols(script))
    assert unicodedata.normalize("NFC", written.replace("ı", "i")) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("text", "parts", "levels"),
    [
        ("x²", "x2", [0, 1]),
        ("H₂", "H2", [0, -1]),
        ("½", "1/2", [1, 0, -1]),
        ("⅒", "1/10", [1, 0, -1, -1]),
        ("™", "TM", [1, 1]),
        ("l·", "l.", [0, 1]),
    ],
)
def test_small_raised_and_lowered_characters_are_composed(text: str, parts: str, levels: list[int]) -> None:
    script = fold(text, PEN, compose=True)
    assert "".join(PEN[label] for label in script.labels) == parts
    assert script.levels.tolist() == levels
    assert set(positions(script)) == set(range(len(text)))
    plain = fold(text, PEN)
    assert "".join(PEN[label] for label in plain.labels) == parts
    assert not plain.levels.any()
    assert plain.folded == (len(text) - 1,)


def test_the_nearest_characters_are_used_that_the_model_has() -> None:
    assert symbols(fold("—", ("-", "–"))) == [1]
    assert symbols(fold("—", ("-",))) == [0]
    assert symbols(fold("“", ("'",))) == [0, 0]
    assert symbols(fold("ﬁ", ("F", "I"))) == [0, 1]
    assert symbols(fold("ẛ", ("s", "\u0307"), compose=True)) == [0, 1]


def test_the_error_says_how_to_write_the_rest() -> None:
    with pytest.raises(UnknownCharacterError, match=r"unknown=skip leaves out .* unknown=blank leaves its place blank"):
        fold("Añ", LABELS)


@pytest.mark.parametrize(
    ("text", "position", "name"),
    [
        ("AÉ", 1, r"'É' \(U\+00C9 LATIN CAPITAL LETTER E WITH ACUTE\)"),
        ("AE\u0301", 2, r"U\+0301 COMBINING ACUTE ACCENT"),
        ("\x00", 0, r"U\+0000 CONTROL CHARACTER"),
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
        fold("é", ("e", ACUTE))
    assert symbols(fold(f"e{ACUTE}", MARKED)) == [2, 8]


def test_a_composed_letter_is_set_as_a_capital() -> None:
    labels = ("E", "I", "S", ACUTE)
    for text, folded in [("éíß", (0, 1, 2)), ("e\u0301i\u0301ß", (0, 2, 4))]:
        script = fold(text, labels, compose=True)
        assert symbols(script) == [0, 3, 1, 3, 2, 2]
        assert script.folded == folded


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
    assert set(symbols(script)) <= {SPACE, NO_BREAK_SPACE, LINE_BREAK, BREAK, BLANK, *range(36)}
    assert positions(script) == sorted(positions(script))
    assert len(script.labels) == sum(symbol >= 0 for symbol in symbols(script))
    assert unknown == "blank" or BLANK not in symbols(script)
    accounted = {*positions(script), *script.unknown, *(i for i, c in enumerate(text) if c in INVISIBLE)}
    assert {i for i, c in enumerate(text) if (text[i - 1 : i], c) != ("\r", "\n")} == accounted


@given(st.characters(exclude_categories=[]))
def test_any_character_can_be_described(character: str) -> None:
    assert f"U+{ord(character):04X}" in describe_character(character)
    assert describe_character(character).encode()
