import numpy as np
import pytest
from numpy.typing import NDArray

from glyphvae_training.measures.frechet import beside_half_split, frechet_distance


def moments(mean: list[float], deviation: list[float]) -> NDArray[np.float32]:
    """Eight points whose moments are exactly these, uncorrelated."""
    corners = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
    return np.asarray(np.array(mean) + corners * np.array(deviation) * np.sqrt(7 / 8), np.float32)


def test_equal_sets_have_no_distance() -> None:
    features = moments([1, 2, 3], [1, 2, 0.5])
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-6)


def test_shifted_sets_have_the_squared_length_of_the_shift() -> None:
    first, second = moments([0, 0, 0], [1, 2, 1]), moments([3, 4, 0], [1, 2, 1])
    assert frechet_distance(first, second) == pytest.approx(25, rel=1e-5)


def test_stretched_sets_have_the_squared_difference_of_deviations() -> None:
    first, second = moments([0, 0, 0], [1, 2, 1]), moments([0, 0, 0], [3, 2, 0.5])
    assert frechet_distance(first, second) == pytest.approx(2**2 + 0.5**2, rel=1e-5)


def test_correlation_counts() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((20_000, 2)).astype(np.float32)
    turned = noise @ np.array([[1, 0.9], [0, np.sqrt(1 - 0.81)]], np.float32)
    # tr (C1 + C2 - 2 C2^½) with C1 = I and C2 of eigenvalues 1 ± 0.9.
    expected = 4 - 2 * (np.sqrt(1.9) + np.sqrt(0.1))
    assert frechet_distance(noise, turned) == pytest.approx(expected, abs=0.02)


def test_sets_of_fewer_points_than_features_have_one() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2, 4, 10)).astype(np.float32)
    assert np.isfinite(frechet_distance(features[0], features[1]))


def test_samples_of_the_same_distribution_are_as_near_as_the_other_half() -> None:
    rng = np.random.default_rng(0)
    real, samples = rng.standard_normal((2, 4001, 3)).astype(np.float32)
    distance, half_split = beside_half_split(real, samples, rng)
    assert 0 < distance < 0.01
    assert 0 < half_split < 0.01
    shifted, same = beside_half_split(real, samples + 2, np.random.default_rng(0))
    assert shifted == pytest.approx(3 * 2**2, rel=0.05)
    assert same < 0.01
