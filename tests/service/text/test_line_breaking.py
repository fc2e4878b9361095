from hypothesis import given
from hypothesis import strategies as st

from glyphvae.text.line_breaking import Line, Ruler, Stretch, Word, break_lines
from glyphvae.text.symbols import BREAK, LINE_BREAK, NO_BREAK_SPACE, SPACE

ITEM = 0
SYMBOLS = st.lists(st.sampled_from([ITEM, ITEM, ITEM, SPACE, LINE_BREAK, BREAK, NO_BREAK_SPACE]), max_size=80)
SIGNS = {" ": SPACE, "/": LINE_BREAK, "|": BREAK, "_": NO_BREAK_SPACE}


def ruler(n: int, limit: float = float("inf"), stretch: Stretch | None = None) -> Ruler:
    """Items 8 wide with 2 between."""
    return Ruler([10 * i for i in range(n)], [10 * i + 8 for i in range(n)], space=5, limit=limit, stretch=stretch)


def lines(text: str, limit: float = float("inf"), stretch: Stretch | None = None) -> list[Line]:
    return break_lines([SIGNS.get(character, ITEM) for character in text], ruler(len(text), limit, stretch))


def shown(text: str, limit: float = float("inf"), stretch: Stretch | None = None) -> list[str]:
    items = "".join(character for character in text if character not in SIGNS)
    return [
        "".join(" " * word.spaces + items[word.start : word.end] for word in line.words)
        for line in lines(text, limit, stretch)
    ]


def test_words_stay_on_the_line_while_they_fit() -> None:
    assert shown("AB CD", 41) == ["AB CD"]
    assert shown("AB CD", 40) == ["AB", "CD"]


def test_spaces_are_kept_but_not_at_a_wrapped_edge() -> None:
    assert shown("  A  B ", 100) == ["  A  B"]
    assert shown("AB  CD", 40) == ["AB", "CD"]
    assert shown("      ABC", 40) == ["ABC"]


def test_line_breaks_are_kept() -> None:
    assert shown("A//B") == ["A", "", "B"]
    assert shown("/A") == ["", "A"]


def test_line_break_at_the_end_opens_no_line() -> None:
    assert shown("A/") == ["A"]
    assert shown("A//") == ["A", ""]
    assert shown("/") == shown("") == [""]


def test_word_that_is_too_long_is_broken_before_an_item() -> None:
    assert shown("ABCDEFG HI", 28) == ["ABC", "DEF", "G", "HI"]
    assert shown("X ABCDEFG H", 38) == ["X", "ABCD", "EFG", "H"]
    assert shown("ABC", 1) == ["A", "B", "C"]


def test_last_line_of_a_paragraph_is_marked() -> None:
    assert [line.ends_paragraph for line in lines("AB CD/EF", 18)] == [False, True, True]


def test_lines_are_even_and_no_more_than_needed() -> None:
    # As full as possible, the lines would be 51 and 18 wide before the last one.
    assert shown("AAA BB CC DDDDD", 53) == ["AAA", "BB CC", "DDDDD"]
    assert shown("AA BB CC", 48) == ["AA BB", "CC"]
    assert shown("AAAA B C DDDD", 53) == ["AAAA B", "C DDDD"]


def test_no_line_ends_at_a_no_break_space() -> None:
    assert shown("AB C_D", 41) == ["AB", "C D"]
    assert shown("AB C_ D", 41) == ["AB C", "D"]
    # Unless it would be too long.
    assert shown("AB_CD", 38) == ["AB", "CD"]
    assert shown("A BC_DE_F", 41) == ["A", "BC DE", "F"]


def test_a_line_may_end_without_a_space() -> None:
    assert shown("AB|CD", 38) == ["ABCD"]
    assert shown("AB|CD", 37) == ["AB", "CD"]
    assert shown("A B|C", 33) == ["A BC"]
    (line,) = lines("AB|C D", 100)
    assert ruler(4).edges(line.words) == [(0, 18), (20, 28), (33, 41)]


def test_spaces_may_be_wider_one_by_one() -> None:
    measure = Ruler([0, 10, 20], [8, 18, 28], space=5, more=[9, 1, -2])
    (line,) = break_lines([ITEM, SPACE, ITEM, SPACE, SPACE, ITEM], measure)
    assert measure.edges(line.words) == [(0, 8), (14, 22), (30, 38)]


STRETCH = Stretch(wider=3, narrower=2, letter=1)


def test_a_justified_line_may_hold_what_fits_with_narrower_spaces() -> None:
    assert shown("A B C", 33, STRETCH) == ["A B C"]
    assert shown("A B C", 29, STRETCH) == ["A B", "C"]
    assert shown("A B C D", 33, STRETCH) == ["A B C", "D"]


def test_justified_lines_are_broken_where_spaces_are_widened_least() -> None:
    # AAA alone could not be widened.
    assert shown("AAA BB CC DDD EE", 53, STRETCH) == ["AAA BB", "CC DDD", "EE"]


def test_what_a_line_may_be_widened_by() -> None:
    measure = ruler(9, 100, STRETCH)
    words = [Word(0, 3, 1), Word(3, 5, 2), Word(5, 6, 0)]
    assert measure.room(words) == 3 + 2 + 1
    assert measure.reserve(words) == 2
    assert measure.room(words[:1]) == measure.reserve(words[:1]) == 0
    assert ruler(9).room(words) == ruler(9).reserve(words) == 0
    assert measure.letter_share(words, 6) == 1
    assert measure.letter_share(words, 5) == measure.letter_share(words, -2) == ruler(9).letter_share(words, 6) == 0


@given(SYMBOLS, st.integers(8, 100))
def test_every_item_is_in_one_line_and_lines_are_full(symbols: list[int], limit: int) -> None:
    measure = ruler(len(symbols), limit)
    broken = break_lines(symbols, measure)
    words = [word for line in broken for word in line.words]
    assert [i for word in words for i in range(word.start, word.end)] == list(range(symbols.count(ITEM)))
    assert all(line.words == [] or measure.edges(line.words)[-1][1] <= limit for line in broken)
    assert sum(line.ends_paragraph for line in broken) == max(
        1, symbols.count(LINE_BREAK) + (symbols[-1:] != [LINE_BREAK])
    )


@given(SYMBOLS)
def test_without_a_limit_nothing_is_wrapped(symbols: list[int]) -> None:
    broken = break_lines(symbols, ruler(len(symbols)))
    assert all(line.ends_paragraph for line in broken)
    assert sum(word.spaces for line in broken for word in line.words) <= symbols.count(SPACE) + symbols.count(
        NO_BREAK_SPACE
    )


def test_ruler_finds_what_fits() -> None:
    assert ruler(5, 30).fitting(Word(1, 5, 0)) == 4
    assert ruler(5, 3).fitting(Word(1, 5, 0)) == 2
    assert ruler(5, 300).fitting(Word(1, 5, 0)) == 5
