from pathlib import Path

import numpy as np
import pytest

from glyphvae_training.evaluation.detection import detection, elbo, elbo_by_label, non_characters, photographs
from glyphvae_training.export.exported import Exported, read_exported
from tests import known_model


@pytest.fixture
def model(tmp_path: Path) -> Exported:
    known_model.write_model(tmp_path)
    return read_exported(tmp_path, "cvae")


def test_the_elbo_is_that_of_the_formula_under_each_label(model: Exported) -> None:
    images = np.full((2, 28, 28), 120, np.uint8)
    bounds = elbo_by_label(model, images)
    assert bounds.shape == (2, 36)
    assert bounds[:, 7] == pytest.approx(elbo(model, images, np.array([7, 7])))
    # The known model shows the mean level whatever the label, so that the KL alone tells labels apart: it is 0 where
    # the label's own level is that of the image.
    mu, _ = model.encode(images, np.array([20, 20]))
    assert mu[0, 0] == 0
    assert bounds[0].argmax() == 20


def test_strangers_have_the_characters_number_and_the_shuffled_ones_their_ink() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 28, 28), dtype=np.uint8)
    found = non_characters(images, rng)
    assert set(found) == {"noise", "shuffled pixels", "photographs"}
    assert all(kind.shape == images.shape and kind.dtype == np.uint8 for kind in found.values())
    assert np.array_equal(np.sort(found["shuffled pixels"].reshape(5, -1)), np.sort(images.reshape(5, -1)))
    assert not np.array_equal(found["shuffled pixels"], images)


def test_photographs_differ_and_are_not_flat() -> None:
    crops = photographs(6, np.random.default_rng(0))
    assert len(np.unique(crops.reshape(6, -1), axis=0)) == 6
    assert crops.std(axis=(1, 2)).max() > 10


def test_detection_counts_pairs_in_order() -> None:
    assert detection(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1
    assert detection(np.array([0.0, 1.0]), np.array([2.0, 3.0])) == 0
    assert detection(np.array([1.0, 3.0]), np.array([0.0, 2.0])) == pytest.approx(3 / 4)
    assert detection(np.array([1.0, 2.0]), np.array([1.0, 0.0])) == pytest.approx(7 / 8)  # a tie is half
