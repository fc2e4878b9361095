import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glyphvae_training.commands.study import study
from glyphvae_training.evaluation.report import COLUMNS
from glyphvae_training.fitting.trainer import TrainingConfig
from glyphvae_training.study import plan
from glyphvae_training.study.plan import BETAS, Schedule, plans
from tests.training.commands.invoke import output

PICTURES = (
    "gap",
    "ring",
    "figure-1",
    "figure-2",
    "figure-2-moments",
    "figure-3",
    "figure-3-manifold",
    "figure-3-samples",
    "figure-4",
    "figure-4-styles",
    "figure-5",
    "figure-5-rate-distortion",
    "figure-6",
)
TABLES = (
    "equations-gaps",
    "equations-gradients",
    "equations-disagreement",
    "epochs-epochs",
    "latent-size-models",
    "traversal-latents",
    "beta-models",
    "beta-checks",
)
# As `--quick`, but smaller still, its conditional models too.
DENSE = replace(plan.PAPER, model=plan.PAPER.model | {"encoder": "dense", "decoder": "dense"})
TINY = Schedule(2, 1, 1, 64, TrainingConfig(epochs=6, batch_size=32), 60, 2, 512)
HARDWARE = ("--accelerator", "cpu", "--threads", 1)


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Iterator[None]:
    """`--quick` means the tiny schedule."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "QUICK", TINY)
        patch.setattr(plan, "PAPER", DENSE)
        yield


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, sample_folder: Path) -> Path:
    """A whole study."""
    folder = tmp_path_factory.mktemp("study")
    printed = output(study, "all", "--quick", "--data", sample_folder, "--out", folder, *HARDWARE)
    assert "paper.md is written" in printed.replace("\n", "")
    return folder


def test_every_model_is_trained(out: Path) -> None:
    for planned in plans(TINY):
        assert (out / "runs" / planned.name / "model.pt").is_file()


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_png_and_svg(out: Path, name: str) -> None:
    folder = out / "docs" / "images" / "paper"
    with Image.open(folder / f"{name}.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 1
    assert "<svg" in (folder / f"{name}.svg").read_text(encoding="utf-8")


def test_the_animation_has_a_frame_for_every_epoch(out: Path) -> None:
    with Image.open(out / "docs" / "images" / "paper" / "figure-2.webp") as animation:
        assert animation.n_frames == TINY.epochs + 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", TABLES)
def test_every_number_is_csv_and_json(out: Path, name: str) -> None:
    experiment, table = name.rsplit("-", 1)
    rows = json.loads((out / "docs" / "paper" / f"{experiment}.json").read_text(encoding="utf-8"))[table]
    with (out / "docs" / "paper" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        stored = list(csv.DictReader(file))
    assert len(stored) == len(rows) > 0
    first = next(iter(rows[0]))
    assert [line[first] for line in stored] == [str(row[first]) for row in rows]


def test_the_page_shows_what_was_made(out: Path) -> None:
    page = (out / "docs" / "paper.md").read_text(encoding="utf-8")
    assert all(f"(images/paper/{name}.png)" in page and f"(images/paper/{name}.svg)" in page for name in PICTURES)
    assert all(f"`{planned.name}`" in page for planned in plans(TINY))


def test_the_gap_is_the_difference_of_evidence_and_bound(out: Path) -> None:
    measured = json.loads((out / "docs" / "paper" / "equations.json").read_text(encoding="utf-8"))
    assert [row["label"] for row in measured["gaps"]] == list(range(10))
    for row in measured["gaps"]:
        assert row["gap"] >= 0
        assert abs(row["left_over"]) <= 4 * row["elbo_error"] + row["quadrature_error"]
    assert 0 <= measured["aggregate_kl"] <= measured["mean_kl"]
    for row in measured["gradients"]:
        assert row["reparameterised"] < row["score function"]


def test_small_models_obey_what_does_not_need_long_training(out: Path) -> None:
    rows = json.loads((out / "docs" / "paper" / "beta.json").read_text(encoding="utf-8"))["models"]
    assert [row["beta"] for row in rows] == list(BETAS)
    rates = [row["rate"] for row in rows]
    assert rates[0] > rates[4] > rates[-1]
    assert rows[-1]["active_units"] == 0
    assert max(rows[-1]["kl_per_unit"]) < 0.01
    assert 0.97 < min(rows[-1]["mean_variance_per_unit"]) < max(rows[-1]["mean_variance_per_unit"]) < 1.03


def test_a_finished_study_is_exported_and_not_trained_again(out: Path, sample_folder: Path) -> None:
    weights = {path: path.stat().st_mtime_ns for path in out.glob("runs/*/model.pt")}
    output(study, "traversal", "--quick", "--export", "--data", sample_folder, "--out", out, *HARDWARE)
    assert {path: path.stat().st_mtime_ns for path in out.glob("runs/*/model.pt")} == weights
    metrics = json.loads((out / "exported" / "cvae.json").read_text(encoding="utf-8"))["metrics"]
    assert metrics["beta_norm"] == 6 / 784
    assert metrics["epochs"] == TINY.cvae.epochs
    assert len(metrics["mean_variance_per_unit"]) == len(metrics["axes"]) == 6
    assert metrics["label_accuracy"]["accuracy"]["n"] == 36 * COLUMNS
    assert "## `cvae`" in (out / "docs" / "models.md").read_text(encoding="utf-8")
    assert (out / "docs" / "images" / "cvae-samples.png").is_file()
