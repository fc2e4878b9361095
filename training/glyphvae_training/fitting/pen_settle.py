"""Fourth stage of the pen: a mark has the same strokes in all hands.

NIST has no marks, and each font shows them once, which is too seldom to tell in which hands a stroke is missing: a &
would lose its loop in one hand of six. So strokes that are drawn in most samples are drawn in all, and others in none.
Letters and digits keep theirs, which hands do write differently.
"""

import copy

import torch

from glyphvae_training.data.alphabet import CHARACTERS
from glyphvae_training.models.pen import DRAWN, Pen

# Samples of each mark, and the share of them in which a stroke is drawn that is drawn in all. Of an asterisk's second
# stroke, which some fonts lack, it is 0.4; of the second way to draw a tilde 0.27.
SAMPLES, SHARE = 1000, 0.34
# Of the decoder's output, before a sigmoid of twice it: far from both ends of what hands change.
CERTAIN = 8.0


@torch.no_grad()
def settle(model: Pen, seed: int) -> Pen:
    """Return a pen whose marks have the same strokes in all hands and forms.

    Args:
        model: With priors; it stays as it is.
        seed: Of the samples.
    """
    settled = copy.deepcopy(model)
    last, c = settled.decoder.last, model.config
    assert last.table is not None  # noqa: S101 (a conditional layer)
    first = sum(settled.decoder.sizes[:2])
    columns = slice(first, first + c.strokes)
    generator = torch.Generator().manual_seed(seed)
    for mark in range(CHARACTERS, c.label_count):
        label = torch.full((SAMPLES,), mark)
        z = model.to_latents(torch.randn(SAMPLES, c.latent_size, generator=generator), label)
        share = (model.write(z, label).presence > DRAWN).float().mean(dim=0)  # (strokes,)
        last.table.weight[mark, columns] += torch.where(share >= SHARE, CERTAIN, -CERTAIN)
    return settled
