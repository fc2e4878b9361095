import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from glyphvae.models.registry import load_registry
from glyphvae.scheduling.steps import run_now
from glyphvae.settings import Settings
from glyphvae_training.commands import train as module
from glyphvae_training.commands.train import train
from glyphvae_training.fitting import binarised, pen_stages, trainer
from glyphvae_training.fitting.axes import AxesConfig
from glyphvae_training.fitting.binarised import BinarisedConfig
from glyphvae_training.fitting.pen import PenTraining
from glyphvae_training.fitting.pen_stages import PenPreset
from glyphvae_training.fitting.prior import PriorConfig
from glyphvae_training.fitting.runs import load_run
from glyphvae_training.models import decoders, encoders, families
from glyphvae_training.models.vae import VAEConfig
from tests.known_model import write_model
from tests.training.commands.invoke import invoke, output, refusal
from tests.training.examples import few_samples

CPU = ("--accelerator", "cpu", "--threads", 1)


def test_the_choices_are_those_of_the_models() -> None:
    # A pen is trained by its preset alone.
    assert {*get_args(module.ModelKind), "pen"} == set(get_args(families.ModelKind))
    assert set(get_args(module.EncoderName)) == set(get_args(encoders.EncoderName))
    assert set(get_args(module.DecoderName)) == set(get_args(decoders.DecoderName))


def test_one_command_trains_exports_classifies_and_tells_how_to_serve(
    tmp_path: Path, sample_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GLYPHVAE_DEFAULT_MODEL", raising=False)
    monkeypatch.setattr(module, "program", lambda: "glyphvae")
    options = ("--data", sample_folder, *CPU, "--epochs", 1, "--beta", 10, "--seed", 3, "--classifier-images", 512)
    printed = output(train, *options).splitlines()
    assert printed[0] == f"{Path('runs/cvae/model.pt')} is trained."
    assert printed[-1] == "Serve it: glyphvae serve --models models"
    run = load_run(Path("runs/cvae"))
    config = {"latent_size": 6, "label_count": 36, "encoder": "pooling", "decoder": "unpooling"}
    assert run.model.config.to_dict() == config
    assert (run.beta, run.seed, run.epochs) == (10, 3, 1)
    untouched = {name: run.training[name] for name in ("augment", "average", "weight_decay", "kl_warmup", "free_nats")}
    assert set(untouched.values()) == {0}

    registry = load_registry(Settings(models=Path("models"), device="cpu"))
    model = registry.get(None)
    assert model.title == "cvae/1"
    assert (model.manifest.beta, model.manifest.series) == (10, run.series)
    assert model.manifest.classifier is not None
    assert model.encoded is not None
    pixels = run_now(model.decode(np.zeros((1, 6), np.float32), np.array([19])))
    assert pixels.shape == (1, 28, 28)
    labels, _, _ = run_now(model.read(pixels, np.ones((1, 36), bool)))
    assert labels.shape == (1,)

    # Nothing is trained again, and other settings are refused.
    trained = Path("runs/cvae/model.pt").stat().st_mtime_ns
    assert "glyphvae export runs/cvae" in output(train, *options, "--no-export")
    assert Path("runs/cvae/model.pt").stat().st_mtime_ns == trained
    assert "holds a run with training.beta 10.0, not 1.0" in refusal(train, *options, "--beta", 1)


def test_a_model_beside_others_is_served_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "program", lambda: "glyphvae")
    (tmp_path / "my models").mkdir()
    for name in ("other", "mine"):
        write_model(tmp_path / "my models", name)
    expected = f"glyphvae serve --models '{tmp_path / 'my models'}' --default-model mine"
    assert module.serve_command(tmp_path / "my models", "mine") == expected


def test_the_command_is_named_as_it_can_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/glyphvae")
    assert module.program() == "glyphvae"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(sys, "argv", [".venv/bin/glyphvae"])
    assert module.program() == ".venv/bin/glyphvae"
    monkeypatch.setattr(sys, "argv", ["glyphvae/__main__.py"])
    assert module.program() == f"{sys.executable} -m glyphvae"


def test_the_other_processes_of_a_distributed_run_export_nothing(
    tmp_path: Path, sample_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "is_first_process", lambda: False)
    small = ("--encoder", "dense", "--decoder", "dense", "--epochs", 1)
    printed = output(
        train, "vae", "--data", sample_folder, *CPU, *small, "--out", tmp_path / "run", "--models", tmp_path / "models"
    )
    assert printed == ""
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--preset", "vae-binarised", "--beta", 2), "vae-binarised has no such setting"),
        (("vae", "--preset", "cvae"), "cvae is no vae"),
        (("cvae", "--preset", "pen"), "pen is no cvae"),
        *(
            (("--preset", "pen", f"--{name}", value), "pen has no such setting")
            for name, value in {
                "dataset": "mnist",
                "logger": "csv",
                "beta": 2,
                "encoder": "dense",
                "decoder": "dense",
                "epochs": 2,
                "batch-size": 8,
                "latent-size": 4,
            }.items()
        ),
        (("--preset", "pen", "--no-balanced"), "pen has no such setting"),
    ],
)
def test_an_option_that_would_be_ignored_is_refused(arguments: tuple[object, ...], says: str) -> None:
    result = invoke(train, *arguments)
    assert result.exit_code == 2
    assert says in " ".join(result.output.replace("│", " ").split())


def test_train_a_conditional_model_and_resume_it(tmp_path: Path, sample_folder: Path) -> None:
    options = (
        "cvae",
        "--no-export",
        "--data",
        sample_folder,
        "--out",
        tmp_path,
        "--epochs",
        "1",
        "--accelerator",
        "cpu",
    )
    smaller = ("--latent-size", "3", "--encoder", "paper", "--decoder", "dense", "--beta", "2", "--threads", "1")
    printed = output(train, *options, *smaller, "--lr", "1e-3", "--seed", "5", "--batch-size", "128")
    assert f"glyphvae export {tmp_path}" in printed.replace("\n", "")
    run = load_run(tmp_path)
    config = {"latent_size": 3, "label_count": 36, "encoder": "paper", "decoder": "dense"}
    assert run.model.config.to_dict() == config
    assert (run.beta, run.seed, run.epochs) == (2, 5, 1)
    assert run.training["learning_rate"] == 1e-3
    for resume in ((), ("--resume",)):
        (tmp_path / "model.pt").unlink()
        again = invoke(train, *options, *smaller, "--lr", "1e-3", "--seed", "5", "--batch-size", "128", *resume)
        assert (tmp_path / "model.pt").exists()
        assert "training:" not in again.stderr  # its only epoch is in the checkpoint


def test_a_plain_model_learns_mnist_in_its_own_folder(
    tmp_path: Path, sample_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    output(
        train,
        "vae",
        "--no-export",
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


def test_the_preset_of_binarised_digits_is_trained_by_name(
    tmp_path: Path, sample_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = VAEConfig(latent_size=2, encoder="narrow", decoder="dense", couplings=1)
    monkeypatch.setattr(binarised, "MODEL", digits)
    monkeypatch.setattr(binarised, "TRAINING", BinarisedConfig(epochs=1, drawing_epochs=0))
    options = ("--no-export", "--fetch", "--data", sample_folder, *CPU, "--seed", 5, "--latent-size", 3)
    output(train, "--preset", "vae-binarised", *options, "--out", tmp_path)
    run = load_run(tmp_path)
    assert run.model.config == replace(digits, latent_size=3)
    assert run.seed == 5


def test_a_pen_is_trained_by_its_preset(tmp_path: Path, pen_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = PenPreset(
        {"hand_size": 4, "form_size": 2, "strokes": 2, "control_points": 5, "segments": 6, "width": 16},
        PenTraining(steps=2, singles=4, writers=2, glyphs=2),
        PriorConfig(couplings=1, epochs=1, batch_size=512),
        AxesConfig(samples=2),
    )
    monkeypatch.setattr(pen_stages, "PenPreset", lambda: tiny)
    few_samples(monkeypatch)
    models, folder = tmp_path / "models", tmp_path / "run"
    exported = ("--models", models, "--classifier-images", 512)
    options = ("--preset", "pen", "--data", pen_folder, *CPU, *exported, "--seed", 5, "--lr", 1e-3)
    assert "Its sliders: " in output(train, *options, "--out", folder)
    manifest = json.loads((models / "run.json").read_text(encoding="utf-8"))
    assert len(manifest["metrics"]["axes"]) == 6
    assert {"strokes", "classifier"} < set(manifest)
    assert manifest["metrics"]["likeness"]["encoded"]["evidence"] != 0
    run = load_run(folder)
    assert (run.kind, run.seed, len(run.labels)) == ("pen", 5, 126)
    settings = run.training["pen"]
    assert [settings[stage]["seed"] for stage in ("training", "prior")] == [5] * 2
    assert settings["training"]["learning_rate"] == 1e-3
    assert "training.learning_rate 0.001, not 0.002" in refusal(train, *options[:-2], "--out", folder)


def test_missing_data_is_one_line(tmp_path: Path) -> None:
    missing = f"glyphvae: {tmp_path} does not hold the training part of MNIST. It may be any of these"
    assert refusal(train, "cvae", "--data", tmp_path).startswith(missing)


def test_data_that_is_there_is_not_fetched(tmp_path: Path, sample_folder: Path) -> None:
    options = ("--no-export", "--epochs", "1", *CPU, "--encoder", "dense", "--decoder", "dense")
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
    assert "torch is not installed; in a clone `make train` installs what training needs" in result.stderr
    assert "Traceback" not in result.stderr
