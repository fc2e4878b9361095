import numpy as np

from glyphvae.text.word_gaps import word_starts


def starts(*gaps: list[float], cap: float = 10) -> list[list[bool]]:
    """Return which characters begin words, of lines of characters that are one cap height wide."""
    lines = []
    for line in gaps:
        lefts = np.concatenate([[0], np.cumsum(np.array(line) + 1)]) * cap
        lines.append(np.column_stack([lefts, np.zeros(len(lefts)), lefts + cap, np.full(len(lefts), cap)]))
    return [found.tolist() for found in word_starts(lines, [np.full(len(line), cap) for line in lines])]


def test_gaps_that_are_clearly_larger_part_words() -> None:
    assert starts([0.1, 0.2, 0.6, 0.15, 0.7], [0.1, 0.65, 0.1, 0.2]) == [
        [True, False, False, True, False, True],
        [True, False, True, False, False],
    ]


def test_wide_letters_are_no_words() -> None:
    """The limit of a page is between its two kinds of gaps."""
    assert starts([0.5, 0.45, 0.5, 1.2, 0.5, 0.4, 0.5, 0.45, 1.3]) == [
        [True, False, False, False, True, False, False, False, False, True]
    ]


def test_few_gaps_are_parted_at_the_usual_limit() -> None:
    assert starts([0.1, 0.5]) == [[True, False, True]]


def test_even_gaps_are_within_a_word() -> None:
    assert starts([0.2] * 12) == [[True, *[False] * 12]]


def test_a_character_alone_is_a_word() -> None:
    assert starts([]) == [[True]]
