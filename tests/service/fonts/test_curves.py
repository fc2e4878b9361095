import numpy as np
import pytest
from numpy.typing import NDArray

from glyphvae.fonts.curves import Curves, fit

Points = NDArray[np.float64]
SQUARE = np.array([(0.0, 0), (0, 10), (10, 10), (10, 0)])


def circle(radius: float, points: int = 90) -> Points:
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def along(curves: Curves) -> Points:
    """Return points of all curves."""
    t = np.linspace(0, 1, 201)[:, None]
    weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
    return np.concatenate([sum(w * p for w, p in zip(weights, piece, strict=True)) for piece in curves.points])


def test_curves_join_to_closed_contours() -> None:
    curves = fit([circle(100), SQUARE, circle(50) + 300], 0.5)
    parts = np.split(curves.points, np.cumsum(curves.counts)[:-1])
    assert len(parts) == 3
    for part in parts:
        np.testing.assert_array_equal(part[:, 3], np.roll(part[:, 0], -1, axis=0))


@pytest.mark.parametrize("tolerance", [0.05, 0.5, 5])
def test_few_curves_follow_a_polygon(tolerance: float) -> None:
    curves = fit([circle(100)], tolerance)
    assert np.abs(np.hypot(*along(curves).T) - 100).max() <= 2 * tolerance
    assert len(curves.points) <= 8


def test_straight_sides_become_lines_between_corners() -> None:
    curves = fit([SQUARE], 0.5)
    np.testing.assert_array_equal(curves.points[:, 1], curves.points[:, 0])
    np.testing.assert_array_equal(curves.points[:, 2], curves.points[:, 3])
    assert {tuple(point) for point in curves.points[:, 0]} == {tuple(point) for point in SQUARE}


def test_smooth_places_stay_smooth() -> None:
    points = fit([circle(100)], 0.5).points
    arriving, leaving = points[:, 3] - points[:, 2], np.roll(points[:, 1] - points[:, 0], -1, axis=0)
    cosine = (arriving * leaving).sum(axis=1) / np.hypot(*arriving.T) / np.hypot(*leaving.T)
    assert cosine.min() > 0.9999


def test_random_polygons_are_followed() -> None:
    random = np.random.default_rng(1)
    for _ in range(20):
        polygon = random.uniform(0, 100, (random.integers(3, 9), 2))
        near = np.linalg.norm(along(fit([polygon], 0.5))[:, None] - polygon, axis=2).min(axis=0)
        assert near.max() <= 1
