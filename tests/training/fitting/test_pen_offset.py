from dataclasses import replace

import numpy as np
import pytest
import torch

from glyphvae_training.data.dataset import Split
from glyphvae_training.fitting.pen_offset import offset_hands
from glyphvae_training.fitting.pen_prior import factors
from glyphvae_training.models.pen import Pen, combined
from tests.training.examples import SMALL_PEN, random_characters

CONFIG = replace(SMALL_PEN, label_count=7)
KNOWN = 5


def pen() -> Pen:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Pen(CONFIG).eval()
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.2)
        return model


@pytest.fixture(scope="module")
def singles() -> Split:
    return random_characters(120, labels=KNOWN)


def hands(model: Pen, singles: Split) -> torch.Tensor:
    """Return the mean hand of each label, (known, hand)."""
    label = torch.from_numpy(singles.labels)
    mu, logvar = factors(model, torch.from_numpy(singles.images), label)
    own, _ = combined(mu[:, None, :3], logvar[:, None, :3])
    return torch.stack([own[label == one].mean(dim=0) for one in range(KNOWN)])


def test_hands_of_all_labels_have_the_same_mean_but_for_the_pens_weight(singles: Split) -> None:
    model = pen()
    before, after = hands(model, singles), hands(offset_hands(model, singles, seed=0), singles)
    weight = torch.nn.functional.normalize(model.decoder.weight.weight.detach(), dim=1)[0]
    spread = [(x - (x @ weight).outer(weight)).std(dim=0).norm() for x in (before, after)]
    # The prior takes off a part of each hand, and so of its offset.
    assert 0 < spread[1] < 0.8 * spread[0]


def test_a_hand_keeps_its_pen_and_its_sizes(singles: Split) -> None:
    model = pen()
    fitted = offset_hands(model, singles, seed=0)
    hand = torch.randn(4000, 3, generator=torch.Generator().manual_seed(3))
    for one in range(KNOWN):
        label = torch.full((len(hand),), one)
        before, after = (m.write(torch.cat([hand, m.usual_form(hand, label)], dim=1), label) for m in (model, fitted))
        assert (before.control - after.control).abs().mean() > 0.002
        places = [writing.metrics[:, 1:].mean(dim=0) for writing in (before, after)]
        torch.testing.assert_close(*places, atol=0.03, rtol=0.01)
        sizes = [writing.metrics[:, 0].log().mean() for writing in (before, after)]
        torch.testing.assert_close(*sizes, atol=0.03, rtol=0.01)
        # Stroke widths vary along strokes as the form does; the hand's own width is the same.
        pens = [(writing.radius * writing.metrics[:, :1, None]).log().mean(dim=(1, 2)) for writing in (before, after)]
        torch.testing.assert_close(*pens, rtol=0, atol=0.1)


def test_labels_without_characters_have_none_and_the_model_stays_as_it_is(singles: Split) -> None:
    model = pen()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    fitted = offset_hands(model, singles, seed=0)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert not fitted.hand_offset[KNOWN:].any()
    assert np.all(fitted.hand_offset[:KNOWN].norm(dim=1).numpy() > 0)
