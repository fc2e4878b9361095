from dataclasses import replace

import torch

from glyphvae_training.data.alphabet import CHARACTERS
from glyphvae_training.fitting.pen_settle import SHARE, settle
from glyphvae_training.models.pen import DRAWN, Pen
from tests.training.examples import SMALL_PEN

MARK = CHARACTERS


def pen() -> Pen:
    """Return a pen of three strokes, of which hands draw the first always, the second often and the third seldom."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Pen(replace(SMALL_PEN, label_count=CHARACTERS + 2, strokes=3)).eval()
    first = sum(model.decoder.sizes[:2])
    with torch.no_grad():
        model.decoder.last.linear.weight[first + 1 : first + 3] *= 30
        assert model.decoder.last.table is not None
        model.decoder.last.table.weight[:, first : first + 3] = torch.tensor([9, 0.9, -0.9])
    return model


def drawn(model: Pen, label: int) -> torch.Tensor:
    """Return the share of samples in which each stroke is drawn, (strokes,)."""
    z = torch.randn(500, model.config.latent_size, generator=torch.Generator().manual_seed(9))
    labels = torch.full((500,), label)
    with torch.inference_mode():
        return (model.write(model.to_latents(z, labels), labels).presence > DRAWN).float().mean(dim=0)


def test_a_mark_has_the_same_strokes_in_all_hands() -> None:
    model = pen()
    always, often, seldom = drawn(model, MARK).tolist()
    assert SHARE < often < always == 1
    assert 0 < seldom < SHARE
    settled = settle(model, seed=0)
    assert drawn(settled, MARK).tolist() == drawn(settled, MARK + 1).tolist() == [1, 1, 0]


def test_letters_keep_theirs_and_the_model_stays_as_it_is() -> None:
    model = pen()
    before = drawn(model, 3).tolist(), drawn(model, MARK).tolist()
    assert drawn(settle(model, seed=0), 3).tolist() == before[0]
    assert (drawn(model, 3).tolist(), drawn(model, MARK).tolist()) == before
