import csv
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from glyphvae_training.data.binarisation import binarise
from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.errors import RunError
from glyphvae_training.fitting.binarised import (
    CHECKPOINT,
    BinarisedConfig,
    Training,
    fit_binarised,
    log_weights,
    negative_bound,
)
from glyphvae_training.fitting.runs import load_run
from glyphvae_training.models.vae import VAE, VAEConfig

MODEL = VAEConfig(latent_size=2, encoder="narrow", decoder="dense", couplings=2)
HOW = BinarisedConfig(epochs=2, batch_size=32, draws=3, drawing_epochs=1, kl_warmup=1, average=0.5, bf16=False)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def black_and_white(digits: Dataset) -> Split:
    return binarise(Split(digits.test.images[:8], digits.test.labels[:8]), np.random.default_rng(0))


@pytest.fixture
def model() -> VAE:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = VAE(MODEL)
        # A flow that bends and moves, so that noise and latents differ.
        assert model.flow is not None
        for parameter in model.flow.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    return model.eval()


def exact(model: VAE, x: torch.Tensor) -> torch.Tensor:
    """Log p(x) by a sum over a fine grid of the flow's noise: (n,)."""
    axis = torch.linspace(-6, 6, 241)
    u = torch.cartesian_prod(axis, axis)  # (m, 2)
    with torch.no_grad():
        logits = model.decode(u).flatten(1)  # (m, 784)
    pixels = x.flatten(1)
    likelihood = pixels @ logits.T - torch.nn.functional.softplus(logits).sum(dim=1)  # (n, m)
    density = -0.5 * u.square().sum(dim=1) - math.log(2 * math.pi)
    step = float(axis[1] - axis[0])
    return torch.logsumexp(likelihood.double() + density, dim=1) + 2 * math.log(step)


def test_the_bound_approaches_the_likelihood(model: VAE, black_and_white: Split) -> None:
    x = torch.from_numpy(black_and_white.images).float() / 255
    truth = -exact(model, x)
    one = torch.stack([negative_bound(model, black_and_white, 1, generator(seed)) for seed in range(50)]).mean(dim=0)
    many = negative_bound(model, black_and_white, 5000, generator())
    assert (one > truth - 0.1).all()
    assert torch.allclose(many, truth, atol=0.05)
    assert (one - truth).mean() > 2 * (many - truth).abs().mean()


def test_how_many_are_decoded_together_does_not_matter(model: VAE, black_and_white: Split) -> None:
    parts = [negative_bound(model, black_and_white, 1500, generator(), size) for size in (300, 8000)]
    assert torch.allclose(parts[0], parts[1], atol=0.1)


def test_the_weight_is_that_of_the_latents(model: VAE, black_and_white: Split) -> None:
    x = torch.from_numpy(black_and_white.images).float() / 255
    none, half, whole = (log_weights(model, x, 4, generator(), weight) for weight in (0.0, 0.5, 1.0))
    assert whole.shape == (4, 8)
    assert torch.allclose(half, (none + whole) / 2, atol=1e-3)
    assert (none <= 0).all()


def test_training_lowers_the_bound_and_is_kept(digits: Dataset, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    how = replace(HOW, epochs=6)
    run = fit_binarised(MODEL, digits, tmp_path, how, progress=lambda done, total: steps.append((done, total)))
    with (tmp_path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["draws"] for row in rows] == ["1"] * 5 + ["3"]
    losses = [float(row["train/loss"]) for row in rows]
    assert losses[-1] < losses[0] - 50
    assert float(rows[-1]["validation/negative_elbo"]) < 400
    assert steps == [(step, 6 * 11) for step in range(1, 6 * 11 + 1)]
    assert run.model.config == MODEL
    assert run.training["binarised"]["draws"] == 3
    assert not (tmp_path / CHECKPOINT).exists()
    with pytest.raises(RunError, match="holds a run already"):
        fit_binarised(MODEL, digits, tmp_path, how)
    again = fit_binarised(MODEL, digits, tmp_path, how, resume=True)
    for name, tensor in load_run(tmp_path).model.state_dict().items():
        assert torch.equal(tensor, run.model.state_dict()[name])
        assert torch.equal(tensor, again.model.state_dict()[name])


def test_a_training_that_was_stopped_goes_on(digits: Dataset, tmp_path: Path) -> None:
    whole = fit_binarised(MODEL, digits, tmp_path / "whole", HOW)

    def stop(done: int, _total: int) -> None:
        if done == 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_binarised(MODEL, digits, tmp_path / "stopped", HOW, progress=stop)
    resumed = fit_binarised(MODEL, digits, tmp_path / "stopped", HOW, resume=True)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
    assert (tmp_path / "whole" / "metrics.csv").read_text() == (tmp_path / "stopped" / "metrics.csv").read_text()


def test_the_mean_of_the_weights_is_kept(digits: Dataset) -> None:
    training = Training(MODEL, digits, HOW)
    training.run_epoch(0, lambda _done: None)
    kept, last = training.kept.state_dict(), training.model.state_dict()
    assert any(not torch.equal(kept[name], last[name]) for name in kept)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What `log_weights` is asked, in order: model, x, draws, generator and, in training, weight."""
    asked: list[tuple[Any, ...]] = []

    def watched(*arguments: Any) -> torch.Tensor:  # noqa: ANN401 (passed on)
        asked.append(arguments)
        return log_weights(*arguments)

    monkeypatch.setattr("glyphvae_training.fitting.binarised.log_weights", watched)
    return asked


def test_ink_is_drawn_anew_every_epoch(digits: Dataset, calls: list[tuple[Any, ...]]) -> None:
    grey = digits.train.images[0]
    training = Training(MODEL, replace(digits, train=Split(grey[None].repeat(32, 0), np.zeros(32, np.int64))), HOW)
    for epoch in range(2):
        training.run_epoch(epoch, lambda _done: None)
    # Those without a weight are of validation.
    first, second = (arguments[1] for arguments in calls if len(arguments) == 5)
    for x in (first, second):
        assert set(x.flatten().tolist()) == {0.0, 1.0}
        assert torch.allclose(x.mean(dim=0), torch.from_numpy(grey) / 255, atol=0.4)
    assert not torch.equal(first, second)


def test_the_weight_of_the_latents_rises(digits: Dataset, calls: list[tuple[Any, ...]]) -> None:
    training = Training(MODEL, digits, HOW)
    for epoch in range(2):
        training.run_epoch(epoch, lambda _done: None)
    weights = [arguments[4] for arguments in calls if len(arguments) == 5]
    assert weights == [step / 11 for step in range(11)] + [1.0] * 11
    calls.clear()
    Training(MODEL, digits, replace(HOW, kl_warmup=0)).run_epoch(0, lambda _done: None)
    assert {arguments[4] for arguments in calls if len(arguments) == 5} == {1.0}


def test_bfloat16_changes_little(digits: Dataset) -> None:
    rows = [Training(MODEL, digits, replace(HOW, bf16=bf16)).run_epoch(0, lambda _done: None) for bf16 in (False, True)]
    assert float(rows[0]["train/loss"]) == pytest.approx(float(rows[1]["train/loss"]), rel=0.02)


def test_a_model_without_a_flow_is_refused(digits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="needs couplings"):
        fit_binarised(replace(MODEL, couplings=0), digits, tmp_path / "run", HOW)
    assert not (tmp_path / "run").exists()
