import numpy as np
import pytest

from glyphvae_training.splines import basis


@pytest.mark.parametrize("control_points", [4, 5, 8, 12])
def test_rows_are_weights(control_points: int) -> None:
    matrix = basis(control_points, 33)
    assert matrix.shape == (33, control_points)
    assert matrix.dtype == np.float32
    assert matrix.min() >= 0
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-6)
    # A point depends on the four nearest control points only.
    assert ((matrix > 0).sum(1) <= 4).all()


def test_the_curve_begins_and_ends_at_control_points() -> None:
    matrix = basis(8, 10)
    np.testing.assert_array_equal(matrix[0], np.eye(8)[0])
    np.testing.assert_array_equal(matrix[-1], np.eye(8)[-1])


def test_four_control_points_are_a_bezier_curve() -> None:
    u = np.linspace(0, 1, 9)[:, None]
    bernstein = np.concatenate([(1 - u) ** 3, 3 * u * (1 - u) ** 2, 3 * u**2 * (1 - u), u**3], axis=1)
    np.testing.assert_allclose(basis(4, 9), bernstein, atol=1e-6)


def test_the_curve_is_smooth() -> None:
    # The second difference of samples is bounded by their distance squared: no corner at a knot.
    curve = basis(8, 1001) @ np.array([0, 3, -1, 4, 1, -5, 9, 2], np.float32)
    steps = np.diff(curve.astype(np.float64))
    assert np.abs(np.diff(steps)).max() < 0.02 * np.abs(steps).max() + 1e-5
