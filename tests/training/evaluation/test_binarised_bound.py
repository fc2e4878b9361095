from pathlib import Path

import numpy as np
import pytest
import torch

from glyphvae_training.data.binarisation import binarise
from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.evaluation.binarised_bound import Draws, likelihood
from glyphvae_training.fitting.binarised import BinarisedConfig, fit_binarised, negative_bound
from glyphvae_training.fitting.runs import Run
from glyphvae_training.models.vae import VAE, VAEConfig

MODEL = VAEConfig(latent_size=3, encoder="narrow", decoder="dense", couplings=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def run(digits: Dataset, folder: Path) -> Run:
    return fit_binarised(MODEL, digits, folder, BinarisedConfig(epochs=8, batch_size=32, drawing_epochs=0, bf16=False))


def test_images_that_got_few_draws_count_as_if_they_had_many(run: Run, digits: Dataset) -> None:
    assert isinstance(run.model, VAE)
    test = binarise(digits.test, np.random.default_rng(0))
    found = likelihood(run.model, test, Draws(2, 500, 60))
    whole = negative_bound(run.model, test, 500, torch.Generator().manual_seed(1)).mean()
    assert found["few"]["value"] > found["value"]
    assert found["elbo"] > found["few"]["value"]
    assert abs(found["value"] - whole) < 0.4 * (found["few"]["value"] - whole)
    assert found["low"] < whole < found["high"]
    assert (found["n"], found["draws"], found["images_with_all_draws"]) == (120, 500, 60)


def test_a_split_keeps_its_images(run: Run) -> None:
    """Images of one value have the same bound whatever is beside them."""
    assert isinstance(run.model, VAE)
    blank = Split(np.zeros((3, 28, 28), np.uint8), np.zeros(3, np.int64))
    bounds = negative_bound(run.model, blank, 3000, torch.Generator().manual_seed(0))
    assert torch.allclose(bounds, bounds[:1], rtol=0.03)  # each image has draws of its own
