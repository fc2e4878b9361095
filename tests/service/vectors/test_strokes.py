import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyphvae.vectors.strokes import SIDE, Strokes, basis, mixed, place, present_polylines, samples_at
from tests.service.vectors.support import strokes


@given(st.integers(4, 12), st.integers(2, 40))
def test_a_curve_is_a_weighted_mean_of_its_control_points(control_points: int, samples: int) -> None:
    weights = basis(control_points, samples)
    assert weights.shape == (samples, control_points)
    assert weights.dtype == np.float32
    assert (weights >= 0).all()
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert weights[0, 0] == weights[-1, -1] == 1


def test_four_control_points_make_a_bezier_curve() -> None:
    assert np.allclose(basis(4, 3)[1], [0.125, 0.375, 0.375, 0.125])


def test_polylines_begin_and_end_at_the_first_and_last_control_point() -> None:
    given_ = strokes([[[(2, 3), (9, 1), (4, 4), (20, 30)]]], radius=[[[1, 3, 2]]])
    glyph, points, radii = present_polylines(given_, 5)
    assert glyph.tolist() == [0]
    assert points.dtype == radii.dtype == np.float32
    assert points.shape == (1, 5, 2)
    assert points[0, [0, -1]].tolist() == [[2, 3], [20, 30]]
    assert radii[0].tolist() == [1, 2, 3, 2.5, 2]


def test_strokes_that_are_present_are_placed_glyph_by_glyph() -> None:
    line = [(0, 0), (4, 0), (8, 0), (12, 0)]
    given_ = strokes([[line, line], [line, line]], presence=[[0, 1], [1, 0]])
    assert len(given_) == 2
    lines = place(given_, np.array([0, 100]), np.array([0, 50]), np.array([1, 4]))
    assert lines.points.shape == (2, samples_at(4), 2)
    assert lines.points[:, [0, -1]].tolist() == [[[0, 0], [12, 0]], [[100, 50], [148, 50]]]
    assert lines.radii[:, 0].tolist() == [1, 4]
    assert lines.points.dtype == lines.radii.dtype == np.float32


def test_no_glyph_has_no_strokes() -> None:
    none = Strokes(*(np.zeros((0, *shape), np.float32) for shape in [(5, 8, 2), (5, 4), (5,), (4,)]))
    nowhere = np.zeros(0)
    assert place(none, nowhere, nowhere, nowhere).points.shape == (0, samples_at(1), 2)


@pytest.mark.parametrize("scale", [0.3, 1, 2, 8, 64])
def test_a_polyline_strays_by_a_fraction_of_a_pixel(scale: float) -> None:
    # A hook of about 20 units, bent as tightly as a small letter is.
    hook = strokes([[[(4, 13), (4, 7), (6, 4), (9, 4), (11, 7), (11, 12), (9, 14), (6, 13)]]])
    few = present_polylines(hook, samples_at(scale))[1][0].astype(float)
    many = present_polylines(hook, 2 * len(few) - 1)[1][0].astype(float)
    chords, offsets = np.diff(few, axis=0), many[1::2] - few[:-1]
    apart = np.abs(chords[:, 0] * offsets[:, 1] - chords[:, 1] * offsets[:, 0]) / np.hypot(*chords.T)
    assert apart.max() * scale < 0.2
    assert SIDE == 28


def test_glyphs_are_taken_out_by_their_places() -> None:
    line = [(0, 0), (4, 0), (8, 0), (12, 0)]
    some = strokes([[line], [line], [line]], presence=[[1], [0], [1]])[1:]
    assert len(some) == 2
    assert (some.presence.tolist(), some.control.shape, some.proportions.shape) == ([[0], [1]], (2, 1, 4, 2), (2, 4))
    assert some.radius.shape == (2, 1, 4)


def test_what_lies_between_two_glyphs_is_mixed_stroke_by_stroke() -> None:
    low, high = [[(0, 20), (4, 20), (8, 20), (12, 20)]], [[(0, 10), (4, 10), (8, 10), (12, 10)]]
    begin = strokes([[*low, *low, *low]] * 3, radius=np.full((3, 3, 4), 2), presence=[[1, 1, 0]] * 3)
    end = strokes([[*high, *high, *high]] * 3, radius=np.full((3, 3, 4), 4), presence=[[1, 0, 1]] * 3)
    between = mixed(begin, end, np.array([0, 0.5, 1], np.float32))
    assert between.control[:, :, 0, 1].tolist() == [[20, 20, 10], [15, 20, 10], [10, 20, 10]]
    assert between.radius[:, :, 0].tolist() == [[2, 2, 0], [3, 1, 2], [4, 0, 4]]
    assert between.presence.tolist() == [[1, 1, 1]] * 3
    assert np.array_equal(between.proportions, begin.proportions)
    assert {values.dtype for values in vars(between).values()} == {np.dtype(np.float32)}
