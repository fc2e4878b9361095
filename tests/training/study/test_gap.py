from collections.abc import Iterable, Sequence

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import norm

from glyphvae_training.data.dataset import Split
from glyphvae_training.export.exported import Floats
from glyphvae_training.fitting.objective import kl_divergence, reconstruction
from glyphvae_training.study.gap import Grid, aggregate_kl, gaps, holding, integrate, log_likelihood
from tests.training.known_coder import KnownCoder


class SmoothCoder(KnownCoder):
    """Two latents that shift the log odds of two halves of the image by up to `strength`."""

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def decode(self, z: Floats, labels: NDArray[np.int64]) -> tuple[NDArray[np.uint8], Floats]:  # noqa: ARG002
        logits = self.strength * np.repeat(np.tanh(z), 14 * 28, axis=1).reshape(-1, 28, 28).astype(np.float32)
        return (255 / (1 + np.exp(-logits))).astype(np.uint8), logits


def untracked(items: Sequence[float], _: str) -> Iterable[float]:
    return items


def images(n: int = 3) -> Split:
    rng = np.random.default_rng(0)
    return Split(rng.integers(0, 256, (n, 28, 28)).astype(np.uint8), np.arange(n))


def closed_form(mu: Floats, logvar: Floats) -> float:
    return float(kl_divergence(torch.from_numpy(mu), torch.from_numpy(logvar)).mean())


def test_the_likelihood_is_that_of_training() -> None:
    coder, x = SmoothCoder(3), images().images / 255
    z = np.random.default_rng(1).standard_normal((5, 2))
    logits = torch.from_numpy(coder.decode(z.astype(np.float32), np.zeros(5, np.int64))[1])
    expected = [-reconstruction(logits.double(), torch.from_numpy(image).expand(5, -1, -1)).numpy() for image in x]
    np.testing.assert_allclose(log_likelihood(coder, z, x), expected, rtol=1e-6)


def test_gaussians_are_integrated_exactly() -> None:
    # An observation m of z with noise s has the evidence N(m; 0, 1 + s²) and the posterior N(m, s²) / (1 + s²).
    grid, m, s = Grid.finer_than(0.2), np.array([0.5, -1.0]), 0.5
    found = integrate(grid, grid.log_normal(m, np.full(2, s)), grid.log_normal(np.zeros(2), np.full(2, 0.3)))
    assert found.log_evidence == pytest.approx(norm.logpdf(m, 0, np.sqrt(1 + s**2)).sum(), abs=1e-9)
    mean, variance = m / (1 + s**2), s**2 / (1 + s**2)
    # The first line of the paper's (5).
    gap = 0.5 * (2 * 0.09 / variance + np.square(mean).sum() / variance - 2 + 2 * np.log(variance / 0.09))
    assert found.gap == pytest.approx(gap, abs=1e-9)


def test_a_grid_is_fine_enough_and_can_be_halved() -> None:
    grid = Grid.finer_than(0.1)
    assert grid.axis[1] - grid.axis[0] <= 0.075
    assert (grid.axis[0], grid.axis[-1]) == (-5, 5)
    assert grid.halved.cell == pytest.approx(4 * grid.cell)
    assert (grid.halved.axis[0], grid.halved.axis[-1]) == (-5, 5)


def test_both_sides_of_equation_4_agree() -> None:
    rows, figure = gaps(SmoothCoder(0.1), images(), 1000, untracked)
    assert [row["label"] for row in rows] == [0, 1, 2]
    assert all(abs(row["left_over"]) <= 4 * row["elbo_error"] + row["quadrature_error"] for row in rows)
    assert all(row["gap"] > 0.01 and row["elbo_error"] < 0.1 and row["quadrature_error"] < 0.01 for row in rows)
    assert isinstance(figure, Figure)


def test_where_the_decoder_does_not_listen_the_gap_is_the_rate() -> None:
    split = images(2)
    rows, _ = gaps(SmoothCoder(0), split, 10, untracked)
    for row, image in zip(rows, split.images, strict=True):
        mu, logvar = KnownCoder().encode(image[None], np.zeros(1, np.int64))
        assert row["gap"] == pytest.approx(closed_form(mu, logvar), abs=1e-3)
        assert row["log_evidence"] == pytest.approx(-784 * np.log(2), abs=1e-3)
        assert row["elbo_error"] == pytest.approx(0, abs=1e-9)


def test_half_of_a_density() -> None:
    assert holding(np.array([0.1, 0.4, 0.2, 0.3]), 0.5) == 0.3


def test_the_kl_of_the_aggregate() -> None:
    mu, logvar = np.array([[1, -0.5]], np.float32), np.log(np.array([[0.09, 0.25]], np.float32))
    assert aggregate_kl(mu, logvar) == pytest.approx(closed_form(mu, logvar), rel=1e-3)
    # Many narrow posteriors that together are the prior cost much each and nothing together.
    rng = np.random.default_rng(0)
    many = np.sqrt(0.75) * rng.standard_normal((2000, 2), dtype=np.float32)
    narrow = np.full_like(many, np.log(0.25))
    assert aggregate_kl(many, narrow) < 0.02
    assert closed_form(many, narrow) == pytest.approx(np.log(4), abs=0.05)
