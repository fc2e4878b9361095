import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from glyphvae.models.elbo import kl_divergence, label_posterior, reconstruction_error
from tests.service.support import grey

FLOATS = st.floats(-20, 20, width=32)
LATENTS = hnp.arrays(np.float32, (3, 6), elements=FLOATS)


def logits(level: float, n: int = 1) -> NDArray[np.float32]:
    return np.full((n, 28, 28), level, dtype=np.float32)


def test_even_odds_cost_one_bit_a_pixel() -> None:
    # -log 1/2 whatever the pixel.
    assert reconstruction_error(grey(0, 77, 255), logits(0, 3)) == pytest.approx([784 * np.log(2)] * 3)


def test_certainty_costs_nothing_where_it_is_right_and_its_log_odds_where_it_is_wrong() -> None:
    right_and_wrong = reconstruction_error(grey(255, 0), logits(100, 2))
    assert right_and_wrong == pytest.approx([0, 784 * 100])
    assert reconstruction_error(grey(255, 0), logits(-100, 2)) == pytest.approx([784 * 100, 0])


def test_extreme_log_odds_stay_finite() -> None:
    # Overflow would also be a warning, which is an error here.
    assert reconstruction_error(grey(255), logits(-1e30)) == pytest.approx([784e30])


def test_a_grey_pixel_costs_least_at_its_own_probability() -> None:
    x = 102 / 255
    odds = np.log(x / (1 - x))
    entropy = -(x * np.log(x) + (1 - x) * np.log(1 - x))
    assert reconstruction_error(grey(102), logits(odds)) == pytest.approx([784 * entropy], rel=1e-6)
    assert reconstruction_error(grey(102), logits(odds + 0.1)) > reconstruction_error(grey(102), logits(odds))


@given(hnp.arrays(np.uint8, (2, 28, 28)), st.floats(-50, 50, width=32))
def test_it_is_the_cross_entropy_of_the_textbook(pixels: NDArray[np.uint8], l: float) -> None:  # noqa: E741
    x, level = pixels.astype(np.float64) / 255, np.float64(l)
    expected = (-x * -np.logaddexp(0, -level) + (1 - x) * np.logaddexp(0, level)).sum(axis=(1, 2))
    assert reconstruction_error(pixels, logits(l, 2)) == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_the_prior_is_no_distance_from_itself() -> None:
    zeros = np.zeros((2, 6), dtype=np.float32)
    assert kl_divergence(zeros, zeros).tolist() == [0, 0]


def test_known_divergences() -> None:
    zeros = np.zeros((1, 6), dtype=np.float32)
    ones = np.ones((1, 6), dtype=np.float32)
    assert kl_divergence(ones, zeros) == pytest.approx([6 / 2])
    assert kl_divergence(zeros, ones) == pytest.approx([6 / 2 * (np.e - 2)])
    assert kl_divergence(3 * ones, -ones) == pytest.approx([6 / 2 * (9 + np.exp(-1) - 1 + 1)])


@given(LATENTS, LATENTS)
def test_a_divergence_is_never_negative(mu: NDArray[np.float32], logvar: NDArray[np.float32]) -> None:
    assert (kl_divergence(mu, logvar) >= -1e-5).all()


def test_the_divergence_agrees_with_a_monte_carlo_estimate() -> None:
    mu, sigma = 0.7, 0.5
    z = mu + sigma * np.random.default_rng(3).standard_normal(1_000_000)
    ratios = (z**2 - ((z - mu) / sigma) ** 2) / 2 - np.log(sigma)
    closed = kl_divergence(np.array([[mu]], np.float32), np.array([[2 * np.log(sigma)]], np.float32))
    assert closed == pytest.approx(ratios.mean(), abs=4 * ratios.std() / 1000)


def test_labels_are_weighed_by_their_evidence() -> None:
    elbo = np.log(np.array([[1, 2, 5], [4, 4, 2]], dtype=np.float32))
    assert label_posterior(elbo) == pytest.approx(np.array([[1, 2, 5], [4, 4, 2]]) / [[8], [10]])


def test_evidence_far_below_zero_does_not_vanish() -> None:
    posterior = label_posterior(np.array([[-1e4, -1e4 - np.log(3)]], dtype=np.float32))
    assert posterior == pytest.approx(np.array([[0.75, 0.25]]), rel=1e-3)


@given(hnp.arrays(np.float32, (3, 36), elements=st.floats(-2000, 0, width=32)))
def test_a_posterior_sums_to_one(elbo: NDArray[np.float32]) -> None:
    assert label_posterior(elbo).sum(axis=1) == pytest.approx([1] * 3, abs=1e-5)
