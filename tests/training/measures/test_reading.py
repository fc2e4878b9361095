import numpy as np
import pytest
from numpy.typing import NDArray

from glyphvae_training.data.dataset import Split
from glyphvae_training.measures.hog import hog
from glyphvae_training.measures.reading import Reading, closed_form, cross_fit, deal, fit, font_reading


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def bars(labels: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Bars of random place, upright for 0 and lying for 1."""
    generator = rng()
    images = np.zeros((len(labels), 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        start = generator.integers(6, 18)
        image[4:24, start : start + 3] = 255
        image[...] = image.T if label else image
    return images


def test_the_boundary_is_halfway_between_means_of_round_labels() -> None:
    square = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], np.float32)
    features = np.concatenate([square, square + np.array([4, 0])]).astype(np.float32)
    reader = fit(features, np.array([3] * 4 + [8] * 4))
    assert reader.read(np.array([[1.99, 5], [2.01, -5]], np.float32)).tolist() == [3, 8]


def test_directions_in_which_labels_vary_count_less() -> None:
    long = np.array([[-9, 0], [9, 0], [0, -0.1], [0, 0.1]], np.float32)
    features = np.concatenate([long, long + np.array([4, 1])]).astype(np.float32)
    reader = fit(features, np.array([0] * 4 + [1] * 4))
    # With a ridge of a tenth of the mean variance, 2.025, the weights are 4 / 42.5 and 1 / 2.03.
    weights = reader.weights[:, 1] - reader.weights[:, 0]
    np.testing.assert_allclose(weights, [4 / (40.5 + 2.02525), 1 / (0.005 + 2.02525)], rtol=1e-4)


def test_every_label_is_as_probable_beforehand() -> None:
    features = np.array([[-1], [1]] * 50 + [[9], [11]], np.float32)
    reader = fit(features, np.array([0] * 100 + [1] * 2))
    assert reader.read(np.array([[4.9], [5.1]], np.float32)).tolist() == [0, 1]


def test_labels_are_dealt_evenly() -> None:
    labels = np.array([0] * 10 + [1] * 5)
    fold = deal(labels, 5, rng())
    assert np.bincount(fold).tolist() == [3] * 5
    assert np.bincount(fold[labels == 0]).tolist() == [2] * 5


def test_no_character_is_read_by_a_reader_that_has_seen_it() -> None:
    # With more features than rows a reader knows all it has seen by heart; of labels at random nothing is learnt.
    features, labels = rng().normal(size=(200, 400)).astype(np.float32), np.arange(200) % 2
    assert np.mean(fit(features, labels).read(features) == labels) == 1
    readers, scores = cross_fit(features, labels, rng(), folds=4)
    assert len(readers) == 4
    assert np.mean(scores.argmax(axis=1) == labels) == pytest.approx(0.5, abs=0.12)
    # Each of them has seen three quarters.
    assert np.mean([reader.read(features) == labels for reader in readers]) == pytest.approx(0.875, abs=0.04)


def test_generated_characters_are_read_by_all_readers() -> None:
    labels = np.arange(40) % 2
    shown = np.where(np.arange(40) < 10, 1 - labels, labels)  # a quarter shows the other label
    (found,) = closed_form(bars(labels), labels, rng()).compare(bars(shown), labels, ("l", "-"), rng(), [2])
    assert (found.mean.real, found.mean.made) == (1, 0.75)
    assert found.mean.difference.value == -0.25
    assert found.labels["l"].difference.high < 0


def test_shares_are_means_over_readers() -> None:
    labels = np.arange(40) % 2
    real, made = rng().integers(0, 256, (2, 40, 28, 28), dtype=np.uint8)
    readers, _ = cross_fit(hog(real), labels, rng())
    right = np.stack([reader.read(hog(made)) == labels for reader in readers])
    assert np.any(right.any(axis=0) & ~right.all(axis=0))  # they do not agree
    (found,) = closed_form(real, labels, rng()).compare(made, labels, ("l", "-"), rng(), [2])
    assert found.mean.made == pytest.approx(right.mean())


def test_among_fewer_labels_others_cannot_be_read() -> None:
    known, labels = np.array([0, 1, 4]), np.array([0, 1, 1, 4])
    scores = np.array([[1, 2, 3], [1, 2, 3], [1, 2, 0], [0, 0, 1]], np.float32)
    reading = Reading(known, labels, scores, lambda images: [scores[: len(images)]])
    few, all_labels = reading.compare(np.zeros((4, 28, 28), np.uint8), labels, "abcde", rng(), [2, 5])
    assert list(few.labels) == ["a", "b"]
    assert [(one.real, one.made) for one in few.labels.values()] == [(0, 0), (1, 1)]
    assert [one.real for one in all_labels.labels.values()] == [0, 0.5, 1]


def test_characters_of_fonts_are_read_by_the_reader_of_others() -> None:
    labels = np.arange(40) % 2
    taught = Split(bars(labels), labels + 3)
    reading = font_reading(taught, Split(bars(1 - labels), labels + 3))
    (found,) = reading.compare(bars(labels), labels + 3, "abcde", rng(), [5])
    assert [(one.real, one.made) for one in found.labels.values()] == [(0, 1), (0, 1)]
