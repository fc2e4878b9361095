from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch

from glyphvae_training.commands import train
from glyphvae_training.data.dataset import Dataset, load_byclass
from glyphvae_training.errors import RunError
from glyphvae_training.fitting.axes import AxesConfig
from glyphvae_training.fitting.posterior import PosteriorConfig
from glyphvae_training.fitting.prior import PriorConfig
from glyphvae_training.fitting.refine import CHECKPOINT, RefineConfig
from glyphvae_training.fitting.runs import load_run
from glyphvae_training.fitting.stages import PRESETS, Preset, train_preset, with_seed
from glyphvae_training.fitting.trainer import Hardware, TrainingConfig

TINY = Preset(
    {"latent_size": 4, "label_count": 36, "encoder": "narrow", "decoder": "dense"},
    TrainingConfig(epochs=1, batch_size=64),
    PriorConfig(couplings=1, epochs=1),
    RefineConfig(steps=2, batch_size=16, train_prior=False),
    PosteriorConfig(epochs=1, batch_size=64),
    axes=AxesConfig(samples=10),
)
HARDWARE = Hardware(accelerator="cpu", threads=1)


def test_every_stage_leaves_a_run_and_is_not_trained_twice(
    sample: Dataset, sample_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    stages: list[str] = []

    def train(*, resume: bool = False) -> None:
        train_preset(
            TINY,
            sample,
            sample_folder,
            folder,
            HARDWARE,
            resume=resume,
            reader_images=512,
            progress=lambda stage, _done, _total: stages.append(stage),
        )

    train()
    assert list(dict.fromkeys(stages)) == ["autoencoder", "prior", "reader", "refinement", "posterior"]
    run = load_run(folder)
    assert run.training["refinement"]["steps"] == 2
    assert run.training["prior"]["couplings"] == 1
    assert run.training["axes"]["samples"] == 10
    assert run.model.config.couplings == 1
    prior, refined = load_run(folder / "prior").model.state_dict(), run.model.state_dict()
    for name, tensor in refined.items():
        changed = (
            name.startswith(("decoder", "encoder")) or name == "flow.couplings.0.rotation"
        )  # the last turns the axes
        assert torch.equal(tensor, prior[name]) != changed, name
    assert not (folder / CHECKPOINT).exists()
    with pytest.raises(RunError, match="holds a run already"):
        train()
    stages.clear()
    train(resume=True)
    assert stages == []
    (folder / "model.pt").unlink()
    train(resume=True)
    assert set(stages) == {"refinement", "posterior"}
    again = load_run(folder)
    for name, tensor in run.model.state_dict().items():
        # Some processors round differently by where in memory an array lies.
        torch.testing.assert_close(tensor, again.model.state_dict()[name], rtol=0, atol=2e-4)


def test_small_letters_have_a_reader_that_knows_them(sample_folder: Path, tmp_path: Path) -> None:
    preset = replace(TINY, model=TINY.model | {"label_count": 62}, dataset="byclass")
    data = load_byclass(sample_folder)
    run = train_preset(preset, data, sample_folder, tmp_path / "run", HARDWARE, reader_images=512)
    assert run.labels == data.labels
    assert "refinement" in run.training


def test_presets_can_be_named_on_the_command_line() -> None:
    assert set(get_args(train.StagedName)) == set(PRESETS)
    assert set(get_args(train.PresetName)) == {*PRESETS, "cvae", "pen", "vae-binarised"}


def test_a_seed_is_that_of_every_stage() -> None:
    seeded = with_seed(TINY, 7)
    stages = (seeded.training, seeded.prior, seeded.refinement, seeded.posterior, seeded.axes)
    assert [stage.seed for stage in stages] == [7] * 5
    assert with_seed(seeded, 0) == TINY


def test_presets_differ_from_a_plain_model_by_their_prior() -> None:
    for preset in PRESETS.values():
        assert preset.prior.couplings
        assert "couplings" not in preset.model
