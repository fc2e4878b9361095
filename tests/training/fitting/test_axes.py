from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from glyphvae_training.errors import RunError
from glyphvae_training.fitting.axes import AxesConfig, align, axes, changes, directions, noise, within
from glyphvae_training.fitting.prior import PriorConfig, fit_prior
from glyphvae_training.fitting.runs import Run
from glyphvae_training.measures.glyph import FEATURES
from glyphvae_training.models.cvae import CVAE, CVAEConfig
from glyphvae_training.models.pen import Pen, PenConfig
from tests.training.examples import data_set, finished_run

CONFIG = AxesConfig(samples=20)


@pytest.fixture
def run() -> Run:
    """Its decoder draws blocks that differ by label and noise."""
    run = fit_prior(finished_run(), data_set(), PriorConfig(couplings=2, epochs=1, batch_size=16))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        for weight in run.model.decoder.parameters():
            nn.init.normal_(weight, std=0.2)
    return run


def model_of(run: Run) -> CVAE:
    assert isinstance(run.model, CVAE)
    assert run.model.flow is not None
    return run.model


def test_the_axes_are_orthonormal_and_the_first_grow_with_their_measure(run: Run) -> None:
    model = model_of(run)
    found = axes(model, CONFIG)
    np.testing.assert_allclose(found @ found.T, np.eye(6), atol=1e-9)
    growth = directions(model, *noise(model, CONFIG.samples, torch.Generator().manual_seed(CONFIG.seed)))
    # Gram-Schmidt: an axis has nothing of the measures before it, and its own measure grows along it.
    lower = found[: len(FEATURES)] @ growth.T
    assert (np.diag(lower) > 0).all()
    np.testing.assert_allclose(np.tril(lower, -1), 0, atol=1e-6 * np.abs(lower).max())


def test_the_other_axes_come_by_how_much_they_change(run: Run) -> None:
    model = model_of(run)
    found = axes(model, CONFIG)
    generator = torch.Generator().manual_seed(CONFIG.seed)
    noise(model, CONFIG.samples, generator)
    metric = changes(model, *noise(model, 10, generator))
    seen = found[len(FEATURES) :] @ metric @ found[len(FEATURES) :].T
    assert seen[0, 0] > seen[1, 1] > 0
    assert abs(seen[0, 1]) < 1e-6 * seen[0, 0]


def test_a_turned_model_draws_the_same_from_turned_noise(run: Run) -> None:
    model = model_of(run)
    basis = torch.from_numpy(axes(model, CONFIG)).float()
    u, label = noise(model, 1, torch.Generator().manual_seed(9))
    with torch.inference_mode():
        before = model.decode(u @ basis, label)
    turned = align(run, CONFIG)
    assert turned.training["axes"] == {"samples": 20, "seed": 0}
    model, x = model_of(turned), torch.rand(36, 28, 28, generator=torch.Generator().manual_seed(4))
    flow = model.flow
    assert flow is not None
    with torch.inference_mode():
        torch.testing.assert_close(model.decode(u, label), before, rtol=1e-3, atol=1e-3)
        mu, _ = model.encode(x, label)
        torch.testing.assert_close(flow(mu, label), model.encoder(x, label)[0], rtol=1e-3, atol=1e-3)


def test_changes_are_those_of_small_steps(run: Run) -> None:
    model = model_of(run)
    u, label = noise(model, 2, torch.Generator().manual_seed(3))
    metric = changes(model, u, label)
    step = torch.zeros(6)
    step[2] = 1e-3
    with torch.inference_mode():
        moved = (model.decode(u + step, label).sigmoid() - model.decode(u, label).sigmoid()) / 1e-3
    assert moved.square().flatten(1).sum(dim=1).mean().item() == pytest.approx(metric[2, 2], rel=0.02)


def test_means_of_labels_are_left_out() -> None:
    values = np.array([[1.0, 10.0], [3.0, 10.0], [7.0, 0.0]])
    np.testing.assert_array_equal(within(values, np.array([0, 0, 2])), [[-1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])


def test_a_model_without_a_flow_is_refused() -> None:
    for run in (finished_run("vae"), finished_run()):
        with pytest.raises(RunError, match="with a flow and 4 latents or more"):
            align(run)
    few = replace(finished_run(), model=CVAE(replace(model_config(), latent_size=2, couplings=1)))
    with pytest.raises(RunError, match="4 latents or more"):
        align(few)


def model_config() -> CVAEConfig:
    config = finished_run().model.config
    assert isinstance(config, CVAEConfig)
    return config


def test_of_a_pen_only_the_hand_is_turned() -> None:
    config = PenConfig(hand_size=5, form_size=3, label_count=36, width=16, strokes=2, couplings=2, head=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = Pen(config).eval()
        assert model.head is not None
        for weight in model.head.parameters():
            nn.init.normal_(weight, std=0.2)
    found = torch.from_numpy(axes(model, CONFIG)).float()
    assert found.shape == (5, 5)
    u, label = noise(model, 1, torch.Generator().manual_seed(9))
    with torch.inference_mode():
        before = model.decode(torch.cat([u[:, :5] @ found, u[:, 5:]], dim=1), label)
        align(replace(finished_run(), model=model), CONFIG)
        torch.testing.assert_close(model.decode(u, label), before, rtol=1e-3, atol=1e-3)
