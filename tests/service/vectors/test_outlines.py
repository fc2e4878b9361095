import numpy as np
import pytest

from glyphvae.vectors.outlines import TOLERANCE, outlines
from glyphvae.vectors.strokes import Lines
from tests.service.vectors.support import line


def area(corners: np.typing.NDArray[np.float32]) -> float:
    x, y = corners.astype(float).T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)


def test_a_straight_stroke_is_a_bar_with_round_caps() -> None:
    corners, counts = outlines(line([(2, 5), (6, 5), (10, 5)], 2))
    assert counts.tolist() == [len(corners)]
    assert area(corners) == pytest.approx(8 * 4 + np.pi * 4, rel=0.01)
    ends = np.array([(min(max(x, 2), 10), 5) for x, _ in corners.tolist()])
    assert np.hypot(*(corners - ends).T) == pytest.approx(2, abs=1e-5)
    assert {5 - 2, 5 + 2} <= set(corners[:, 1].tolist())


@pytest.mark.parametrize("radius", [0.5, 3, 40, 900])
def test_chords_stay_near_their_arc(radius: float) -> None:
    corners, _ = outlines(line([(0, 0), (0, 0)], radius))
    middles = (corners + np.roll(corners, -1, axis=0)) / 2
    assert radius - np.hypot(*middles.T).min() < max(TOLERANCE, radius * 0.002)


def test_a_stroke_that_does_not_move_is_a_dot() -> None:
    corners, _ = outlines(line([(3, 4)] * 6, 1.5))
    assert np.hypot(*(corners - (3, 4)).T) == pytest.approx(1.5, abs=1e-5)
    assert area(corners) == pytest.approx(np.pi * 1.5**2, rel=0.05)


def test_a_stroke_that_stops_and_goes_on_is_that_of_its_moves() -> None:
    moving = outlines(line([(0, 0), (4, 0), (8, 0)])).corners
    resting = outlines(line([(0, 0), (4, 0), (4, 0), (8, 0)])).corners
    assert area(resting) == pytest.approx(area(moving), rel=1e-5)


def test_a_pen_that_grows_touches_the_edge_at_a_slant() -> None:
    corners, _ = outlines(line([(0, 0), (10, 0)], [1, 6]))
    # Both discs' common tangent, at a slope of asin(1/2).
    height = 10 * np.cos(np.pi / 6)
    both = (1 + 6) / 2 * height * 2
    caps = 36 * (np.pi / 2 + np.pi / 6) + 1 * (np.pi / 2 - np.pi / 6)
    assert area(corners) == pytest.approx(both + caps, rel=0.01)


def test_a_pen_that_grows_faster_than_it_moves_swallows_what_it_left() -> None:
    corners, _ = outlines(line([(0, 0), (1, 0)], [1, 6]))
    assert np.abs(corners - (1, 0)).max() < 6.001
    assert area(corners) == pytest.approx(np.pi * 36, rel=0.01)


@pytest.mark.parametrize("side", [1, -1])
def test_a_bend_has_a_round_outer_corner(side: int) -> None:
    corners, _ = outlines(line([(0, 0), (10, 0), (10, 10 * side)]))
    knee = corners[np.hypot(*(corners - (10, 0)).T) < 1.001]
    outer = knee[(knee[:, 0] > 10.01) & (knee[:, 1] * side < -0.01)]
    assert len(outer)


def test_strokes_are_listed_one_after_the_other() -> None:
    two = Lines(np.array([[[0, 0], [5, 0]], [[20, 0], [25, 0]]], np.float32), np.ones((2, 2), np.float32))
    corners, counts = outlines(two)
    first, second = np.split(corners, np.cumsum(counts)[:-1])
    assert second - first == pytest.approx(np.tile([20, 0], (len(first), 1)), abs=1e-5)


def test_no_strokes_have_no_outlines() -> None:
    corners, counts = outlines(Lines(np.zeros((0, 4, 2), np.float32), np.zeros((0, 4), np.float32)))
    assert corners.shape == (0, 2)
    assert counts.shape == (0,)
