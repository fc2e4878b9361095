"""The known model draws every pixel as 100 + 10·z[0] + label, so that the posterior of z[0] is known."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from glyphvae.models.hands import EVIDENCE, NOISE, Hand, fit_hand, product_mean
from glyphvae.models.registry import Model
from glyphvae.scheduling.steps import run_now
from glyphvae_training.evaluation import hands as training
from tests.known_model import write_model
from tests.service.support import context_of, grey

J = 19
# What a letter adds to the precision of the first latent: 784 pixels that move by 10 grey levels.
PRECISION = 784 * (10 / NOISE) ** 2


def model_with(folder: Path, hand_size: int) -> Model:
    write_model(folder, config={"hand_size": hand_size})
    return context_of(folder).registry.models["cvae"]


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return model_with(tmp_path, 2)


def fitted(model: Model, *first: float) -> Hand:
    """Return the hand of letters J that were drawn with these first latents."""
    pixels = grey(*(round(100 + J + 10 * value) for value in first))
    return run_now(fit_hand(model, pixels, np.full(len(pixels), J)))


@pytest.mark.parametrize("first", [(1.0,), (1.0, 1.0), (1.0, 0.6, 0.2), (-0.5, 0.5, -0.5, 0.1)])
def test_the_hand_is_the_mean_of_the_posterior(model: Model, first: tuple[float, ...]) -> None:
    hand = fitted(model, *first)
    count = len(first)
    # Pixels are whole grey levels, a tenth of the latent each.
    assert hand.mu == pytest.approx([PRECISION * sum(first) / (1 + PRECISION * count), 0], abs=0.06)
    assert hand.logvar == pytest.approx([-np.log(1 + EVIDENCE * PRECISION * count), 0], abs=1e-5)
    assert hand.left == pytest.approx(np.exp(hand.logvar))
    assert hand.certainty == pytest.approx(1 - (1 / (1 + EVIDENCE * PRECISION * count) + 1) / 2)
    assert hand.mu.dtype == hand.logvar.dtype == np.float32


def test_a_letter_is_as_far_from_the_others_as_it_says_another_hand(model: Model) -> None:
    first = np.array([0.2, 0.1, 0.2, -1.5])
    weight = EVIDENCE * PRECISION
    others = 1 + weight * 3
    means = weight * (first.sum() - first) / others
    expected = np.abs(first - means) / np.sqrt(1 / weight + 1 / others) / np.sqrt(2)  # of two latents, one is silent
    distances = fitted(model, *first).distances
    assert distances == pytest.approx(expected, abs=0.05)
    assert distances.argmax() == 3


def test_a_single_letter_has_no_others(model: Model) -> None:
    assert fitted(model, 1.0).distances.shape == (0,)


def test_letters_that_the_model_cannot_draw_stay_within_the_latents_that_are_allowed(model: Model) -> None:
    hand = run_now(fit_hand(model, grey(*[255] * 20), np.zeros(20, np.int64)))
    assert np.isfinite(hand.mu).all()
    assert np.abs(hand.mu).max() <= 10
    assert np.isfinite(hand.distances).all()


def test_a_hand_may_be_all_of_the_latents(tmp_path: Path) -> None:
    hand = fitted(model_with(tmp_path, 6), 1.0)
    assert hand.mu == pytest.approx([PRECISION / (1 + PRECISION), 0, 0, 0, 0, 0], abs=0.06)


def posteriors() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(7)
    return rng.normal(size=(5, 12)).astype(np.float32), rng.normal(-2, 1, (5, 12)).astype(np.float32)


def test_a_search_begins_where_training_measures_hands() -> None:
    mu, logvar = posteriors()
    assert logvar.max() > 0  # a posterior wider than the prior
    assert product_mean(mu, logvar) == pytest.approx(training.product_mean(mu, logvar), abs=1e-5)


def test_a_posterior_of_no_width_or_of_a_mean_far_off_is_still_a_number() -> None:
    mu, logvar = posteriors()
    logvar[0], mu[1] = -200, 1e6
    begin = product_mean(mu, logvar)
    assert np.isfinite(begin).all()
    assert np.abs(begin).max() <= 10
    logvar[1] = -200
    assert product_mean(mu, logvar) == pytest.approx(10)
