import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from PIL import Image

from glyphvae_training.data.dataset import Dataset, Split, pick
from glyphvae_training.errors import RunError
from glyphvae_training.fitting.runs import Run, load_run
from glyphvae_training.fitting.trainer import (
    SAMPLES_PER_LABEL,
    Hardware,
    TrainingConfig,
    fit,
    make_logger,
    read_metrics,
)
from glyphvae_training.models.families import ModelKind

EPOCHS = 3
# As many steps as the whole sample makes in batches of 64.
CONFIG = TrainingConfig(epochs=EPOCHS, batch_size=16, seed=11)
HARDWARE = Hardware(accelerator="cpu", threads=1)
# Batch normalisation on both sides: its running statistics have to survive a stop as well.
MODEL = {"encoder": "paper", "decoder": "conv"}


class StopAt(Callback):
    """Stops a run the way a person does, with Ctrl-C."""

    def __init__(self, epoch: int, batch: int) -> None:
        self._where = (epoch, batch)

    def on_train_batch_start(self, trainer: lightning.Trainer, *rest: object) -> None:
        if (trainer.current_epoch, rest[-1]) == self._where:
            raise KeyboardInterrupt


def train(data: Dataset, folder: Path, *, resume: bool = False, stop: StopAt | None = None, **other: Any) -> Run:  # noqa: ANN401 (passed on)
    arguments: dict[str, Any] = {"kind": "cvae", "model_config": MODEL, "config": CONFIG, "hardware": HARDWARE} | other
    return fit(data=data, folder=folder, resume=resume, callbacks=[stop] if stop else [], **arguments)


def stopped(data: Dataset, folder: Path, stop: StopAt) -> None:
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train(data, folder, stop=stop)


def weights(folder: Path) -> Mapping[str, torch.Tensor]:
    return load_run(folder).model.state_dict()


@pytest.fixture(scope="module")
def quarter(sample: Dataset) -> Dataset:
    """Every fourth character of the sample."""
    train, validation, test = (
        pick(part, np.arange(0, len(part), 4)) for part in (sample.train, sample.validation, sample.test)
    )
    return replace(sample, train=train, validation=validation, test=test)


@pytest.fixture(scope="module")
def finished(quarter: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was never stopped."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    train(quarter, folder)
    return folder


def test_a_run_leaves_its_configuration(finished: Path, quarter: Dataset) -> None:
    facts = json.loads((finished / "config.json").read_text())
    assert facts["kind"] == "cvae"
    config = {"latent_size": 6, "label_count": 36, "encoder": "paper", "decoder": "conv"}
    assert facts["config"] == config
    assert facts["seed"] == 11
    assert facts["beta"] == 1
    assert facts["data_sha256"] == quarter.sha256
    assert facts["sources"] == list(quarter.sources)
    assert facts["training"]["batch_size"] == 16


def test_a_run_leaves_a_row_of_metrics_an_epoch(finished: Path) -> None:
    rows = read_metrics(finished / "metrics.csv")
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    for row in rows:
        for split in ("train", "validation"):
            bound = float(row[f"{split}/reconstruction"]) + float(row[f"{split}/kl"])
            assert float(row[f"{split}/negative_elbo"]) == pytest.approx(bound, rel=1e-4)
        units = sum(float(row[f"validation/kl_{unit}"]) for unit in range(6))
        assert units == pytest.approx(float(row["validation/kl"]), rel=1e-4)
        assert 0 < float(row["validation/mse"]) < 0.5


def test_progress_is_of_the_whole_training(quarter: Dataset, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    folder, stop = tmp_path / "run", StopAt(1, 1)

    def report(done: int, total: int) -> None:
        told.append((done, total))

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train(quarter, folder, stop=stop, progress=report)
    train(quarter, folder, resume=True, progress=report)
    steps = EPOCHS * (len(quarter.train) // CONFIG.batch_size)
    assert {total for _, total in told} == {steps}
    # What was done after the last checkpoint is done again.
    assert [done for done, _ in told] == [*range(1, steps // EPOCHS + 2), *range(steps // EPOCHS + 1, steps + 1)]


def test_it_learns(finished: Path) -> None:
    rows = read_metrics(finished / "metrics.csv")
    untrained = 784 * math.log(2)
    assert float(rows[-1]["train/negative_elbo"]) < float(rows[0]["train/negative_elbo"]) < untrained * 1.1
    assert float(rows[-1]["train/negative_elbo"]) < 0.75 * untrained


def test_a_run_leaves_a_picture_of_samples_an_epoch(finished: Path) -> None:
    names = sorted(path.name for path in (finished / "samples").iterdir())
    assert names == ["epoch-001.png", "epoch-002.png", "epoch-003.png"]
    with Image.open(finished / "samples" / names[0]) as grid:
        assert grid.size == (28 * SAMPLES_PER_LABEL, 28 * 36)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    finished: Path, quarter: Dataset, tmp_path: Path
) -> None:
    train(quarter, tmp_path / "again")
    for name, tensor in weights(tmp_path / "again").items():
        assert torch.equal(tensor, weights(finished)[name])
    train(quarter, tmp_path / "other", config=TrainingConfig(epochs=1, batch_size=16, seed=12))
    assert not torch.equal(weights(tmp_path / "other")["encoder.last.weight"], weights(finished)["encoder.last.weight"])


@pytest.mark.parametrize(("epoch", "batch"), [(1, 0), (1, 9), (2, 16)])
def test_a_run_stopped_and_resumed_equals_one_that_was_not(
    finished: Path, quarter: Dataset, tmp_path: Path, epoch: int, batch: int
) -> None:
    stopped(quarter, tmp_path / "run", StopAt(epoch, batch))
    assert not (tmp_path / "run" / "model.pt").exists()
    train(quarter, tmp_path / "run", resume=True)
    resumed, whole = weights(tmp_path / "run"), weights(finished)
    assert resumed.keys() == whole.keys()
    for name, tensor in resumed.items():
        assert torch.equal(tensor, whole[name]), name
    assert (tmp_path / "run" / "metrics.csv").read_text() == (finished / "metrics.csv").read_text()


def test_averaging_swaying_and_a_rising_kl_survive_a_stop(digits: Dataset, tmp_path: Path) -> None:
    more = TrainingConfig(epochs=2, batch_size=64, augment=0.5, average=0.9, weight_decay=0.01, kl_warmup=0.5)
    settings: dict[str, Any] = {
        "model_config": {"encoder": "narrow", "decoder": "dense"},
        "config": more,
        "kind": "vae",
    }
    train(digits, tmp_path / "whole", **settings)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train(digits, tmp_path / "run", stop=StopAt(1, 2), **settings)
    train(digits, tmp_path / "run", resume=True, **settings)
    resumed, whole = weights(tmp_path / "run"), weights(tmp_path / "whole")
    for name, tensor in resumed.items():
        assert torch.equal(tensor, whole[name]), name
    # The mean of the weights is what is kept.
    state = torch.load(tmp_path / "whole" / "checkpoints" / "last.ckpt", weights_only=True)
    assert not torch.equal(state["current_model_state"]["model.encoder.last.weight"], whole["encoder.last.weight"])


def test_training_leaves_the_callers_random_state_alone(digits: Dataset, tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    short = TrainingConfig(epochs=1, batch_size=256)
    train(digits, tmp_path, kind="vae", model_config={"encoder": "dense", "decoder": "dense"}, config=short)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(("kind", "latent_size"), [("vae", 2), ("cvae", 6)])
def test_both_kinds_train_without_balance_and_in_half_precision(
    digits: Dataset, tmp_path: Path, kind: ModelKind, latent_size: int
) -> None:
    run = train(
        digits,
        tmp_path,
        kind=kind,
        model_config={"encoder": "dense", "decoder": "upsample"},
        config=TrainingConfig(epochs=1, batch_size=120, beta=4, balanced=False),
        hardware=Hardware(accelerator="cpu", threads=1, precision="bf16-mixed"),
    )
    assert run.kind == kind
    assert run.beta == 4
    assert run.model.config.latent_size == latent_size
    assert all(tensor.dtype == torch.float32 for tensor in run.model.parameters())
    assert math.isfinite(float(read_metrics(tmp_path / "metrics.csv")[0]["validation/negative_elbo"]))


def test_beta_weighs_the_kl(digits: Dataset, tmp_path: Path) -> None:
    def last_kl(beta: float) -> float:
        folder = tmp_path / str(beta)
        config = TrainingConfig(epochs=4, batch_size=40, beta=beta, warmup=0)
        train(digits, folder, model_config={"encoder": "dense", "decoder": "dense"}, config=config)
        return float(read_metrics(folder / "metrics.csv")[-1]["validation/kl"])

    weak, strong = last_kl(0.1), last_kl(100)
    assert strong < 0.1
    assert weak > 1


def test_a_folder_with_a_run_is_not_overwritten(finished: Path, quarter: Dataset) -> None:
    before = (finished / "model.pt").read_bytes()
    with pytest.raises(RunError, match="holds a run already; resume it, or choose another folder"):
        train(quarter, finished)
    assert (finished / "model.pt").read_bytes() == before


def test_nothing_to_resume(quarter: Dataset, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"last\.ckpt: no such file, so there is nothing to resume"):
        train(quarter, tmp_path / "none", resume=True)
    assert not (tmp_path / "none").exists()


def test_another_configuration_is_not_resumed(finished: Path, quarter: Dataset, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run")
    with pytest.raises(RunError, match=r"config\.json differs from this configuration"):
        train(quarter, tmp_path / "run", resume=True, config=TrainingConfig(epochs=EPOCHS, batch_size=16, seed=12))


def test_fewer_images_than_a_batch(quarter: Dataset, tmp_path: Path) -> None:
    few = Split(quarter.train.images[:5], quarter.train.labels[:5])
    data = Dataset("few", quarter.labels, few, few, few, "0" * 64, ())
    with pytest.raises(RunError, match="a batch of 16 images is more than the 5 there are"):
        train(data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_logger_of_lightnings_gets_every_epoch_too(digits: Dataset, tmp_path: Path) -> None:
    train(digits, tmp_path / "run", loggers=[make_logger("csv", tmp_path / "run")])
    (log,) = (tmp_path / "run" / "csv").rglob("metrics.csv")
    assert "validation/negative_elbo" in log.read_text(encoding="utf-8").splitlines()[0]


def test_a_gpu_that_is_not_there_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    with pytest.raises(RunError, match="--accelerator gpu: PyTorch finds no GPU here"):
        Hardware(accelerator="gpu")
    assert Hardware(accelerator="auto").accelerator == "auto"
