from dataclasses import replace

import pytest
import torch

from glyphvae_training.errors import RunError
from glyphvae_training.fitting.objective import loss, reparameterise
from glyphvae_training.fitting.posterior import PosteriorConfig, fit_posterior
from glyphvae_training.fitting.prior import PriorConfig, fit_prior
from glyphvae_training.fitting.runs import Run
from glyphvae_training.models.cvae import CVAE
from glyphvae_training.models.flow import Flow
from tests.training.examples import data_set, finished_run

CONFIG = PosteriorConfig(epochs=40, batch_size=16, bf16=False)


def with_prior() -> Run:
    return fit_prior(finished_run(), data_set(), PriorConfig(couplings=2, epochs=2, batch_size=16))


def cvae_of(run: Run) -> CVAE:
    assert isinstance(run.model, CVAE)
    return run.model


def flow_of(model: CVAE) -> Flow:
    assert model.flow is not None
    return model.flow


@torch.inference_mode()
def negative_elbo(model: CVAE) -> float:
    split = data_set().train
    x, label = torch.from_numpy(split.images).float() / 255, torch.from_numpy(split.labels)
    mu, logvar = model.encode(x, label)
    z = reparameterise(mu, logvar, torch.Generator().manual_seed(1))
    return float(loss(model.decode(z, label), x, mu, logvar, beta=1.0).total)


def test_the_bound_rises_and_nothing_but_the_encoder_changes() -> None:
    run, calls = with_prior(), list[tuple[int, int]]()
    before = negative_elbo(cvae_of(run))
    weights = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
    fitted = fit_posterior(run, data_set(), CONFIG, lambda done, total: calls.append((done, total)))
    assert calls[-1][0] == calls[-1][1] == len(calls)
    assert negative_elbo(cvae_of(fitted)) < before - 0.25
    for name, tensor in fitted.model.state_dict().items():
        assert torch.equal(tensor, weights[name]) != name.startswith("encoder"), name
    for name, tensor in run.model.state_dict().items():
        assert torch.equal(tensor, weights[name]), name  # the run it began with stays as it was
    assert fitted.training["posterior"]["epochs"] == CONFIG.epochs


def test_mean_and_variance_are_those_of_the_noise() -> None:
    model = cvae_of(fit_posterior(with_prior(), data_set(), replace(CONFIG, epochs=1)))
    x, label = torch.rand(3, 28, 28, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 19, 35])
    with torch.inference_mode():
        u, logvar = model.encode(x, label)
        mu, given = model.encoder(x, label)
        torch.testing.assert_close(flow_of(model)(u, label), mu, rtol=1e-3, atol=1e-4)
    assert torch.equal(logvar, given)


def test_the_same_seed_fits_the_same_encoder() -> None:
    fitted = [fit_posterior(with_prior(), data_set(), replace(CONFIG, epochs=1)).model.state_dict() for _ in range(2)]
    for name, tensor in fitted[0].items():
        assert torch.equal(tensor, fitted[1][name])


def test_what_has_no_prior_or_such_an_encoder_is_refused() -> None:
    once = replace(CONFIG, epochs=1)
    for run in (finished_run("vae"), finished_run(), fit_posterior(with_prior(), data_set(), once)):
        with pytest.raises(RunError, match="with a prior, once"):
            fit_posterior(run, data_set(), once)


def test_other_data_are_refused() -> None:
    with pytest.raises(RunError, match="not on these"):
        fit_posterior(with_prior(), replace(data_set(), sha256="b" * 64), CONFIG)
