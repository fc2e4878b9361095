import numpy as np
import pytest

from glyphvae.text.pen_metrics import measure
from glyphvae.text.pen_spacing import USUAL_GAP, gaps
from glyphvae.vectors.strokes import Strokes
from tests.service.text.pen import joined, random_strokes, stroke

STEM = stroke(14, 5, 14, 23)


def distances(*glyphs: Strokes, letter_gap: int = USUAL_GAP, is_word: bool = True) -> list[float]:
    ink = measure(joined(*glyphs)).take(np.arange(len(glyphs)))
    return list(gaps(ink, np.full(len(glyphs), is_word), letter_gap))


def with_bearings(left: float, right: float) -> Strokes:
    return stroke(14, 5, 14, 23, bearings=(left, right))


def test_signs_are_as_far_apart_as_their_bearings_say() -> None:
    assert distances(with_bearings(9, 1), with_bearings(2, 9), is_word=False) == pytest.approx([3])
    assert distances(STEM, is_word=False) == distances() == []


def test_letters_are_moved_towards_even_paper() -> None:
    # Stems leave no paper in their boxes.
    assert distances(with_bearings(0, 2.5), with_bearings(2, 0)) == pytest.approx([4.5 + 0.6 * (5.5 - 4.5)], abs=0.05)
    assert distances(with_bearings(0, 4), with_bearings(3, 0)) == pytest.approx([7 - 0.6 * 1.5], abs=0.05)


def test_they_are_moved_by_two_pixels_at_most() -> None:
    assert distances(with_bearings(0, 2), STEM) == distances(STEM, with_bearings(2, 0)) == pytest.approx([4])
    assert distances(with_bearings(0, 8), with_bearings(2, 0)) == pytest.approx([8])


def test_a_sign_beside_a_letter_is_not_moved() -> None:
    ink = measure(joined(with_bearings(0, 2), STEM, STEM)).take(np.arange(3))
    assert gaps(ink, np.array([True, False, True]), USUAL_GAP) == pytest.approx([2, 2])


def test_slanting_letters_are_nearer_to_each_other_than_straight_ones() -> None:
    slanting, straight = stroke(4, 23, 12, 5, bearings=(2, 2)), with_bearings(2, 2)
    assert distances(straight, straight) == pytest.approx([4 + 0.6 * 1.5], abs=0.05)
    assert distances(slanting, slanting) == pytest.approx([4 - 2])


@pytest.mark.parametrize("bearing", [0, -3, -20])
def test_ink_stays_clear_of_its_neighbour(bearing: float) -> None:
    roof, foot = stroke(4, 6, 24, 6, bearings=(bearing, bearing)), stroke(4, 23, 24, 23, bearings=(bearing, bearing))
    assert distances(foot, foot, is_word=False) == distances(roof, roof, is_word=False) == pytest.approx([2])
    # What stands far above it is no neighbour in any row.
    assert distances(roof, foot, is_word=False) == pytest.approx([2 * bearing])


def test_letter_gap_is_more_paper_or_less() -> None:
    usual = np.array(distances(STEM, with_bearings(2, 3), STEM))
    assert distances(STEM, with_bearings(2, 3), STEM, letter_gap=10) == pytest.approx(usual + 7)
    assert distances(STEM, with_bearings(2, 3), STEM, letter_gap=-10) == pytest.approx(usual - 13)


def test_any_strokes_have_distances() -> None:
    ink = measure(random_strokes(300, seed=2))
    assert np.isfinite(gaps(ink, np.arange(301) % 3 > 0, 3)).all()
