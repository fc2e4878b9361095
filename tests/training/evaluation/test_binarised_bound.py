import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.errors import ExportError
from glyphvae_training.evaluation.binarised_bound import Draws, likelihood, measure
from glyphvae_training.evaluation.importance import binarised
from glyphvae_training.evaluation.report import likelihood_row
from glyphvae_training.export.graphs import PARTS, to_onnx
from glyphvae_training.export.repository import publish
from glyphvae_training.fitting.binarised import BinarisedConfig, fit_binarised, negative_bound
from glyphvae_training.fitting.runs import Run
from glyphvae_training.models.vae import VAE, VAEConfig
from tests.training.examples import FACTS

MODEL = VAEConfig(latent_size=3, encoder="narrow", decoder="dense", couplings=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def run(digits: Dataset, folder: Path) -> Run:
    return fit_binarised(MODEL, digits, folder, BinarisedConfig(epochs=8, batch_size=32, drawing_epochs=0, bf16=False))


def test_images_that_got_few_draws_count_as_if_they_had_many(run: Run, digits: Dataset) -> None:
    assert isinstance(run.model, VAE)
    test = binarised(digits.test, np.random.default_rng(0))
    found = likelihood(run.model, test, Draws(2, 500, 60))
    whole = negative_bound(run.model, test, 500, torch.Generator().manual_seed(1)).mean()
    assert found["few"]["value"] > found["value"]
    assert found["elbo"] > found["few"]["value"]
    assert abs(found["value"] - whole) < 0.4 * (found["few"]["value"] - whole)
    assert found["low"] < whole < found["high"]
    assert (found["n"], found["draws"], found["images_with_all_draws"]) == (120, 500, 60)


def test_the_numbers_are_printed_and_go_into_the_manifest(
    run: Run, folder: Path, tmp_path: Path, sample_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = FACTS.__class__(
        **vars(FACTS) | {"name": "vae-binarised", "kind": "vae", "labels": (), "latent_size": 3, "metrics": {"mse": 1}}
    )
    publish(tmp_path, facts, {part: to_onnx(run.model, part) for part in PARTS})
    measure(folder, sample_folder, tmp_path, few=1, many=4, images=2, seed=3, name="vae-binarised")
    found = json.loads(capsys.readouterr().out)
    assert json.loads((tmp_path / "vae-binarised.json").read_text())["metrics"] == {"mse": 1, "likelihood": found}
    assert f"{found['value']:.2f} (" in likelihood_row(found)[2]
    with pytest.raises(ExportError, match="does not exist"):
        measure(folder, sample_folder, tmp_path, few=1, many=4, images=2, seed=3, name="other")


def test_without_a_repository_they_are_printed_alone(
    folder: Path, run: Run, sample_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.labels
    measure(folder, sample_folder, None, few=1, many=4, images=2, seed=0, name="vae-binarised")
    assert json.loads(capsys.readouterr().out)["draws"] == 4


def test_it_is_a_command() -> None:
    command = [sys.executable, "-m", "glyphvae_training.evaluation.binarised_bound", "--help"]
    assert "likelihood" in subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_split_keeps_its_images(run: Run) -> None:
    """Images of one value have the same bound whatever is beside them."""
    assert isinstance(run.model, VAE)
    blank = Split(np.zeros((3, 28, 28), np.uint8), np.zeros(3, np.int64))
    bounds = negative_bound(run.model, blank, 3000, torch.Generator().manual_seed(0))
    assert torch.allclose(bounds, bounds[:1], rtol=0.03)  # each image has draws of its own
