import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from glyphvae_training.commands import train as module
from glyphvae_training.commands.train import train
from glyphvae_training.fitting import binarised, stages
from glyphvae_training.fitting.axes import AxesConfig
from glyphvae_training.fitting.binarised import BinarisedConfig
from glyphvae_training.fitting.posterior import PosteriorConfig
from glyphvae_training.fitting.prior import PriorConfig
from glyphvae_training.fitting.refine import RefineConfig
from glyphvae_training.fitting.runs import load_run
from glyphvae_training.fitting.trainer import TrainingConfig
from glyphvae_training.judges.judge import Judge
from glyphvae_training.judges.judge_data import JudgeData
from glyphvae_training.judges.judge_training import stored_judge
from glyphvae_training.models import decoders, encoders, families
from glyphvae_training.models.vae import VAEConfig
from tests.training.commands.invoke import output, refusal
from tests.training.examples import LABELS


def test_the_choices_are_those_of_the_models() -> None:
    assert set(get_args(module.ModelKind)) == set(get_args(families.ModelKind))
    assert set(get_args(module.EncoderName)) == set(get_args(encoders.EncoderName))
    assert set(get_args(module.DecoderName)) == set(get_args(decoders.DecoderName))


def test_train_a_conditional_model_and_resume_it(tmp_path: Path, sample_folder: Path) -> None:
    options = ("cvae", "--data", sample_folder, "--out", tmp_path, "--epochs", "1", "--accelerator", "cpu")
    smaller = ("--latent-size", "3", "--encoder", "paper", "--decoder", "dense", "--beta", "2", "--threads", "1")
    printed = output(train, *options, *smaller, "--lr", "1e-3", "--seed", "5", "--batch-size", "128")
    assert f"glyphvae export {tmp_path}" in printed.replace("\n", "")
    run = load_run(tmp_path)
    config = {"latent_size": 3, "label_count": 36, "encoder": "paper", "decoder": "dense"}
    assert run.model.config.to_dict() == config | {"couplings": 0, "variance": "latents"}
    assert (run.beta, run.seed, run.epochs) == (2, 5, 1)
    assert run.training["learning_rate"] == 1e-3
    (tmp_path / "model.pt").unlink()
    output(train, *options, *smaller, "--lr", "1e-3", "--seed", "5", "--batch-size", "128", "--resume")
    assert (tmp_path / "model.pt").exists()


def test_a_plain_model_learns_mnist_in_its_own_folder(
    tmp_path: Path, sample_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    output(
        train,
        "vae",
        "--data",
        sample_folder,
        "--epochs",
        "1",
        "--no-balanced",
        "--accelerator",
        "cpu",
        "--threads",
        "1",
    )
    run = load_run(tmp_path / "runs" / "vae")
    assert run.labels == tuple("0123456789")
    assert run.model.config.to_dict() == {"latent_size": 2, "encoder": "paper", "decoder": "conv", "couplings": 0}
    assert run.training["balanced"] is False


def test_presets_are_trained_by_name(tmp_path: Path, sample_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = {"latent_size": 4, "label_count": 62, "encoder": "narrow", "decoder": "dense"}
    prior, refinement = PriorConfig(couplings=1, epochs=1), RefineConfig(steps=1, batch_size=16)
    short = PosteriorConfig(epochs=1)
    tiny = stages.Preset(
        model, TrainingConfig(epochs=1), prior, refinement, short, "32-true", "byclass", AxesConfig(10)
    )
    monkeypatch.setitem(stages.PRESETS, "cvae-62", tiny)

    def quick(data: JudgeData, architecture: str, folder: Path, **options: Any) -> Judge:  # noqa: ANN401 (passed on)
        return stored_judge(data, architecture, folder, **options | {"images": 512})

    monkeypatch.setattr(stages, "stored_judge", quick)
    digits = VAEConfig(latent_size=2, encoder="narrow", decoder="dense", couplings=1)
    monkeypatch.setattr(binarised, "MODEL", digits)
    monkeypatch.setattr(binarised, "TRAINING", BinarisedConfig(epochs=1, drawing_epochs=0))
    options = ("--fetch", "--data", sample_folder, "--accelerator", "cpu", "--threads", "1")
    output(train, "--preset", "cvae-62", *options, "--out", tmp_path / "cvae-62")
    assert load_run(tmp_path / "cvae-62").labels == (*LABELS, *"abcdefghijklmnopqrstuvwxyz")
    output(train, "--preset", "vae-binarised", *options, "--out", tmp_path / "vae-binarised")
    assert load_run(tmp_path / "vae-binarised").model.config == digits


def test_missing_data_is_one_line(tmp_path: Path) -> None:
    missing = f"glyphvae: train-images-idx3-ubyte.gz is not in {tmp_path}: put it there, or add"
    assert refusal(train, "cvae", "--data", tmp_path).startswith(missing)


def test_data_that_is_there_is_not_fetched(tmp_path: Path, sample_folder: Path) -> None:
    options = ("--epochs", "1", "--accelerator", "cpu", "--threads", "1", "--encoder", "dense", "--decoder", "dense")
    output(train, "cvae", "--fetch", "--dataset", "mnist", "--data", sample_folder, "--out", tmp_path, *options)
    assert len(load_run(tmp_path).labels) == 10


def test_the_commands_need_pytorch_only_when_they_run() -> None:
    """Without its libraries, the command line still loads and the command says what to install."""
    script = (
        "import sys\n"
        "sys.modules['torch'] = sys.modules['lightning'] = None\n"
        "import glyphvae_training.commands.train\n"
        "glyphvae_training.commands.train.train('cvae')\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "pip install glyphvae-training" in result.stderr
    assert "Traceback" not in result.stderr
