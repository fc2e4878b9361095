"""Third stage of the pen: what the hands of a label's characters have in common goes to the label.

Each of NIST's characters is a writer of its own, so a hand may explain what is due to the label: hands of z are not
those of O, and a z drawn in a hand of all labels would look like a Z. The mean difference becomes an offset of the
label, which the decoder adds to the hand and the encoder takes off again.
"""

import copy

import torch
from torch import Tensor
from torch.nn import functional

from glyphvae_training.data.dataset import Split
from glyphvae_training.fitting.pen_prior import factors
from glyphvae_training.models.pen import Pen, combined

# Hands for which the sizes of a label stay what they were on average.
HANDS = 1000


@torch.no_grad()
def offset_hands(model: Pen, singles: Split, seed: int) -> Pen:
    """Return a pen whose hands of single characters differ less between labels, which have offsets instead.

    A hand has one pen for all labels, so that no offset changes its width; and fonts taught the sizes of letters, which
    stay as they are on average.

    Args:
        model: Without offsets; it stays as it is.
        singles: What it was trained on.
        seed: Of the hands.
    """
    fitted = copy.deepcopy(model)
    label = torch.from_numpy(singles.labels)
    mu, logvar = factors(model, torch.from_numpy(singles.images), label)
    hands = model.config.hand_size
    own, _ = combined(mu[:, None, :hands], logvar[:, None, :hands])
    known = torch.unique(label)
    means = torch.stack([own[label == one].mean(dim=0) for one in known]).double()
    offset = means - means.mean(dim=0)  # (known, hand)
    pen = functional.normalize(model.decoder.weight.weight[0].double(), dim=0)
    fitted.hand_offset[known] = (offset - (offset @ pen).outer(pen)).float()
    _keep_proportions(model, fitted, known, seed)
    return fitted


def _keep_proportions(before: Pen, after: Pen, labels: Tensor, seed: int) -> None:
    c = before.config
    assert after.decoder.last.table is not None  # noqa: S101 (a conditional layer)
    metrics = after.decoder.parts(after.decoder.last.table.weight).metrics
    hand = torch.randn(HANDS, c.hand_size, generator=torch.Generator().manual_seed(seed))
    for one in labels:
        label = one.expand(HANDS)
        means = [
            model.decoder.parts(
                model.features(torch.cat([hand, model.usual_form(hand, label)], dim=1), label)
            ).metrics.mean(dim=0)
            for model in (before, after)
        ]
        metrics[one] += means[0] - means[1]
