import numpy as np
import pytest

from glyphvae.text.word_forms import weighed

NAMES = ("0", "O", "o", "1", "l", "A", "!", "b", "I")


def read(likely: list[dict[str, float]], starts: list[bool] | None = None) -> str:
    """Return what characters are taken for."""
    posterior = np.full((len(likely), len(NAMES)), 0.01)
    for row, chances in zip(posterior, likely, strict=True):
        for name, chance in chances.items():
            row[NAMES.index(name)] = chance
    begins = np.array(starts or [True, *[False] * (len(likely) - 1)])
    return "".join(NAMES[label] for label in weighed(posterior, begins, NAMES).argmax(axis=1))


LIKE_O, LIKE_L = {"0": 0.4, "O": 0.35, "o": 0.3}, {"1": 0.5, "l": 0.4}


@pytest.mark.parametrize(
    ("likely", "text"),
    [
        ([{"b": 0.9}, LIKE_O, LIKE_L], "bol"),
        ([{"A": 0.9}, LIKE_O], "AO"),
        ([{"A": 0.9}, LIKE_L, {"b": 0.9}], "Alb"),
        ([{"1": 0.9}, LIKE_O], "10"),
        ([{"!": 0.9}, {"b": 0.8}, LIKE_O], "!bo"),
        ([{"1": 0.95}, {"A": 0.95}], "1A"),
    ],
)
def test_look_alikes_are_told_by_their_word(likely: list[dict[str, float]], text: str) -> None:
    assert read(likely) == text


def test_each_word_has_its_own_form() -> None:
    assert read([{"b": 0.9}, LIKE_O, {"1": 0.9}, LIKE_O], [True, False, True, False]) == "bo10"


def test_a_consonant_by_itself_is_rather_a_mark_that_looks_like_it() -> None:
    like_mark = {"b": 0.8, "!": 0.15}
    assert read([like_mark]) == "!"
    assert read([{"b": 0.9, "!": 0.02}]) == "b"
    assert read([like_mark, {"o": 0.9}]) == "bo"
    assert read([{"o": 0.8, "!": 0.15}]) == "o"


LIKE_I = {"l": 0.6, "I": 0.3}


@pytest.mark.parametrize(
    ("likely", "text"),
    [
        ([LIKE_I, {"b": 0.9}], "Ib"),
        ([LIKE_I | {"!": 0.4}, {"b": 0.9}], "Ib"),
        ([LIKE_I, {"o": 0.9}], "lo"),
        ([LIKE_I, {"l": 0.9}, {"o": 0.9}], "llo"),
        ([{"o": 0.9}, LIKE_I, {"b": 0.9}], "olb"),
        ([{"l": 0.95, "I": 0.01}, {"b": 0.9}], "lb"),
    ],
)
def test_an_l_that_begins_a_word_before_a_consonant_is_rather_an_i(likely: list[dict[str, float]], text: str) -> None:
    assert read(likely) == text
