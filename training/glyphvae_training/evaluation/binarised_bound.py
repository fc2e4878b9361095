"""The likelihood -log p(x) of binarised test digits, known in papers as the NLL of binarised MNIST.

5,000 draws for each of 10,000 images would be half a day of one core. So all images get the bound with few draws, and
some of them also with 5,000: the mean difference, which is small and varies little, is taken off the mean of all (a
control variate, see Owen, "Monte Carlo theory, methods and examples", section 8.9).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from glyphvae_training.data.dataset import Split, pick
from glyphvae_training.fitting.binarised import negative_bound
from glyphvae_training.measures.measure import significant
from glyphvae_training.models.vae import VAE

# Two-sided, 95 %, of a normal distribution.
QUANTILE = 1.96


@dataclass(frozen=True)
class Draws:
    """Numbers of draws.

    Attributes:
        few: For every image.
        many: For some images.
        images: How many those are.
    """

    few: int = 50
    many: int = 5000
    images: int = 300


def likelihood(model: VAE, test: Split, draws: Draws, seed: int = 0) -> dict[str, Any]:
    """Estimate -log p(x) of images, in nats, by the importance-weighted bound with `draws.many` draws.

    Args:
        model: With a flow.
        test: Images of 0 and 255.
        draws: How many.
        seed: Of the noise, and of which images get many draws.

    Returns:
        `value`, `low` and `high` (95 %, of a normal distribution, for another set of as many images), `n` images, and
        `draws`; `few`: the same bound with few draws; `elbo`: with one; `images_with_all_draws`.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(test))[: draws.images])
    few = negative_bound(model, test, draws.few, generator).numpy()
    many = negative_bound(model, pick(test, chosen), draws.many, generator).numpy()
    one = negative_bound(model, test, 1, generator).numpy()
    gained = few[chosen] - many
    value = float(few.mean() - gained.mean())
    error = QUANTILE * math.sqrt(few.var() / len(few) + gained.var() / len(gained))
    return {
        "value": significant(value),
        "low": significant(value - error),
        "high": significant(value + error),
        "n": len(few),
        "draws": draws.many,
        "images_with_all_draws": len(chosen),
        "few": {"value": significant(float(few.mean())), "draws": draws.few},
        "elbo": significant(float(one.mean())),
    }
