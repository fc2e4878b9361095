import numpy as np

from glyphvae_training.study.ring import POINTS, ring, ring_figure


def test_the_direction_stays_and_the_distance_is_near_1() -> None:
    z = np.array([[3.0, 4.0], [0.0, -0.1], [-2.0, 0.0]])
    np.testing.assert_allclose(ring(z), [[0.9, 1.2], [0, -1.01], [-1.2, 0]])


def test_both_sets_of_points_are_drawn() -> None:
    panels = ring_figure().axes
    assert [len(axes.collections[0].get_offsets()) for axes in panels] == [POINTS, POINTS]  # type: ignore[arg-type]
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in panels)
