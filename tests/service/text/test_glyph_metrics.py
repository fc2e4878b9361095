import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from glyphvae.text.glyph_metrics import GlyphMetrics, ink_boxes, measure, parted

GLYPHS = hnp.arrays(np.uint8, st.tuples(st.integers(1, 6), st.just(28), st.just(28)))


def glyph(top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
    """Draw a filled box; `bottom` and `right` are exclusive."""
    pixels = np.zeros((28, 28), np.uint8)
    pixels[top:bottom, left:right] = 255
    return pixels


def measured(*glyphs: NDArray[np.uint8], tail: float = 0.0) -> GlyphMetrics:
    return measure(np.stack(glyphs), np.full(len(glyphs), tail))


STEM = glyph(4, 24, 10, 13)
FOOT = np.maximum(STEM, glyph(21, 24, 10, 24))  # L
ROOF = np.maximum(STEM, glyph(4, 7, 4, 19))  # T


def test_box_is_that_of_the_ink() -> None:
    ink = measured(glyph(3, 23, 5, 11), glyph(10, 12, 0, 28))
    assert ink.left.tolist() == [5, 0]
    assert ink.width.tolist() == [6, 28]
    assert ink.base.tolist() == [23, 12]
    assert ink.ascent.tolist() == [20, 2]
    assert ink.descent.tolist() == [0, 0]


def test_a_dot_is_parted_from_its_stem() -> None:
    dotted = np.maximum(glyph(2, 5, 10, 13), glyph(7, 24, 10, 13))
    touching = np.maximum(dotted, glyph(5, 7, 12, 13))
    faint = np.maximum(dotted, glyph(5, 7, 10, 13) // 5)
    none = np.zeros((28, 28), np.uint8)
    assert parted(np.stack([STEM, dotted, touching, faint, none])).tolist() == [False, True, False, True, False]


def test_the_box_of_a_glyph_without_ink_is_its_cell() -> None:
    boxes = ink_boxes(np.stack([glyph(3, 23, 5, 11), np.zeros((28, 28), np.uint8)]))
    assert [edge.tolist() for edge in boxes] == [[3, 0], [23, 28], [5, 0], [11, 28]]


def test_faint_pixels_are_no_ink() -> None:
    faint = glyph(0, 28, 0, 28) // 5
    assert measured(np.maximum(STEM, faint)).width.tolist() == [3]


def test_tail_hangs_below_the_baseline() -> None:
    ink = measured(STEM, tail=0.15)
    assert (ink.base[0], ink.ascent[0], ink.descent[0]) == (21, 17, 3)


def test_image_without_ink_keeps_a_place() -> None:
    ink = measured(np.zeros((28, 28), np.uint8), STEM)
    assert ink.width[0] == 10
    assert ink.base[0] == 24


def test_straight_stems_are_set_further_apart_than_shapes_that_leave_paper() -> None:
    stems, shapes = measured(STEM, STEM).gaps(3), measured(FOOT, ROOF).gaps(3)
    assert stems.tolist() == [8]
    assert shapes[0] < 0


@pytest.mark.parametrize("letter_gap", [0, 2, 3, 10])
def test_letters_stay_clear_of_each_other(letter_gap: int) -> None:
    diagonal = np.diag(np.full(28, 255, np.uint8))
    ink = measured(FOOT, diagonal, ROOF, diagonal[::-1], FOOT)
    starts = np.concatenate([[0], np.cumsum(ink.width[:-1] + ink.gaps(letter_gap))])
    for i in range(4):
        left_end = starts[i] + ink.width[i] - ink.after[i]
        right_start = starts[i + 1] + ink.before[i + 1]
        assert (right_start - left_end).min() >= min(2, letter_gap)


@given(GLYPHS, st.integers(-10, 100))
def test_paper_beside_the_ink_is_counted_from_its_box(pixels: NDArray[np.uint8], letter_gap: int) -> None:
    ink = measure(pixels, np.zeros(len(pixels)))
    assert (ink.before.min(axis=1) == 0).all()
    assert (ink.after.min(axis=1) == 0).all()
    assert (ink.left + ink.width <= 28).all()
    assert (ink.gaps(letter_gap) <= letter_gap + 5).all()
    assert len(ink.gaps(letter_gap)) == len(pixels) - 1


def test_shapes_are_compared_on_the_line_and_not_in_the_cell() -> None:
    low, high = glyph(20, 24, 4, 10), glyph(0, 4, 4, 10)
    assert measured(low, high).gaps(3).tolist() == measured(low, low).gaps(3).tolist()
