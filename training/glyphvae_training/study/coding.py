"""Rate and distortion of a model on a set of characters, in nats per image.

The reconstruction is a sum over the 784 pixels and a mean over images, whatever beta the model was trained with; a mean
over pixels would make every beta 784 times as strong.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from glyphvae_training.data.dataset import Split
from glyphvae_training.evaluation.coder import Coder
from glyphvae_training.export.exported import Floats, posterior_sample
from glyphvae_training.fitting.objective import kl_per_unit, reconstruction
from glyphvae_training.study.latents import moments

REDUCTION = "sum over pixels, mean over images"
Json = dict[str, Any]


def coding(coder: Coder, split: Split, rng: np.random.Generator) -> Json:
    """Measure rate, distortion and the statistics of the latents.

    Args:
        coder: the model.
        split: n characters.
        rng: draws one z for each.

    Returns:
        Means over the n images: `rate` (KL), `distortion` (-log p(x|z)), `negative_elbo` (their sum) and `mse` (mean
        over pixels at z = mu). For each latent: `kl_per_unit`, `mu_variance_per_unit`, `mean_variance_per_unit` (of
        sigma²) and `second_moment_per_unit`; and of the latents `active_units`.
    """
    mu, logvar = coder.encode(split.images, split.labels)
    _, logits = coder.decode(posterior_sample(mu, logvar, rng), split.labels)
    x = torch.from_numpy(split.images).float() / 255  # (n, 28, 28)
    distortion = float(reconstruction(torch.from_numpy(logits), x).mean())
    per_unit = kl_per_unit(torch.from_numpy(mu), torch.from_numpy(logvar)).mean(dim=0)  # (latent,)
    rate, found = float(per_unit.sum()), moments(mu, logvar)
    return {
        "images": len(split),
        "rate": rate,
        "distortion": distortion,
        "negative_elbo": rate + distortion,
        "mse": reconstruction_mse(coder, split, mu),
        "kl_per_unit": per_unit.tolist(),
        "mu_variance_per_unit": found.mu_variance.tolist(),
        "mean_variance_per_unit": found.mean_variance.tolist(),
        "second_moment_per_unit": found.second_moment.tolist(),
        "active_units": int(found.active.sum()),
    }


def reconstruction_mse(coder: Coder, split: Split, mu: Floats) -> float:
    """Compute the mean over pixels and images of (x - mean(x|z = mu))², x in [0, 1]."""
    _, logits = coder.decode(mu, split.labels)
    return float(np.square(means(logits) - split.images / np.float32(255)).mean())


def means(logits: Floats) -> Floats:
    """Return the mean of p(x|z), in [0, 1]."""
    return torch.sigmoid(torch.from_numpy(logits)).numpy()


def class_means(split: Split, labels: int) -> NDArray[np.float64]:
    """Return the mean image of each label, (labels, 28, 28) in [0, 1]."""
    return np.stack([split.images[split.labels == label].mean(axis=0) / 255 for label in range(labels)])


def distance_to_mean(coder: Coder, average: NDArray[np.float64], rng: np.random.Generator, samples: int = 20) -> float:
    """Compute the root mean square difference of samples from the mean image of their label.

    Args:
        coder: a conditional model.
        average: (labels, 28, 28) in [0, 1].
        rng: draws `samples` latents for each label.
        samples: of each label.
    """
    labels = np.repeat(np.arange(len(average)), samples)
    z = rng.standard_normal((len(labels), coder.latent_size), dtype=np.float32)
    _, logits = coder.decode(z, labels)
    return float(np.sqrt(np.square(means(logits) - average[labels]).mean()))


def samples(coder: Coder, each: int, rng: np.random.Generator) -> Split:
    """Draw `each` samples of every label from the prior, sorted by label; all 0 for an unconditional model."""
    labels = np.repeat(np.arange(max(1, len(coder.labels))), each)
    z = rng.standard_normal((len(labels), coder.latent_size), dtype=np.float32)
    return Split(coder.decode(z, labels)[0], labels)
