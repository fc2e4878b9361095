"""Fifth stage of the pen: the samples of a label have as much ink as real characters, and edges as sharp.

Two moments of each label's pictures, which a likelihood leaves aside: where strokes are not quite in their place, it is
raised by soft edges, and the hand of a character explains a thickness that all characters of its label have.
"""

import copy
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from glyphvae_training.data.dataset import Split
from glyphvae_training.models.pen import Pen

Pixels = NDArray[np.uint8]

# Samples of each label in a round, and rounds: each takes off half of what is wrong, or more.
SAMPLES, ROUNDS = 400, 8
# What the decoder's output for softness changes by for a unit of the log of sharpness.
STEP = 4.0


class Moments(NamedTuple):
    """Means over pictures of one label.

    Attributes:
        ink: Of all pixels, in [0, 1].
        sharpness: Squared differences between neighbours by their absolute differences, in (0, 1]: 1 if all edges are
            steps from paper to ink.
    """

    ink: float
    sharpness: float


def moments(images: Pixels) -> Moments:
    """Measure pictures (n, side, side) of one label."""
    x = images.astype(np.float32) / 255
    steps = [np.abs(np.diff(x, axis=axis)) for axis in (1, 2)]
    return Moments(float(x.mean()), float(sum(np.square(s).sum() for s in steps) / sum(s.sum() for s in steps)))


@torch.no_grad()
def match_pictures(model: Pen, singles: Split, seed: int) -> Pen:
    """Return a pen whose samples have the ink and the sharpness of characters, on average over each label.

    Args:
        model: With priors; it stays as it is.
        singles: Characters; labels that they lack stay as they are.
        seed: Of the samples.
    """
    matched = copy.deepcopy(model)
    last = matched.decoder.last.table
    assert last is not None  # noqa: S101 (a conditional layer)
    softness = matched.decoder.parts(last.weight).softness
    generator = torch.Generator().manual_seed(seed)
    for label in np.unique(singles.labels):
        real = moments(singles.images[singles.labels == label])
        labels = torch.full((SAMPLES,), int(label))
        for _ in range(ROUNDS):
            z = torch.randn(SAMPLES, model.config.latent_size, generator=generator)
            made = moments((255 * matched.decode(z, labels).sigmoid()).round().to(torch.uint8).numpy())
            matched.decoder.thickness.weight[label] += float(np.log(real.ink / made.ink))
            softness[label] += STEP * float(np.log(made.sharpness / real.sharpness))
    return matched
