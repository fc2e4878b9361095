from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from glyphvae_training.data.alphabet import ALPHABET, CHARACTERS, INDEX
from glyphvae_training.data.dataset import Dataset, Split, load_byclass
from glyphvae_training.data.pen import load_pen
from glyphvae_training.data.single_strokes import load_templates
from glyphvae_training.fitting.axes import AxesConfig
from glyphvae_training.fitting.pen import PenTraining, last_losses
from glyphvae_training.fitting.pen_stages import PRIORS, STROKES, PenPreset, begun, dotted_only, train_pen_preset
from glyphvae_training.fitting.prior import PriorConfig
from glyphvae_training.fitting.runs import Run, load_run
from glyphvae_training.fitting.trainer import Hardware
from glyphvae_training.models.pen import Pen
from tests.training.examples import few_samples

TINY = PenPreset(
    {"hand_size": 4, "form_size": 3, "strokes": 3, "control_points": 5, "segments": 6, "width": 16},
    PenTraining(steps=3, singles=6, writers=2, glyphs=2),
    PriorConfig(couplings=1, epochs=1, batch_size=512),
    AxesConfig(samples=2),
)


# Of a table for 3 strokes: where strokes of characters are, and all but the presence of marks.
PARTS = (slice(CHARACTERS), slice(-5)), (slice(CHARACTERS, None), slice(-8))


class StoppedError(Exception):
    """Raised where a training is stopped."""


@pytest.fixture(scope="module")
def data(pen_folder: Path) -> Dataset:
    return load_pen(pen_folder)


@pytest.fixture(autouse=True)
def _few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    few_samples(monkeypatch)


def train(data: Dataset, sources: Path, folder: Path, stop: str = "") -> tuple[Run, list[str]]:
    """Train; returns the run and the stages that took steps, in order."""
    stages: list[str] = []

    def progress(stage: str, _done: int, _total: int) -> None:
        if stage == stop:
            raise StoppedError
        stages.append(stage)

    run = train_pen_preset(TINY, data, sources, folder, Hardware(threads=1), progress=progress)
    return run, list(dict.fromkeys(stages))


def test_strokes_then_priors(data: Dataset, pen_folder: Path, tmp_path: Path) -> None:
    run, stages = train(data, pen_folder, tmp_path)
    assert stages == [STROKES, "prior of forms", "prior of hands"]
    assert isinstance(run.model, Pen)
    config = TINY.model | {"label_count": 126, "blocks": 2, "couplings": 1}
    assert run.model.config.to_dict() == config
    assert run.labels == ALPHABET
    assert (run.data_sha256, run.sources) == (data.sha256, data.sources)
    losses = last_losses(tmp_path / STROKES)
    assert run.training == {"pen": asdict(TINY), "losses": losses, "axes": asdict(TINY.axes)}
    assert losses["step"] == TINY.training.steps
    assert losses["held_out/mse"] > 0
    assert (run.beta, run.seed) == (1.0, 0)
    # Three batches of six are less than an epoch.
    assert run.epochs == 1 < len(load_byclass(pen_folder).train) / 18
    # Each stage keeps what the ones before it learned.
    state = run.model.state_dict()
    for stage in (STROKES, PRIORS):
        earlier = load_run(tmp_path / stage).model.state_dict()
        changed = [name for name, value in earlier.items() if not torch.equal(value, state[name])]
        offsets, table, thickness = "hand_offset", "decoder.last.table.weight", "decoder.thickness.weight"
        sliders = [] if stage == STROKES else ["hand_flow.couplings.0.rotation", "form_flow.log_scale.weight"]
        assert changed == [offsets, table, thickness, *sliders]
        # Of characters the softness and the proportions, of marks the presence.
        characters, marks = ([states[table][part] for states in (earlier, state)] for part in PARTS)
        assert torch.equal(*characters)
        assert torch.equal(*marks)
    assert "held_out/mse" in (tmp_path / STROKES / "metrics.csv").read_text(encoding="utf-8")


def test_a_training_that_was_stopped_goes_on_where_it_was(data: Dataset, pen_folder: Path, tmp_path: Path) -> None:
    whole, _ = train(data, pen_folder, tmp_path / "whole")
    with pytest.raises(StoppedError):
        train(data, pen_folder, tmp_path / "parts", "prior of forms")
    run, stages = train(data, pen_folder, tmp_path / "parts")
    assert stages == ["prior of forms", "prior of hands"]
    assert run.to_dict() == whole.to_dict()
    for name, value in whole.model.state_dict().items():
        # Some processors round differently by where in memory an array lies.
        torch.testing.assert_close(run.model.state_dict()[name], value, rtol=0, atol=2e-4)
    assert train(data, pen_folder, tmp_path / "parts")[1] == []


def test_strokes_begin_at_the_single_stroke_fonts(pen_folder: Path) -> None:
    templates = load_templates(pen_folder, 3, 5)
    model = begun(TINY, templates)
    label = torch.tensor([INDEX[character] for character in "Hi?"])
    with torch.no_grad():
        model.decoder.last.linear.weight.zero_()  # what it knows of latents
        writing = model.write(torch.zeros(3, 7), label)
    torch.testing.assert_close(writing.control, torch.from_numpy(templates.control)[label])
    assert torch.equal(writing.presence > 0.5, torch.from_numpy(templates.present)[label])


def test_the_seed_decides_the_weights(pen_folder: Path) -> None:
    other = replace(TINY, training=replace(TINY.training, seed=1))
    templates = load_templates(pen_folder, 3, 5)
    models = [begun(preset, templates).encoder.hidden.linear.weight for preset in (TINY, TINY, other)]
    assert torch.equal(models[0], models[1])
    assert not torch.equal(models[0], models[2])


def test_letters_that_lack_their_dot_are_left_out() -> None:
    dotted, undotted = np.zeros((2, 28, 28), np.uint8)
    dotted[10:24, 13:15] = undotted[10:24, 13:15] = 255
    dotted[4:7, 13:15] = 255
    i, j, one = (INDEX[character] for character in "ij1")
    split = Split(np.stack([dotted, undotted, undotted, dotted, undotted]), np.array([i, i, one, j, j], np.int64))
    found = dotted_only(split)
    assert found.labels.tolist() == [i, one, j]
    assert np.array_equal(found.images, split.images[[0, 2, 3]])
