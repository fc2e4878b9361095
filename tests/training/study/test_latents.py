import numpy as np
import pytest

from glyphvae_training.study.latents import moments, neighbour_accuracy, plane, ranking, silhouette

rng = np.random.default_rng


def test_the_moments_of_known_posteriors() -> None:
    mu = np.array([[1, 0], [3, 0]], np.float32)
    logvar = np.log(np.array([[0.5, 1], [0.1, 1]], np.float32))
    found = moments(mu, logvar)
    np.testing.assert_allclose(found.mean, [2, 0])
    np.testing.assert_allclose(found.mu_variance, [1, 0])
    np.testing.assert_allclose(found.mean_variance, [0.3, 1], rtol=1e-6)
    np.testing.assert_allclose(found.variance, [1.3, 1], rtol=1e-6)
    np.testing.assert_allclose(found.second_moment, [5.3, 1], rtol=1e-6)
    assert found.active.tolist() == [True, False]


def test_the_moments_are_those_of_draws() -> None:
    mu = rng(0).normal(0.5, 0.8, (100_000, 1)).astype(np.float32)
    logvar = np.full_like(mu, np.log(0.36))
    z = mu + 0.6 * rng(1).standard_normal(mu.shape)
    found = moments(mu, logvar)
    assert found.variance[0] == pytest.approx(z.var(), rel=0.02)
    assert found.second_moment[0] == pytest.approx((z**2).mean(), rel=0.02)


def test_the_latent_that_varies_most_comes_first() -> None:
    mu = rng(0).standard_normal((100, 4)) * [0.1, 2, 0, 1]
    assert ranking(moments(mu.astype(np.float32), np.zeros((100, 4), np.float32))).tolist() == [1, 3, 0, 2]


def test_separate_classes_are_told_apart_and_mixed_ones_are_not() -> None:
    labels = np.repeat([0, 1], 100)
    apart = rng(0).standard_normal((200, 2)) + 20 * labels[:, None]
    mixed = rng(0).standard_normal((200, 2))
    assert neighbour_accuracy(apart, labels) == 1
    assert 0.3 < neighbour_accuracy(mixed, labels) < 0.7
    assert silhouette(apart, labels) > 0.8
    assert abs(silhouette(mixed, labels)) < 0.1


def test_a_point_is_not_its_own_neighbour() -> None:
    points = np.array([[0.0], [1.0], [10.0], [11.0]])
    assert neighbour_accuracy(points, np.array([0, 1, 0, 1]), neighbours=1) == 0


def test_what_is_apart_stays_apart_in_the_plane() -> None:
    labels = np.repeat([0, 1, 2], 40)
    points = rng(0).standard_normal((120, 8)) + 30 * labels[:, None]
    drawn = plane(points)
    assert drawn.shape == (120, 2)
    assert neighbour_accuracy(drawn, labels) == 1
    np.testing.assert_array_equal(drawn, plane(points))
