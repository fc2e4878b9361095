import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from glyphvae_training.fitting.objective import kl_divergence, kl_per_unit, loss, reconstruction, reparameterise


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def test_reconstruction_is_the_sum_over_pixels(generator: torch.Generator) -> None:
    logits = torch.randn(3, 28, 28, generator=generator)
    x = torch.rand(3, 28, 28, generator=generator)
    each = [
        functional.binary_cross_entropy(torch.sigmoid(a), b, reduction="sum") for a, b in zip(logits, x, strict=True)
    ]
    torch.testing.assert_close(reconstruction(logits, x), torch.stack(each))


def test_reconstruction_of_binary_pixels_is_the_likelihood(generator: torch.Generator) -> None:
    logits = torch.randn(2, 28, 28, generator=generator)
    x = torch.randint(2, (2, 28, 28), generator=generator).float()
    inked = torch.sigmoid(logits)
    expected = -torch.where(x > 0, inked, 1 - inked).log().sum((1, 2))
    torch.testing.assert_close(reconstruction(logits, x), expected)


def test_an_undecided_decoder_costs_log_2_a_pixel() -> None:
    value = reconstruction(torch.zeros(1, 28, 28), torch.rand(1, 28, 28, generator=torch.Generator()))
    assert value.item() == pytest.approx(784 * math.log(2), rel=1e-5)


def test_the_kl_agrees_with_a_monte_carlo_estimate(generator: torch.Generator) -> None:
    mu, logvar = torch.tensor([[0.7, -1.5, 0.0, 2.0]]), torch.tensor([[-1.0, 0.4, 0.0, -3.0]])
    draws = 400_000
    z = reparameterise(mu.expand(draws, -1), logvar.expand(draws, -1), generator)
    # log q(z|x) - log p(z); the densities' common factor cancels.
    samples = 0.5 * (z.square() - (z - mu).square() / logvar.exp() - logvar).sum(1)
    standard_error = samples.std().item() / math.sqrt(draws)
    assert kl_divergence(mu, logvar).item() == pytest.approx(samples.mean().item(), abs=4 * standard_error)
    assert standard_error < 0.01


@given(st.floats(-4, 4), st.floats(-6, 4))
def test_the_kl_is_never_negative_and_zero_only_for_the_prior(mu: float, logvar: float) -> None:
    kl = kl_per_unit(torch.tensor([[mu]], dtype=torch.float64), torch.tensor([[logvar]], dtype=torch.float64)).item()
    assert kl >= -1e-12
    if max(abs(mu), abs(logvar)) > 0.1:
        assert kl > 1e-3
    assert kl_per_unit(torch.zeros(1, 1), torch.zeros(1, 1)).item() == 0


def test_units_add_up(generator: torch.Generator) -> None:
    mu, logvar = torch.randn(2, 5, 6, generator=generator)
    torch.testing.assert_close(kl_per_unit(mu, logvar).sum(1), kl_divergence(mu, logvar))


@pytest.mark.parametrize("beta", [0.0, 1.0, 4.0])
def test_the_loss_is_the_mean_over_the_batch_of_distortion_and_beta_rate(
    generator: torch.Generator, beta: float
) -> None:
    logits, x = torch.randn(2, 5, 28, 28, generator=generator)
    x = torch.sigmoid(x)
    mu, logvar = torch.randn(2, 5, 6, generator=generator)
    result = loss(logits, x, mu, logvar, beta)
    expected = (reconstruction(logits, x) + beta * kl_divergence(mu, logvar)).sum() / 5
    torch.testing.assert_close(result.total, expected)
    torch.testing.assert_close(result.reconstruction, reconstruction(logits, x))
    torch.testing.assert_close(result.kl, kl_divergence(mu, logvar))
    torch.testing.assert_close(result.kl_per_unit, kl_per_unit(mu, logvar))


def test_reparameterised_latents_have_the_posteriors_moments(generator: torch.Generator) -> None:
    mu, logvar = torch.tensor([1.5, -0.5]), torch.tensor([-2.0, 1.0])
    z = reparameterise(mu.expand(200_000, -1), logvar.expand(200_000, -1), generator)
    torch.testing.assert_close(z.mean(0), mu, atol=0.02, rtol=0)
    torch.testing.assert_close(z.var(0), logvar.exp(), atol=0, rtol=0.02)


def test_the_generator_decides_and_gradients_pass() -> None:
    mu, logvar = torch.zeros(2, 3, requires_grad=True), torch.zeros(2, 3, requires_grad=True)
    first = reparameterise(mu, logvar, torch.Generator().manual_seed(1))
    again = reparameterise(mu, logvar, torch.Generator().manual_seed(1))
    assert torch.equal(first, again)
    first.sum().backward()  # type: ignore[no-untyped-call]
    assert mu.grad is not None
    assert logvar.grad is not None
    torch.testing.assert_close(mu.grad, torch.ones(2, 3))
    torch.testing.assert_close(logvar.grad, first.detach() / 2)


def test_free_nats_take_the_price_from_what_a_latent_says_below_them(generator: torch.Generator) -> None:
    logits, x = torch.zeros(2, 28, 28), torch.rand(2, 28, 28, generator=generator)
    mu, logvar = torch.tensor([[2.0, 0.1], [2.0, 0.1]]), torch.zeros(2, 2)  # KL 2 and 0.005 nats
    result = loss(logits, x, mu, logvar, beta=3.0, free_nats=0.5)
    assert result.total.item() == pytest.approx(result.reconstruction.mean().item() + 3 * (2 + 0.5), rel=1e-6)
    assert result.kl.tolist() == pytest.approx([2.005, 2.005])
