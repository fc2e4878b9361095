"""Two processes train what one process trains: the command, on the CPU, over gloo."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from glyphvae_training.data.dataset import Dataset
from glyphvae_training.fitting.runs import load_run
from glyphvae_training.fitting.trainer import Hardware, TrainingConfig, fit, read_metrics

ROOT = Path(__file__).parents[2]
# The shipped sample's validation split leaves an odd rest, so that in the last batch one process has a row less.
CONFIG = TrainingConfig(epochs=2, batch_size=128, seed=3)
MODEL = {"encoder": "dense", "decoder": "dense"}
FLAGS = "--data tests/data --epochs 2 --batch-size 128 --seed 3 --encoder dense --decoder dense"
HARDWARE = "--accelerator cpu --threads 1 --devices 2 --strategy ddp"


def train_in_two_processes(folder: Path, cache: Path) -> None:
    command = [sys.executable, "-m", "glyphvae", "train", "vae", "--no-export", "--out", str(folder)]
    # Both are on this machine, whatever it is called.
    environment = os.environ | {"MASTER_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo", "GLYPHVAE_CACHE": str(cache)}
    options = [*FLAGS.split(), *HARDWARE.split()]
    finished = subprocess.run(
        [*command, *options], check=False, capture_output=True, text=True, cwd=ROOT, env=environment
    )
    assert finished.returncode == 0, finished.stderr


def curve(folder: Path) -> list[dict[str, float]]:
    return [{name: float(value) for name, value in row.items()} for row in read_metrics(folder / "metrics.csv")]


@pytest.mark.skipif(sys.platform != "linux", reason="the loopback has another name elsewhere")
def test_two_processes_have_the_loss_curve_of_one(digits: Dataset, cache: Path, tmp_path: Path) -> None:
    fit("vae", MODEL, digits, tmp_path / "one", CONFIG, Hardware(accelerator="cpu", threads=1))
    train_in_two_processes(tmp_path / "two", cache)
    one, two = curve(tmp_path / "one"), curve(tmp_path / "two")
    assert len(one) == len(two) == 2
    for alone, together in zip(one, two, strict=True):
        # The same batches and the same noise: the curves part only by the order in which gradients are added up.
        assert together == pytest.approx(alone, rel=1e-3, abs=1e-3)
    assert two[1]["train/loss"] < two[0]["train/loss"]
    assert load_run(tmp_path / "two").to_dict() == load_run(tmp_path / "one").to_dict()
