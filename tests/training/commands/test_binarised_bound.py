import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from glyphvae_training.commands.binarised_bound import measure
from glyphvae_training.evaluation.report import likelihood_row
from glyphvae_training.export.graphs import PARTS, to_onnx
from glyphvae_training.export.repository import publish
from glyphvae_training.fitting.runs import Run, save_run
from glyphvae_training.models.vae import VAE, VAEConfig
from tests.training.commands.invoke import output, refusal
from tests.training.examples import FACTS, finished_run

FEW = ("--few", 1, "--many", 4, "--images", 2)


@pytest.fixture
def run() -> Run:
    """An untrained model with a flow."""
    config = VAEConfig(latent_size=3, encoder="narrow", decoder="dense", couplings=2)
    return replace(finished_run("vae"), model=VAE(config).eval())


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    save_run(tmp_path / "run", run)
    return tmp_path / "run"


def test_the_numbers_are_printed_and_go_into_the_manifest(
    run: Run, folder: Path, tmp_path: Path, sample_folder: Path
) -> None:
    facts = replace(FACTS, name="vae-binarised", kind="vae", labels=(), latent_size=3, metrics={"mse": 1})
    publish(tmp_path, facts, {part: to_onnx(run.model, part) for part in PARTS})
    options = ("--data", sample_folder, "--exported", tmp_path, *FEW, "--seed", 3)
    found = json.loads(output(measure, folder, *options))
    assert json.loads((tmp_path / "vae-binarised.json").read_text())["metrics"] == {"mse": 1, "likelihood": found}
    assert f"{found['value']:.2f} (" in likelihood_row(found)[2]
    assert "does not exist" in refusal(measure, folder, *options, "--name", "other")


def test_without_a_repository_they_are_printed_alone(folder: Path, sample_folder: Path) -> None:
    assert json.loads(output(measure, folder, "--data", sample_folder, *FEW))["draws"] == 4


def test_it_is_a_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delitem(sys.modules, measure.__module__)
    monkeypatch.setattr(sys, "argv", ["binarised_bound", "--help"])
    with pytest.raises(SystemExit):
        runpy.run_module(measure.__module__, run_name="__main__")
    assert "likelihood" in capsys.readouterr().out
