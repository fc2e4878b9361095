import numpy as np
import pytest
from numpy import float32
from numpy.typing import NDArray

from glyphvae.text.alternates import apart
from glyphvae.text.symbols import Symbols, fold

LABELS = tuple("abl-")
VARIATION = 0.25
LATENTS = 12
LEAST = 2.2 * VARIATION * np.sqrt(LATENTS)


def drawn(n: int, seed: int = 0) -> NDArray[float32]:
    """Deviations with a hand of four latents, which does not vary."""
    z = VARIATION * np.random.default_rng(seed).standard_normal((n, 4 + LATENTS), float32)
    z[:, :4] = 0
    return z


def text(words: str) -> Symbols:
    return fold(words, LABELS)


@pytest.mark.parametrize("seed", range(20))
def test_a_letter_that_recurs_in_a_word_differs(seed: int) -> None:
    z = drawn(6, seed)
    found = apart(z, text("all-la"), VARIATION)
    for before, after in [(1, 2), (2, 4), (0, 5)]:
        assert np.linalg.norm(found[after] - found[before]) >= LEAST - 1e-4
    assert np.array_equal(found[[0, 1, 3]], z[[0, 1, 3]])
    assert not found[:, :4].any()


def test_the_same_letter_in_another_word_is_left_alone() -> None:
    z = drawn(4)
    assert apart(z, text("ab ab"), VARIATION) is z
    assert apart(z, text("a\na\nl b"), VARIATION) is z


def test_letters_that_are_far_enough_stay() -> None:
    z = 10 * drawn(2)
    assert np.array_equal(apart(z, text("ll"), VARIATION), z)


def test_a_run_of_a_letter_does_not_wander_off() -> None:
    found = apart(drawn(60), text("l" * 60), VARIATION)
    assert np.linalg.norm(found, axis=1).max() < 2 * LEAST


def test_what_is_close_in_the_same_direction_is_moved_from_there() -> None:
    z = np.zeros((2, 4 + LATENTS), float32)
    z[:, 4:] = np.array([[0.1], [0.2]])
    found = apart(z, text("ll"), VARIATION)
    assert np.linalg.norm(found[1] - found[0]) == pytest.approx(LEAST, abs=1e-5)


def test_without_variation_letters_are_repeated() -> None:
    z = 0 * drawn(2)
    assert apart(z, text("ll"), 0) is z


def test_a_longer_word_begins_as_a_shorter_one() -> None:
    z = drawn(8)
    assert np.array_equal(apart(z[:4], text("llll"), VARIATION), apart(z, text("llllllab"), VARIATION)[:4])
