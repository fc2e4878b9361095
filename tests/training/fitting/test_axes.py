from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from glyphvae_training.errors import RunError
from glyphvae_training.fitting.axes import AxesConfig, align, axes, changes, directions, noise, within
from glyphvae_training.fitting.runs import Run
from glyphvae_training.measures.glyph import FEATURES
from glyphvae_training.models.pen import Pen, PenConfig
from tests.training.examples import finished_run

CONFIG = AxesConfig(samples=20)
PEN = PenConfig(hand_size=6, form_size=3, label_count=36, width=16, strokes=2, couplings=2)


@pytest.fixture
def model() -> Pen:
    """Its strokes differ by label and noise."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = Pen(PEN).eval()
        for weight in model.decoder.parameters():
            nn.init.normal_(weight, std=0.2)
    return model


def run_of(model: Pen) -> Run:
    return replace(finished_run(), model=model)


def test_the_axes_are_orthonormal_and_the_first_grow_with_their_measure(model: Pen) -> None:
    found = axes(model, CONFIG)
    np.testing.assert_allclose(found @ found.T, np.eye(6), atol=1e-9)
    growth = directions(model, *noise(model, CONFIG.samples, torch.Generator().manual_seed(CONFIG.seed)))[:, :6]
    # Gram-Schmidt: an axis has nothing of the measures before it, and its own measure grows along it.
    lower = found[: len(FEATURES)] @ growth.T
    assert (np.diag(lower) > 0).all()
    np.testing.assert_allclose(np.tril(lower, -1), 0, atol=1e-6 * np.abs(lower).max())


def test_the_other_axes_come_by_how_much_they_change(model: Pen) -> None:
    found = axes(model, CONFIG)
    generator = torch.Generator().manual_seed(CONFIG.seed)
    noise(model, CONFIG.samples, generator)
    metric = changes(model, *noise(model, 10, generator))[:6, :6]
    seen = found[len(FEATURES) :] @ metric @ found[len(FEATURES) :].T
    assert seen[0, 0] > seen[1, 1] > 0
    assert abs(seen[0, 1]) < 1e-6 * seen[0, 0]


def test_a_turned_pen_draws_the_same_from_a_turned_hand(model: Pen) -> None:
    basis = torch.from_numpy(axes(model, CONFIG)).float()
    assert basis.shape == (6, 6)
    u, label = noise(model, 1, torch.Generator().manual_seed(9))
    x = torch.rand(36, 28, 28, generator=torch.Generator().manual_seed(4))
    with torch.inference_mode():
        before = model.decode(torch.cat([u[:, :6] @ basis, u[:, 6:]], dim=1), label)
        hand, form = torch.split(model.encode(x, label)[0], [6, 3], dim=1)
        turned = align(run_of(model), CONFIG)
        assert turned.training["axes"] == {"samples": 20, "seed": 0}
        torch.testing.assert_close(model.decode(u, label), before, rtol=1e-3, atol=1e-3)
        mu, _ = model.encode(x, label)
        torch.testing.assert_close(mu, torch.cat([hand @ basis.T, form], dim=1), rtol=1e-3, atol=1e-3)


def test_changes_are_those_of_small_steps(model: Pen) -> None:
    u, label = noise(model, 2, torch.Generator().manual_seed(3))
    metric = changes(model, u, label)
    step = torch.zeros(9)
    step[2] = 1e-3
    with torch.inference_mode():
        moved = (model.decode(u + step, label).sigmoid() - model.decode(u, label).sigmoid()) / 1e-3
    assert moved.square().flatten(1).sum(dim=1).mean().item() == pytest.approx(metric[2, 2], rel=0.02)


def test_means_of_labels_are_left_out() -> None:
    values = np.array([[1.0, 10.0], [3.0, 10.0], [7.0, 0.0]])
    np.testing.assert_array_equal(within(values, np.array([0, 0, 2])), [[-1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])


def test_a_model_without_the_prior_of_a_hand_is_refused() -> None:
    without, small = Pen(replace(PEN, couplings=0)), Pen(replace(PEN, hand_size=3))
    for run in (finished_run("vae"), finished_run(), run_of(without), run_of(small)):
        with pytest.raises(RunError, match="a pen with priors and a hand of 4 latents or more"):
            align(run)
