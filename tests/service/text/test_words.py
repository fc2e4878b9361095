import numpy as np

from glyphvae.formats.svg import Word
from glyphvae.text.layout import Layout
from glyphvae.text.words import words


def placed(text: str, positions: list[int], lines: list[int]) -> list[Word]:
    """Return the words of a text whose glyphs are at ten times their place and 8 wide."""
    x = 10 * np.array(positions, np.int64)
    line = np.array(lines, np.int64)
    layout = Layout(500, 100, x, 40 * line, line, np.array([36, 68, 100]))
    return words(text, np.array(positions, np.int64), x + 8, layout)


def test_words_reach_to_the_next_or_to_their_own_end() -> None:
    assert placed("Hi you", [0, 1, 3, 4, 5], [0] * 5) == [Word("Hi ", 0, 36, 30), Word("you", 30, 36, 28)]


def test_each_line_begins_anew() -> None:
    assert placed("Hi\nyou", [0, 1, 3, 4, 5], [0, 0, 1, 1, 1]) == [Word("Hi", 0, 36, 18), Word("you", 30, 68, 28)]


def test_a_broken_word_is_in_both_lines() -> None:
    assert placed("abcd e", [0, 1, 2, 3, 5], [0, 0, 1, 1, 1]) == [
        Word("ab", 0, 36, 18),
        Word("cd ", 20, 68, 30),
        Word("e", 50, 68, 8),
    ]


def test_characters_that_are_not_written_can_be_selected_too() -> None:
    assert placed("a\u4e2db", [0, 2], [0, 0]) == [Word("a\u4e2db", 0, 36, 28)]


def test_a_text_without_glyphs_has_no_words() -> None:
    assert placed("  ", [], []) == []


def test_a_word_without_width_is_a_pixel_wide() -> None:
    layout = Layout(9, 9, np.array([5]), np.array([0]), np.array([0]), np.array([8]))
    assert words("a", np.array([0]), np.array([5]), layout) == [Word("a", 5, 8, 1)]
