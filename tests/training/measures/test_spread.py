import numpy as np
import pytest

from glyphvae_training.measures.spread import spread_within


def test_the_spread_is_the_distance_to_the_labels_own_mean() -> None:
    features = np.array([[0, 0], [0, 2], [100, 0], [106, 8]], np.float32)
    assert spread_within(features, np.array([0, 0, 1, 1])) == pytest.approx((1 + 5) / 2)


def test_copies_have_no_spread_however_far_labels_are_apart() -> None:
    features = np.repeat(np.array([[1.0, 2.0], [50.0, 3.0]], np.float32), 3, axis=0)
    assert spread_within(features, np.repeat([0, 1], 3)) == 0
