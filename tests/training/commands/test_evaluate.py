"""`glyphvae export` and `glyphvae evaluate` on the sample of real characters, with a model that nobody trained."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from glyphvae.models.manifest import read_manifest, read_verified
from glyphvae_training.commands import evaluate as commands
from glyphvae_training.commands.export import export
from glyphvae_training.data.dataset import Dataset, load_mnist
from glyphvae_training.evaluation.model_cards import models_page
from glyphvae_training.export.repository import publish_metrics
from glyphvae_training.fitting.runs import save_run
from glyphvae_training.judges import judge
from tests import known_model
from tests.training.commands.invoke import output, refusal
from tests.training.examples import finished_run

DATA = Path(__file__).parents[2] / "data"
INT8 = {"levels": 0.5, "nats": 0.1}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, sample: Dataset) -> Path:
    folder = tmp_path_factory.mktemp("models")
    run = folder / "runs" / "cvae"
    run.mkdir(parents=True)
    save_run(run, replace(finished_run(), data_sha256=sample.sha256))
    output(export, run, "--to", folder / "exported", "--version", 2, "--replaces", "old", "--data", DATA)
    return folder / "exported"


def evaluate(exported: Path, out: Path, model: str, *more: object) -> str:
    options = ("--exported", exported, "--out", out / model, "--judges", out / "judges", "--data", DATA)
    return output(commands.evaluate, model, *options, "--samples", 12, "--judge-images", 512, "--quick", *more)


def test_the_run_folder_names_the_model(exported: Path) -> None:
    manifest = read_manifest(exported / "cvae.json")
    assert (manifest.name, manifest.version, manifest.replaces) == ("cvae", 2, ("old",))


def test_an_evaluation_by_one_judge_leaves_a_report_and_the_model_as_it_was(
    exported: Path, sample: Dataset, tmp_path: Path
) -> None:
    before = (exported / "cvae.json").read_bytes()
    assert "report.md is written" in evaluate(exported, tmp_path, "cvae", "--judge", "convolutional")
    metrics = json.loads((tmp_path / "cvae" / "metrics.json").read_text())
    assert set(metrics["judges"]) == {"convolutional"}
    assert metrics["judges"]["convolutional"]["samples"]["accuracy"]["n"] == 36 * 12
    assert metrics["protocol"]["held_out_images"] == len(sample.test)
    assert metrics["protocol"]["judge_images"] == 512
    assert 0 <= metrics["coverage"]["value"] <= 1
    assert metrics["features"] == "convolutional"
    assert set(metrics["without_label"]["auroc"]) == {"noise", "shuffled pixels", "photographs"}
    assert set(metrics["importance_weighted"]) == {"draws", "grey"}
    assert "classification accuracy score" in (tmp_path / "cvae" / "report.md").read_text()
    assert sorted(path.name for path in (tmp_path / "cvae").iterdir()) == [
        "metrics.json",
        "reconstructions.png",
        "report.md",
        "samples.png",
    ]
    assert (exported / "cvae.json").read_bytes() == before


def test_writing_puts_the_numbers_of_all_judges_where_they_are_read(exported: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    shutil.copytree(exported, folder)
    docs = tmp_path / "docs"
    docs.mkdir()
    publish_metrics(folder, "cvae", {"int8": INT8, "mse": "old"})
    evaluate(folder, tmp_path, "cvae", "--write", "--docs", docs)
    manifest = read_manifest(folder / "cvae.json")
    measured = json.loads((tmp_path / "cvae" / "metrics.json").read_text())
    assert set(measured["judges"]) == {"convolutional", "dense"}
    assert measured["features"] == "dense"
    assert manifest.metrics == {"int8": INT8} | measured
    assert len(manifest.metrics["axes"]) == manifest.latent_size
    assert read_verified(folder, manifest.encoder)
    assert read_verified(folder, manifest.decoder)
    assert (docs / "models.md").read_text() == models_page(folder)
    assert (docs / "images" / "cvae-samples.png").read_bytes() == (tmp_path / "cvae" / "samples.png").read_bytes()


def test_a_model_without_labels_needs_no_judge(tmp_path: Path) -> None:
    data = load_mnist(DATA)
    facts = {"name": data.name, "sha256": data.sha256, "sources": data.sources}
    known_model.write_model(tmp_path / "exported", "vae", conditional=False, data=facts)
    evaluate(tmp_path / "exported", tmp_path, "vae")
    metrics = json.loads((tmp_path / "vae" / "metrics.json").read_text())
    assert metrics["judges"] == {}
    assert "coverage" not in metrics
    assert set(metrics["importance_weighted"]) == {"draws", "grey", "binarised"}
    assert metrics["protocol"]["held_out_images"] == len(data.test)
    assert not (tmp_path / "judges").exists()


def test_the_command_knows_every_judge() -> None:
    assert commands.JUDGES == judge.JUDGES


def test_what_cannot_be_done_is_said_in_a_line(exported: Path, tmp_path: Path) -> None:
    assert "no such file; has the run finished?" in refusal(export, tmp_path, "--data", DATA)
    assert "models in" in refusal(commands.evaluate, "other", "--exported", exported)
    run = exported.parent / "runs" / "cvae"
    assert "cannot name a model" in refusal(export, run, "--name", "Big", "--data", DATA, "--to", tmp_path)
    manifest = json.loads((exported / "cvae.json").read_text())
    for data, words in (
        (manifest["data"] | {"sha256": "f" * 64}, "was trained on data ffffffffffff, not on those in"),
        (manifest["data"] | {"name": "hiragana"}, "there is no data set 'hiragana'"),
    ):
        (exported / "other-data.json").write_text(json.dumps(manifest | {"data": data}))
        assert words in refusal(commands.evaluate, "other-data", "--exported", exported, "--data", DATA)
    (exported / "other-data.json").unlink()
