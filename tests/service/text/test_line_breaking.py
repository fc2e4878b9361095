from hypothesis import given
from hypothesis import strategies as st

from glyphvae.text.line_breaking import Line, Ruler, Word, break_lines
from glyphvae.text.symbols import LINE_BREAK, SPACE

ITEM = 0
SYMBOLS = st.lists(st.sampled_from([ITEM, ITEM, ITEM, SPACE, LINE_BREAK]), max_size=80)


def ruler(n: int, limit: float = float("inf")) -> Ruler:
    """Items 8 wide with 2 between."""
    return Ruler([10 * i for i in range(n)], [10 * i + 8 for i in range(n)], space=5, limit=limit)


def lines(text: str, limit: float = float("inf")) -> list[Line]:
    symbols = [{" ": SPACE, "/": LINE_BREAK}.get(character, ITEM) for character in text]
    return break_lines(symbols, ruler(len(text), limit))


def shown(text: str, limit: float = float("inf")) -> list[str]:
    items = text.replace(" ", "").replace("/", "")
    return [
        "".join(" " * word.spaces + items[word.start : word.end] for word in line.words) for line in lines(text, limit)
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


@given(SYMBOLS, st.integers(8, 100))
def test_every_item_is_in_one_line_and_lines_are_full(symbols: list[int], limit: int) -> None:
    measure = ruler(len(symbols), limit)
    broken = break_lines(symbols, measure)
    words = [word for line in broken for word in line.words]
    assert [i for word in words for i in range(word.start, word.end)] == list(range(symbols.count(ITEM)))
    for line in broken:
        width = sum(word.spaces * 5 + measure.width(word) for word in line.words)
        assert width <= limit
    assert sum(line.ends_paragraph for line in broken) == max(
        1, symbols.count(LINE_BREAK) + (symbols[-1:] != [LINE_BREAK])
    )


@given(SYMBOLS)
def test_without_a_limit_nothing_is_wrapped(symbols: list[int]) -> None:
    broken = break_lines(symbols, ruler(len(symbols)))
    assert all(line.ends_paragraph for line in broken)
    assert sum(word.spaces for line in broken for word in line.words) <= symbols.count(SPACE)


def test_ruler_finds_what_fits() -> None:
    assert ruler(5, 30).fitting(Word(1, 5, 0)) == 4
    assert ruler(5, 3).fitting(Word(1, 5, 0)) == 2
    assert ruler(5, 300).fitting(Word(1, 5, 0)) == 5
