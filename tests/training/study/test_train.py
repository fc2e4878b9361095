import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glyphvae_training.data.dataset import Dataset
from glyphvae_training.errors import RunError
from glyphvae_training.evaluation.coder import Trained
from glyphvae_training.fitting.trainer import Hardware, TrainingConfig
from glyphvae_training.study.plan import Plan
from glyphvae_training.study.record import read_latents, seconds_trained
from glyphvae_training.study.train import subsample, trained

EPOCHS = 2
PLAN = Plan(
    "vae-z2", "vae", {"latent_size": 2, "decoder": "dense"}, "mnist", TrainingConfig(epochs=EPOCHS), record=True
)
HARDWARE = Hardware(accelerator="cpu", threads=1)
POINTS = 30


def train(data: Dataset, folder: Path, plan: Plan = PLAN) -> None:
    trained(plan, data, folder, HARDWARE, POINTS)


def epochs_timed(folder: Path) -> list[str]:
    with (folder / "times.csv").open(newline="") as file:
        return [row["epoch"] for row in csv.DictReader(file)]


@pytest.fixture
def folder(tmp_path: Path, digits: Dataset) -> Path:
    train(digits, tmp_path)
    return tmp_path


def test_a_finished_model_is_not_trained_again(folder: Path, digits: Dataset) -> None:
    written = (folder / "model.pt").stat().st_mtime_ns
    train(digits, folder)
    assert (folder / "model.pt").stat().st_mtime_ns == written


def test_a_stopped_model_goes_on_from_its_last_epoch(folder: Path, digits: Dataset) -> None:
    # What is left of a run that is killed after an epoch: everything but the weights.
    (folder / "model.pt").unlink()
    train(digits, folder)
    assert (folder / "model.pt").exists()
    assert epochs_timed(folder) == ["1", "2"]


def test_a_model_stopped_in_its_first_epoch_is_started_again(folder: Path, digits: Dataset) -> None:
    (folder / "model.pt").unlink()
    (folder / "checkpoints" / "last.ckpt").unlink()
    train(digits, folder)
    assert epochs_timed(folder) == ["1", "2", "1", "2"]


def test_a_model_of_another_study_is_not_taken_for_this_one(folder: Path, digits: Dataset, sample: Dataset) -> None:
    with pytest.raises(RunError, match="another study"):
        train(digits, folder, replace(PLAN, training=TrainingConfig(epochs=1)))
    with pytest.raises(RunError, match="another study"):
        train(sample, folder)


def test_the_latents_of_every_epoch_are_kept(folder: Path) -> None:
    means = [read_latents(folder, epoch)[0] for epoch in range(EPOCHS + 1)]
    assert {mu.shape for mu in means} == {(POINTS, 2)}
    assert not np.allclose(means[0], means[-1])


def test_the_latents_of_the_last_epoch_are_those_of_the_model(folder: Path, digits: Dataset) -> None:
    run = trained(PLAN, digits, folder, HARDWARE, POINTS)
    characters = subsample(digits.test, POINTS)
    mu, logvar = Trained(run).encode(characters.images, characters.labels)
    kept = read_latents(folder, EPOCHS)
    np.testing.assert_allclose(kept[0], mu, atol=1e-5)
    np.testing.assert_allclose(kept[1], logvar, atol=1e-5)


def test_the_time_of_every_epoch_is_kept(folder: Path) -> None:
    wall, processor = seconds_trained(folder)
    assert 0 < wall < 300
    assert 0 < processor < 300


def test_a_subsample_is_the_same_every_time_and_sorted(digits: Dataset) -> None:
    one, two = subsample(digits.test, 50), subsample(digits.test, 50)
    np.testing.assert_array_equal(one.images, two.images)
    assert len(one) == 50
    assert (np.diff(one.labels) >= 0).all()
    assert len(subsample(digits.test, 10_000)) == len(digits.test)
