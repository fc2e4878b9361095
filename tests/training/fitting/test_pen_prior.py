from dataclasses import replace

import numpy as np
import pytest
import torch

from glyphvae_training.data.dataset import Split
from glyphvae_training.data.lettering import Lettering
from glyphvae_training.fitting.pen_prior import (
    GLYPHS,
    SPREAD,
    fit_priors,
    hand_posteriors,
    hands_of_all,
    posteriors,
    spread_forms,
)
from glyphvae_training.fitting.prior import PriorConfig
from glyphvae_training.models.pen import Pen
from tests.training.examples import SMALL_PEN, random_characters, random_lettering

CONFIG = SMALL_PEN
HOW = PriorConfig(couplings=2, epochs=8, batch_size=32)


def pen() -> Pen:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Pen(CONFIG).eval()
        torch.nn.init.normal_(model.usual.weight, std=0.5)
        return model


@pytest.fixture(scope="module")
def singles() -> Split:
    return random_characters(120, labels=5)


@pytest.fixture(scope="module")
def lettering() -> Lettering:
    return random_lettering(writers=4, labels=5)


def test_posteriors_are_those_of_single_characters_then_of_coarse_lettering(
    singles: Split, lettering: Lettering
) -> None:
    model = pen()
    mu, logvar, label = posteriors(model, singles, lettering)
    assert label.tolist() == [*singles.labels, *lettering.labels]
    coarse = lettering.images[3].reshape(28, 2, 28, 2).mean((1, 3))
    for row, image in ((7, singles.images[7]), (123, coarse)):
        x = torch.from_numpy(np.asarray(image, np.float32)).unsqueeze(0) / 255
        alone = model.posterior(x, label[row : row + 1])
        torch.testing.assert_close((mu[row : row + 1], logvar[row : row + 1]), alone)


def test_hands_of_writers_are_surer_than_those_of_single_characters(singles: Split, lettering: Lettering) -> None:
    mu, logvar = torch.zeros(140, 3), torch.zeros(140, 3)
    mu[120:] = torch.arange(4).repeat_interleave(5).unsqueeze(1).float()  # the writer's number
    hand, hand_logvar = hand_posteriors(mu, logvar, len(singles), lettering, seed=0)
    assert hand.shape == (150, 3)  # a fifth of fonts
    torch.testing.assert_close(hand_logvar[:120].exp(), torch.full((120, 3), 1 / 2))
    torch.testing.assert_close(hand_logvar[120:].exp(), torch.full((30, 3), 1 / (1 + GLYPHS)))
    expected = GLYPHS / (1 + GLYPHS) * torch.arange(4).repeat(8)[:30].float()
    torch.testing.assert_close(hand[120:], expected.unsqueeze(1).expand(30, 3))


def test_the_hand_of_a_glyph_is_that_of_its_writer(singles: Split, lettering: Lettering) -> None:
    mu, logvar = torch.zeros(140, 3), torch.zeros(140, 3)
    mu[:120], mu[120:] = 1.0, torch.arange(4).repeat_interleave(5).unsqueeze(1).float()
    hands = hands_of_all(mu, logvar, len(singles), lettering)
    torch.testing.assert_close(hands[:120], torch.full((120, 3), 1 / 2))
    torch.testing.assert_close(hands[120:], 5 / 6 * mu[120:])


def test_priors_make_the_latents_of_real_glyphs_likely(singles: Split, lettering: Lettering) -> None:
    model = pen()
    with torch.no_grad():
        model.encoder.last.bias[: CONFIG.latent_size] += 1.5  # away from N(0, I)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    seen: list[tuple[str, int, int]] = []
    fitted = fit_priors(model, singles, lettering, HOW, lambda *step: seen.append(step))
    assert seen == [
        (stage, step, total)
        for stage, total in (("prior of forms", 32), ("prior of hands", 32))
        for step in range(1, total + 1)
    ]
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())
    mu, logvar, label = posteriors(model, singles, lettering)
    hands = hands_of_all(mu[:, : CONFIG.hand_size], logvar[:, : CONFIG.hand_size], len(singles), lettering)
    form = (mu[:, CONFIG.hand_size :] - model.usual_form(hands, label)).detach()
    assert fitted.form_flow is not None
    with torch.no_grad():
        found = fitted.form_flow.log_prob(form, label).mean()
        normal = torch.distributions.Normal(0.0, 1.0).log_prob(form).sum(dim=1).mean()  # type: ignore[no-untyped-call]
    assert found > normal + 1
    assert fitted.config == replace(CONFIG, couplings=2)


def test_priors_leave_the_drawing_of_latents_as_it_was(singles: Split, lettering: Lettering) -> None:
    model = pen()
    fitted = fit_priors(model, singles, lettering, replace(HOW, epochs=1))
    z, label = torch.randn(5, 7, generator=torch.Generator().manual_seed(0)), torch.arange(5)
    assert all(map(torch.equal, model.write(z, label), fitted.write(z, label)))


def test_forms_of_characters_are_spread_about_the_middle_of_their_label(singles: Split, lettering: Lettering) -> None:
    model = fit_priors(pen(), singles, lettering, replace(HOW, epochs=1))
    spread = spread_forms(model)
    hand, form = torch.randn(400, CONFIG.hand_size), torch.randn(400, CONFIG.form_size)
    label = torch.zeros(400, dtype=torch.int64)
    assert model.form_flow is not None
    middle = model.form_flow.shift.weight[0] + model.usual_form(hand, label)
    narrow, wide = (one.formed(hand, form, label)[:, CONFIG.hand_size :] - middle for one in (model, spread))
    torch.testing.assert_close(wide, SPREAD * narrow)
