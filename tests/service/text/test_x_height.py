import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from glyphvae.text.glyph_metrics import ink_boxes
from glyphvae.text.x_height import HEIGHTS, TAILS, proportioned

NAMES = tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase)


def box(top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
    pixels = np.zeros((28, 28), np.uint8)
    pixels[top:bottom, left:right] = 255
    return pixels


CAPITAL = box(4, 24, 8, 20)


def in_text(characters: str, glyph: NDArray[np.uint8] = CAPITAL) -> NDArray[np.uint8]:
    """(n, 28, 28): the same glyph as each of the characters."""
    labels = np.array([NAMES.index(character) for character in characters], np.int64)
    return proportioned(np.tile(glyph, (len(characters), 1, 1)), labels, NAMES)


def rows(glyphs: NDArray[np.uint8]) -> list[int]:
    """Return the height of the ink of each glyph."""
    top, bottom, _, _ = ink_boxes(glyphs)
    return [int(height) for height in bottom - top]


def test_small_letters_reach_as_high_as_in_handwriting() -> None:
    assert rows(in_text("Hxtidg7")) == [20, 14, 17, 14, 20, 20, 20]


def test_a_dot_stands_above_the_body() -> None:
    dotted = CAPITAL.copy()
    dotted[7:9] = 0
    assert rows(in_text("ijx", dotted)) == [19, 20, 14]


def test_the_bodies_of_small_letters_end_at_one_height() -> None:
    bodies = {name: HEIGHTS.get(name, 20) * (1 - TAILS.get(name, 0)) for name in "acegmnopqrsuvwxyz"}
    assert set(bodies.values()) == {14}


def test_digits_and_capitals_stay_as_they_are() -> None:
    glyphs = np.tile(CAPITAL, (36, 1, 1))
    assert proportioned(glyphs, np.arange(36), NAMES) is glyphs
    assert proportioned(glyphs, np.arange(36), NAMES[:36]) is glyphs


def test_no_letter_is_made_larger() -> None:
    flat = box(10, 20, 4, 24)
    assert np.array_equal(in_text("mx", flat), np.stack([flat, flat]))


def test_the_width_follows_the_height_and_the_ink_stays_in_the_middle() -> None:
    (glyph,) = in_text("o", box(2, 22, 3, 23))
    assert [int(edge) for edge in np.concatenate(ink_boxes(glyph[None]))] == [7, 21, 7, 21]
    # Edges on edges of pixels stay sharp.
    assert set(np.unique(glyph[9:19, 9:19])) == {255}
    assert glyph[:5].max() == glyph[23:].max() == 0


def test_others_in_the_text_are_left_alone() -> None:
    upper, lower, again = in_text("HoH", box(0, 28, 0, 28))
    assert np.array_equal(upper, again)
    assert upper.min() == 255
    assert lower.min() == 0


def test_a_glyph_without_ink_stays_without() -> None:
    assert not in_text("o", np.zeros((28, 28), np.uint8)).any()


def test_a_text_without_glyphs() -> None:
    assert proportioned(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.int64), NAMES).shape == (0, 28, 28)


@given(st.integers(0, 24), st.integers(0, 24), st.integers(4, 28), st.integers(4, 28), st.sampled_from("xti"))
def test_all_of_the_ink_is_kept_wherever_it_is(top: int, left: int, height: int, width: int, name: str) -> None:
    glyph = box(top, min(28, top + height), left, min(28, left + width))
    before, after = rows(glyph[None])[0], in_text(name, glyph)[0]
    if before <= HEIGHTS[name]:
        assert np.array_equal(after, glyph)
        return
    step = before / HEIGHTS[name]
    assert rows(after[None]) == [HEIGHTS[name]]
    assert after.sum(dtype=int) * step**2 == pytest.approx(glyph.sum(dtype=int), rel=0.1)
