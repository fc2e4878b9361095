from dataclasses import replace

import pytest
import torch

from glyphvae_training.data.dataset import Split
from glyphvae_training.data.lettering import Lettering
from glyphvae_training.fitting.pen_head import HeadConfig, fit_head, latents
from glyphvae_training.models.pen import Pen
from tests.training.examples import SMALL_PEN, random_characters, random_lettering

CONFIG = replace(SMALL_PEN, width=32, couplings=2)


def pen() -> Pen:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        # Labels that look different.
        return Pen(CONFIG, 4 + 20 * torch.rand(5, 2, 5, 2), torch.ones(5, 2, dtype=torch.bool)).eval()


@pytest.fixture(scope="module")
def singles() -> Split:
    return random_characters(40, labels=5)


@pytest.fixture(scope="module")
def lettering() -> Lettering:
    return random_lettering(writers=2, labels=5)


def test_a_head_gives_what_painted_strokes_look_like(singles: Split, lettering: Lettering) -> None:
    model = pen()
    seen: list[tuple[int, int]] = []
    how = HeadConfig(steps=150, batch_size=32, learning_rate=0.02)
    fitted = fit_head(model, singles, lettering, how, lambda *step: seen.append(step))
    assert seen == [(step, 150) for step in range(1, 151)]
    assert fitted.config == replace(CONFIG, head=True)
    u, label = torch.randn(50, 7, generator=torch.Generator().manual_seed(3)), torch.arange(50) % 5
    with torch.no_grad():
        painted, given = (torch.sigmoid(each.decode(u, label)) for each in (model, fitted))
    spread = (painted - painted.mean(dim=0)).square().mean()
    assert (given - painted).square().mean() < 0.3 * spread
    assert all(torch.equal(value, fitted.state_dict()[name]) for name, value in model.state_dict().items())


def test_half_of_the_latents_are_those_of_real_glyphs() -> None:
    model = pen()
    mu, logvar, label = torch.full((6, 7), 3.0), torch.full((6, 7), -8.0), torch.arange(6) % 5
    z, labels = latents(model, mu, logvar, label, torch.Generator().manual_seed(0))
    assert z.shape == (12, 7)
    assert torch.equal(labels[:6], label)
    assert torch.all((z[:6, 3:] - 3).abs() < 0.2)  # forms at their posterior
    assert z[6:, 3:].std() > 0.5  # forms of the prior
