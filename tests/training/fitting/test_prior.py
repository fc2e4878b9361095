import math
from dataclasses import replace

import pytest
import torch

from glyphvae_training.errors import RunError
from glyphvae_training.fitting.prior import PriorConfig, encoded, fit_flow, fit_prior, start_at_moments
from glyphvae_training.models.cvae import CVAE
from glyphvae_training.models.flow import Flow
from tests.training.examples import data_set, finished_run

CONFIG = PriorConfig(couplings=2, epochs=2, batch_size=16)


def crescent(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points that no Gaussian describes, of two labels on different sides: (n, 2), (n,)."""
    generator = torch.Generator().manual_seed(0)
    across, noise = torch.randn(2, rows, generator=generator)
    label = torch.arange(rows) % 2
    side = 1.0 - 2.0 * label
    return torch.stack([across, side * (across.square() + 0.3 * noise)], dim=1), label


def test_the_start_has_the_moments_of_each_label() -> None:
    points, label = crescent(400)
    logvar = torch.full_like(points, math.log(0.5))
    flow = Flow(2, 2, couplings=2)
    start_at_moments(flow, points, logvar, label)
    for value in (0, 1):
        torch.testing.assert_close(flow.shift.weight[value], points[label == value].mean(dim=0))
        variance = points[label == value].var(dim=0, unbiased=False) + 0.5
        torch.testing.assert_close(flow.log_scale.weight[value].exp().square(), variance)


def test_the_flow_learns_what_is_not_gaussian() -> None:
    points, label = crescent(2000)
    still = torch.full_like(points, -12.0)
    flow = Flow(2, 2, couplings=4)
    start_at_moments(flow, points, still, label)
    before = flow.log_prob(points, label).mean().item()
    fit_flow(flow, points, still, label, PriorConfig(epochs=60, batch_size=200), lambda _done, _total: None)
    assert flow.log_prob(points, label).mean().item() > before + 0.5
    with torch.no_grad():
        drawn = flow(
            torch.randn(1000, 2, generator=torch.Generator().manual_seed(1)), torch.zeros(1000, dtype=torch.int64)
        )
    assert (drawn[:, 1] > -1.5).float().mean() > 0.97  # the other label's side


def test_a_fitted_run_decodes_and_encodes_through_its_flow() -> None:
    run, data = finished_run(), data_set()
    calls: list[tuple[int, int]] = []
    fitted = fit_prior(run, data, CONFIG, lambda done, total: calls.append((done, total)))
    assert calls[-1] == (8, 8)
    model, first = fitted.model, run.model
    assert isinstance(model, CVAE)
    assert isinstance(first, CVAE)
    assert model.flow is not None
    assert model.config.couplings == 2
    assert fitted.training["prior"]["epochs"] == 2
    x, label = torch.from_numpy(data.test.images).float() / 255, torch.from_numpy(data.test.labels)
    with torch.inference_mode():
        u, _ = model.encode(x, label)
        mu, _ = first.encode(x, label)
        torch.testing.assert_close(model.flow(u, label), mu, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(model.decode(u, label), first.decode(mu, label), rtol=1e-3, atol=1e-3)


def test_the_same_seed_fits_the_same_flow() -> None:
    fitted = [fit_prior(finished_run(), data_set(), CONFIG).model.state_dict() for _ in range(2)]
    for name, tensor in fitted[0].items():
        assert torch.equal(tensor, fitted[1][name])


def test_encoding_keeps_the_order() -> None:
    run, data = finished_run(), data_set()
    assert isinstance(run.model, CVAE)
    mu, logvar = encoded(run.model, data.train)
    assert mu.shape == logvar.shape == (len(data.train), 6)


def test_an_unconditional_model_and_a_fitted_one_are_refused() -> None:
    with pytest.raises(RunError, match="none yet"):
        fit_prior(finished_run("vae"), data_set(), CONFIG)
    fitted = fit_prior(finished_run(), data_set(), CONFIG)
    with pytest.raises(RunError, match="none yet"):
        fit_prior(fitted, data_set(), CONFIG)


def test_other_data_are_refused() -> None:
    run = finished_run()
    with pytest.raises(RunError, match="not on these"):
        fit_prior(run, replace(data_set(), sha256="b" * 64), CONFIG)
