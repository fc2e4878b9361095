import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

from glyphvae_training.fitting.objective import reconstruction, reparameterise
from glyphvae_training.models.vae import VAE, VAEConfig
from glyphvae_training.study.gradient import (
    BASELINE,
    REPARAMETERISED,
    SCORE,
    Gradients,
    disagreement,
    gradients,
    variance,
    variance_figure,
    variance_rows,
)

DRAWS = 512


class Fixed(VAE):
    """A VAE whose posterior is N(mu, 0.25) for every image, without its convolutions."""

    def __init__(self, mu: float = 0.5) -> None:
        super().__init__(VAEConfig())
        self.mu = torch.tensor([[mu, -0.5]], dtype=torch.float64)
        self.to_logits = torch.nn.Linear(2, 784).double()
        torch.nn.init.normal_(self.to_logits.weight, generator=torch.Generator().manual_seed(0))
        torch.nn.init.zeros_(self.to_logits.bias)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        return self.mu, torch.full_like(self.mu, float(np.log(0.25)))

    def decode(self, z: Tensor) -> Tensor:
        logits: Tensor = self.to_logits(z).reshape(-1, 28, 28)
        return logits


def noise() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="module")
def x() -> Tensor:
    return torch.rand(3, 28, 28, generator=noise(), dtype=torch.float64)


@pytest.fixture(scope="module")
def found(x: Tensor) -> Gradients:
    return gradients(Fixed(), x, DRAWS, noise())


def test_there_is_a_gradient_of_every_draw(found: Gradients) -> None:
    assert {values.shape for values in found.values()} == {(3, DRAWS, 2, 2)}


def test_the_reparameterised_gradient_is_that_of_the_mean(x: Tensor) -> None:
    step, means = 1e-4, []
    for mu in (0.5 - step, 0.5 + step):
        model = Fixed(mu)
        centre, logvar = (value.repeat(DRAWS, 1) for value in model.encode(x[:1]))
        logits = model.decode(reparameterise(centre, logvar, noise()))
        means.append(-float(reconstruction(logits, x[0].expand(DRAWS, -1, -1)).mean().detach()))
    first = gradients(Fixed(), x[:1], DRAWS, noise())[REPARAMETERISED]
    assert first[0, :, 0, 0].mean() == pytest.approx((means[1] - means[0]) / (2 * step), rel=1e-5)


def test_all_estimate_the_same(found: Gradients) -> None:
    rows = disagreement(found)
    assert [row["estimator"] for row in rows] == [SCORE, BASELINE]
    # Twelve differences in standard errors.
    assert all(0.4 < row["root_mean_square"] < 1.8 and row["largest"] < 5 for row in rows)


def test_another_gradient_is_told_from_it(found: Gradients) -> None:
    rows = disagreement(found | {BASELINE: 1.2 * found[BASELINE]})
    assert rows[1]["largest"] > rows[0]["largest"]


def test_the_reparameterised_gradient_varies_least(found: Gradients) -> None:
    rows = variance_rows(found)
    assert [(row["parameter"], row["averaged"]) for row in rows] == [
        (name, size) for name in ("mu", "logvar") for size in (1, 4, 16, 64)
    ]
    assert all(row[SCORE] > row[BASELINE] > row[REPARAMETERISED] for row in rows if row["averaged"] <= 16)


def test_the_variance_falls_with_the_draws() -> None:
    values = np.random.default_rng(0).standard_normal((20, 4000, 2))
    assert variance(values, 1) == pytest.approx(2, rel=0.05)
    assert variance(values, 16) == pytest.approx(2 / 16, rel=0.05)


def test_a_panel_for_each_state_and_parameter(found: Gradients) -> None:
    figure = variance_figure({"before training": variance_rows(found), "after training": variance_rows(found)})
    assert isinstance(figure, Figure)
    assert [axes.get_title() for axes in figure.axes] == [
        f"gradient by {name}, {state} training" for name in ("mu", "logvar") for state in ("before", "after")
    ]
    assert all(len(axes.lines) == 3 for axes in figure.axes)
