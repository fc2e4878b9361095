import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from glyphvae_training.errors import RunError
from glyphvae_training.fitting.prior import PriorConfig, fit_prior
from glyphvae_training.fitting.refine import CHECKPOINT, RefineConfig, Refinement, groups, refine
from glyphvae_training.fitting.runs import Run
from glyphvae_training.judges.judge import Judge, reader
from glyphvae_training.models.cvae import CVAE
from tests.training.examples import LABELS, data_set, finished_run

CONFIG = RefineConfig(steps=6, batch_size=16, average=0.5)


@pytest.fixture
def run() -> Run:
    return fit_prior(finished_run(), data_set(), PriorConfig(couplings=2, epochs=1, batch_size=16))


@pytest.fixture
def judge() -> Judge:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Judge("reader", LABELS, reader(len(LABELS)))


def test_refinement_moves_decoder_and_flow_and_leaves_the_encoder(run: Run, judge: Judge, tmp_path: Path) -> None:
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    calls: list[tuple[int, int]] = []
    refined = refine(run, data_set(), judge, tmp_path, CONFIG, progress=lambda *step: calls.append(step))
    assert calls == [(step, 6) for step in range(1, 7)]
    assert refined.training["refinement"]["steps"] == 6
    for name, tensor in refined.model.state_dict().items():
        kept = name.startswith("encoder") or name.endswith("rotation")
        assert torch.equal(tensor, before[name]) == kept, name


def test_the_prior_is_widened_about_the_mean_of_each_label(run: Run, judge: Judge, tmp_path: Path) -> None:
    start = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    u, label = torch.randn(36, 6, generator=torch.Generator().manual_seed(0)), torch.arange(36)
    drawn = []
    for factor in (1.0, 2.0):
        run.model.load_state_dict(start)
        model = refine(run, data_set(), judge, tmp_path, replace(CONFIG, steps=1, widen=factor)).model
        assert isinstance(model, CVAE)
        assert model.flow is not None
        with torch.inference_mode():
            drawn.append(model.flow(u, label) - model.flow.shift(label))
    torch.testing.assert_close(drawn[1], 2 * drawn[0])


def test_only_labels_that_are_read_well_may_be_widened(
    run: Run, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glyphvae_training.fitting.refine.CHECKPOINT_EVERY", CONFIG.steps)
    start = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    scales = []
    for factor in (1.0, 2.0):
        run.model.load_state_dict(start)
        model = refine(run, data_set(), judge, tmp_path, replace(CONFIG, widen_read=factor)).model
        assert isinstance(model, CVAE)
        assert model.flow is not None
        scales.append(model.flow.log_scale.weight.detach().clone())
    unread = torch.load(tmp_path / CHECKPOINT, weights_only=True)["unread"]
    read = unread <= unread.mean()
    assert 0 < read.sum() < 36
    torch.testing.assert_close(scales[1] - scales[0], math.log(2) * read[:, None].expand(36, 6))


def test_the_prior_can_stay_as_it_was_fitted(run: Run, judge: Judge, tmp_path: Path) -> None:
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    refined = refine(run, data_set(), judge, tmp_path, replace(CONFIG, train_prior=False))
    for name, tensor in refined.model.state_dict().items():
        assert torch.equal(tensor, before[name]) != name.startswith("decoder"), name


def test_a_refinement_stopped_and_resumed_equals_one_that_was_not(
    run: Run, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int, _total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    start = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    monkeypatch.setattr("glyphvae_training.fitting.refine.CHECKPOINT_EVERY", 3)
    whole = refine(run, data_set(), judge, tmp_path, CONFIG).model.state_dict()
    whole = {name: tensor.clone() for name, tensor in whole.items()}
    (tmp_path / CHECKPOINT).unlink()
    run.model.load_state_dict(start)
    with pytest.raises(KeyboardInterrupt):
        refine(run, data_set(), judge, tmp_path, CONFIG, progress=stop)
    run.model.load_state_dict(start)
    resumed = refine(run, data_set(), judge, tmp_path, CONFIG).model.state_dict()
    for name, tensor in resumed.items():
        assert torch.equal(tensor, whole[name]), name


def test_a_model_without_a_prior_is_refused(judge: Judge, tmp_path: Path) -> None:
    for kind in ("vae", "cvae"):
        with pytest.raises(RunError, match="fitted prior"):
            refine(finished_run(kind), data_set(), judge, tmp_path, CONFIG)


def test_a_reader_of_other_labels_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="other labels"):
        refine(run, data_set(), Judge("reader", LABELS[:10], reader(10)), tmp_path, CONFIG)


def test_only_what_looks_alike_counts_as_one() -> None:
    together = groups(LABELS)
    assert torch.equal(together, together.T)
    pairs = {(LABELS[i], LABELS[j]) for i, j in together.nonzero().tolist() if i < j}
    assert pairs == {("0", "O"), ("1", "I")}


def test_focus_turns_the_reader_to_the_labels_it_reads_worst(run: Run, judge: Judge) -> None:
    model = run.model
    assert isinstance(model, CVAE)
    assert model.flow is not None
    label = torch.tensor([0, 0, 7, 7])
    beyond = torch.tensor([0.0, 0.0, 2.0, 4.0])
    even, refinement, resumed = (
        Refinement(model, model.flow, data_set().train, judge, replace(CONFIG, focus=focus))
        for focus in (0.0, 1.0, 1.0)
    )
    assert torch.equal(even.weights(beyond, label), torch.ones(4))
    weights = refinement.weights(beyond, label)
    # Of 36 labels all had 1 nat; one is now a fiftieth of the way to 0, one a fiftieth of the way to 3.
    mean = (34 + 0.98 + 1.04) / 36
    assert torch.allclose(weights, torch.tensor([0.98, 0.98, 1.04, 1.04]) / mean)
    resumed.load_state_dict(refinement.state_dict())
    assert torch.equal(resumed.unread, refinement.unread)
