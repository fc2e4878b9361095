import numpy as np
import pytest

from glyphvae.text.pen_metrics import BOTTOM, TOP, PenMetrics, first_pixel, last_pixel, measure, sizes, within_reach
from glyphvae.vectors.strokes import Strokes, present_polylines
from tests.service.text.pen import joined, random_strokes, stroke


def rows_with_ink(ink: PenMetrics, glyph: int) -> list[int]:
    return (np.flatnonzero(np.isfinite(ink.left[glyph])) + TOP).tolist()


def test_box_is_that_of_the_ink_around_the_baseline() -> None:
    ink = measure(joined(stroke(5, 4, 5, 24, radius=2), stroke(3, 20, 13, 20, baseline=20)))
    assert ink.boxes[0] == pytest.approx([3, -22, 7, 2], abs=1e-4)
    assert ink.boxes[1] == pytest.approx([2, -1, 14, 1], abs=1e-4)


def test_glyphs_are_measured_at_their_true_size() -> None:
    glyph = stroke(5, 4, 5, 24, size=0.5, bearings=(2, 3))
    ink = measure(glyph)
    assert sizes(glyph) == pytest.approx([0.5])
    assert ink.boxes[0] == pytest.approx([2, -10.5, 3, 0.5], abs=1e-4)
    assert ink.bearings[0] == pytest.approx([2, 3])


def test_sides_are_told_row_by_row() -> None:
    ink = measure(joined(stroke(5, 14.5, 5, 23.5, radius=2), stroke(2, 14.5, 12, 19.5, radius=0)))
    assert rows_with_ink(ink, 0) == list(range(-12, 2))
    middle = slice(-9 - TOP, -1 - TOP)
    assert ink.left[0, middle] == pytest.approx(3)
    assert ink.right[0, middle] == pytest.approx(7)
    # The slope of 1 in 2: it is two pixels long in each of the rows between its ends.
    assert rows_with_ink(ink, 1) == list(range(-10, -4))
    assert ink.left[1, -8 - TOP] == pytest.approx(2 + 3, abs=0.25)
    assert ink.right[1, -8 - TOP] == pytest.approx(2 + 5, abs=0.25)


def test_ink_beyond_the_rows_belongs_to_the_outermost() -> None:
    ink = measure(stroke(5, -28, 5, 56))
    assert rows_with_ink(ink, 0) == list(range(TOP, BOTTOM))


@pytest.mark.parametrize("n", [0, 1, 300])
def test_a_blank_has_the_box_of_a_narrow_letter(n: int) -> None:
    ink = measure(joined(*[stroke(5, 4, 5, 24)] * n))
    assert len(ink.boxes) == n + 1
    assert ink.boxes[n].tolist() == [0, -20, 10, 0]
    assert rows_with_ink(ink, n) == list(range(-20, 0))
    assert ink.left[n, -20 - TOP : -TOP] == pytest.approx(0)
    assert ink.right[n, -20 - TOP : -TOP] == pytest.approx(10)
    assert ink.bearings[n].tolist() == [0, 0]


def test_so_has_a_glyph_without_a_stroke() -> None:
    without = stroke(5, 4, 5, 24, present=False, bearings=(1, 2))
    for others in ([stroke(5, 4, 5, 24)], []):
        ink = measure(joined(without, *others))
        assert ink.boxes[0].tolist() == ink.boxes[-1].tolist()
        assert ink.left[0].tolist() == ink.left[-1].tolist()
        assert ink.bearings[0] == pytest.approx([1, 2])


def test_the_thinnest_ink_is_a_pixel() -> None:
    ink = measure(stroke(5, 20, 5, 20, radius=0))
    assert ink.boxes[0] == pytest.approx([5, -4, 6, -3], abs=1e-4)


def test_pixels_with_ink_are_those_where_it_is_seen() -> None:
    assert first_pixel(np.array([4.99, 4.9, -0.01, -1.5])).tolist() == [5, 4, 0, -2]
    assert last_pixel(np.array([5.01, 5.1, 0.01, -1.5])).tolist() == [5, 6, 0, -1]


def test_each_glyph_is_measured_by_itself() -> None:
    strokes = within_reach(random_strokes(300, seed=0))
    together = measure(strokes)
    for index in (0, 127, 128, 299):
        alone = measure(strokes[index : index + 1])
        for name in ("boxes", "left", "right", "bearings"):
            assert np.array_equal(getattr(together, name)[index], getattr(alone, name)[0])


def test_the_ink_lies_within_its_box_and_its_sides() -> None:
    strokes = within_reach(random_strokes(50, seed=1))
    ink = measure(strokes)
    which, points, radii = present_polylines(strokes, 49)
    for glyph, unit in enumerate(sizes(strokes)):
        x, y = points[which == glyph].reshape(-1, 2).T * unit
        radius, y = radii[which == glyph].ravel() * unit, y - strokes.proportions[glyph, 1] * unit
        left, top, right, bottom = ink.boxes[glyph]
        assert (x - radius >= left - 1e-4).all()
        assert (x + radius <= right + 1e-4).all()
        assert (y - radius >= top - 1e-4).all()
        assert (y + radius <= bottom + 1e-4).all()
        row = np.clip(np.floor(y).astype(int) - TOP, 0, BOTTOM - TOP - 1)
        assert (ink.left[glyph, row] <= x - radius + 1e-4).all()
        assert (ink.right[glyph, row] >= x + radius - 1e-4).all()


def test_what_can_be_set_is_left_as_it_is() -> None:
    strokes = stroke(5, 4, 5, 24, bearings=(-3, 2))
    for name in ("control", "radius", "presence", "proportions"):
        assert np.array_equal(getattr(within_reach(strokes), name), getattr(strokes, name))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30])
def test_whatever_a_decoder_says_can_be_measured(value: float) -> None:
    like = stroke(5, 4, 5, 24)
    control, radius, proportions = (np.full_like(a, value) for a in (like.control, like.radius, like.proportions))
    wild = Strokes(control, radius, like.presence, proportions)
    strokes = within_reach(wild)
    ink = measure(strokes)
    assert np.isfinite(ink.boxes).all()
    assert np.abs(ink.boxes).max() <= 4 * (56 + 56 + 14)
    assert 0.1 - 1e-6 <= sizes(strokes)[0] <= 4 + 1e-6
    assert np.abs(ink.bearings).max() <= 20
