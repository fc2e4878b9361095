import numpy as np
import pytest

from glyphvae_training.data.dataset import Split
from glyphvae_training.evaluation.features import (
    alike,
    classification_accuracy,
    compare_features,
    hand_features,
    hog_features,
    spread,
)
from glyphvae_training.measures.hog import hog
from tests.training.examples import characters, random_lettering


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_principal_components_keep_distances() -> None:
    split = characters(2)
    features, whole = hog_features(split, 71)(split.images), hog(split.images)
    assert features.shape == (72, 71)  # as many as 72 rows can span
    expected = np.linalg.norm(whole[:1] - whole, axis=1)
    np.testing.assert_allclose(np.linalg.norm(features[:1] - features, axis=1), expected, atol=1e-3)
    assert np.all(np.diff(features.var(axis=0)) < 1e-6)


def test_features_of_hands_are_those_of_a_network_that_tells_fonts() -> None:
    found = hand_features(random_lettering(3, 5), 512)(characters(1).images)
    assert found.shape == (36, 128)


def test_as_many_of_each_label_are_drawn() -> None:
    made = Split(np.arange(6, dtype=np.uint8)[:, None, None], np.array([0, 0, 0, 1, 1, 2]))
    drawn = alike(made, np.array([1, 0, 1, 2, 2]), rng())
    assert drawn.labels.tolist() == [1, 0, 1, 2, 2]
    assert sorted(drawn.images[[0, 2], 0, 0].tolist()) == [3, 4]


def test_what_is_like_real_characters_compares_as_they_do() -> None:
    real, other = rng().normal(size=(2, 400, 4)).astype(np.float32)
    made, control = compare_features(real, other, rng())
    assert made.frechet.low < control.frechet.value < made.frechet.high
    far, _ = compare_features(real, other + 9, rng())
    # Each of four means is nine off.
    assert far.frechet.value == pytest.approx(4 * 81, rel=0.1)
    assert far.shares["precision"].value == far.shares["coverage"].value == 0
    assert made.shares["precision"].value == pytest.approx(control.shares["precision"].value, abs=0.1)


def test_an_interval_is_the_spread_of_halves() -> None:
    assert list(spread([1, 3])) == pytest.approx([2, 2 - 1.96 * 2**0.5, 2 + 1.96 * 2**0.5])


def test_a_reader_of_swapped_labels_teaches_nothing() -> None:
    labels = np.arange(40) % 2
    real = (labels[:, None] + 0.1 * rng().normal(size=(40, 3))).astype(np.float32)
    found = classification_accuracy(real, 1 - real, labels, real, labels, ("a", "b"), rng())
    assert (found.mean.real, found.mean.made) == (1, 0)
