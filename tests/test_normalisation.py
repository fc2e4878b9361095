"""The service and the training make characters alike, each by its own code."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glyphvae.imaging.preprocess import preprocess
from glyphvae_training.data.pixels import normalise
from glyphvae_training.data.sources import read_emnist, read_mnist

DATA = Path(__file__).parent / "data"


def mnist() -> NDArray[np.uint8]:
    return read_mnist(DATA, "test").images


def emnist() -> NDArray[np.uint8]:
    return read_emnist(DATA).images


def converted(pictures: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.stack([preprocess(picture) for picture in pictures]).astype(np.int64)


def largest_difference(pictures: NDArray[np.int64], expected: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(n,) per picture."""
    differences: NDArray[np.int64] = np.abs(pictures - expected).max(axis=(1, 2))
    return differences


def test_mnist_stays_as_it_is() -> None:
    # Its strongest pixel is 254 or 255, and becomes 255.
    assert largest_difference(converted(mnist()), mnist()).max() <= 1


def test_inverted_mnist_becomes_mnist() -> None:
    assert largest_difference(converted(255 - mnist()), mnist()).max() <= 1


def test_emnist_becomes_what_the_models_were_trained_on() -> None:
    differences = largest_difference(converted(emnist()), normalise(emnist()))
    assert np.mean(differences <= 1) >= 0.995
    assert differences.max() <= 10


def test_normalised_letters_stay_nearly_as_they_are() -> None:
    letters = normalise(emnist())
    differences = np.abs(converted(letters) - letters).mean(axis=(1, 2))
    assert np.mean(differences <= 1) >= 0.98
