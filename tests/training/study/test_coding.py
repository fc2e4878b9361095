import numpy as np
import pytest

from glyphvae_training.data.dataset import Split
from glyphvae_training.study.coding import class_means, coding, distance_to_mean, reconstruction_mse, samples
from tests.training.known_coder import KnownCoder

rng = np.random.default_rng


def split(n: int = 6) -> Split:
    labels = np.arange(n) % 2
    return Split(KnownCoder().decode(np.zeros((n, 2), np.float32), labels)[0], labels)


def test_rate_and_distortion_by_hand() -> None:
    ink = 4 * 20 / 784
    found = coding(KnownCoder(), split(), rng(0))
    first = 0.5 * (ink**2 + 0.25 - 1 - np.log(0.25))
    assert found["rate"] == pytest.approx(first, rel=1e-4)
    assert found["kl_per_unit"] == pytest.approx([first, 0], abs=1e-6)
    # A pixel with log odds of ±10 costs log(1 + e^-10) if it is right, and 10 more if it is wrong.
    right = 784 * np.log1p(np.exp(-10))
    assert found["distortion"] % 20 == pytest.approx(right, abs=0.1) or found["distortion"] > right
    assert found["negative_elbo"] == pytest.approx(found["rate"] + found["distortion"])
    assert found["mu_variance_per_unit"] == pytest.approx([0, 0], abs=1e-9)
    assert found["mean_variance_per_unit"] == pytest.approx([0.25, 1])
    assert found["second_moment_per_unit"] == pytest.approx([0.25 + ink**2, 1], rel=1e-4)
    assert found["active_units"] == 0
    assert found["images"] == 6


def test_a_perfect_reconstruction_has_no_error() -> None:
    coder, characters = KnownCoder(), split()
    mu = np.zeros((6, 2), np.float32)
    assert reconstruction_mse(coder, characters, mu) == pytest.approx(0, abs=1e-6)
    # Two columns of twenty pixels too much.
    assert reconstruction_mse(coder, characters, mu + 2) == pytest.approx(2 * 20 / 784, rel=1e-3)


def test_class_means() -> None:
    images = np.zeros((4, 28, 28), np.uint8)
    images[1] = 255
    images[2:] = 51
    means = class_means(Split(images, np.array([0, 0, 1, 1])), 2)
    np.testing.assert_allclose(means[:, 3, 5], [0.5, 0.2])


def test_the_distance_of_samples_to_a_mean() -> None:
    coder = KnownCoder()
    nothing = np.zeros((2, 28, 28))
    inked = float(np.mean(samples(coder, 500, rng(1)).images == 255))
    assert distance_to_mean(coder, nothing, rng(0), 500) == pytest.approx(np.sqrt(inked), rel=0.02)


def test_samples_are_as_many_of_each_label() -> None:
    drawn = samples(KnownCoder(), 3, rng(0))
    assert drawn.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert drawn.images.shape == (6, 28, 28)
