"""The importance-weighted bound on log p(x|c), which is tighter than the ELBO and tightens with more draws.

Burda, Grosse & Salakhutdinov, "Importance weighted autoencoders" (arXiv:1509.00519), equation 8:
log 1/K sum over k of p(x|z_k) p(z_k) / q(z_k|x), z_k ~ q(z|x). With 5,000 draws it is what the literature calls the
negative log likelihood. Of grey pixels p(x|z) is not a density, so that grey and binarised figures never compare.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import logsumexp

from glyphvae_training.data.dataset import Split
from glyphvae_training.export.exported import Exported, posterior_sample
from glyphvae_training.fitting.objective import reconstruction

# Latents that are decoded at a time: 16 MB of logits.
CHUNK = 5000


def importance_bound(model: Exported, split: Split, draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Compute the bound on -log p(x|c) of each image, in nats: (n,).

    Args:
        model: the exported model.
        split: images uint8 and labels; values between paper and ink count as shares of ink.
        draws: K, at least 1.
        rng: draws the latents.
    """
    mu, logvar = model.encode(split.images, split.labels)
    x = torch.from_numpy(split.images).float() / 255  # (n, 28, 28)
    bounds = []
    for row in range(len(split)):
        parts = [
            log_weights(model, x[row], mu[row], logvar[row], split.labels[row], min(CHUNK, draws - start), rng)
            for start in range(0, draws, CHUNK)
        ]
        bounds.append(np.log(draws) - logsumexp(np.concatenate(parts)))
    return np.array(bounds)


def log_weights(  # noqa: PLR0917 (a formula's)
    model: Exported,
    x: torch.Tensor,
    mu: NDArray[np.float32],
    logvar: NDArray[np.float32],
    label: np.int64,
    draws: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw log p(x|z) + log p(z) - log q(z|x) `draws` times: (draws,)."""
    means, spreads = (np.broadcast_to(values, (draws, len(values))) for values in (mu, logvar))
    z = posterior_sample(means, spreads, rng)  # (draws, latent)
    _, logits = model.decode(z, np.full(draws, label))
    likelihood = -reconstruction(torch.from_numpy(logits), x.expand(draws, -1, -1)).numpy().astype(np.float64)
    # The constants of the two normal densities cancel.
    prior = -0.5 * np.square(z, dtype=np.float64).sum(axis=1)
    posterior = -0.5 * (np.square(z - mu, dtype=np.float64) / np.exp(logvar) + logvar).sum(axis=1)
    return np.asarray(likelihood + prior - posterior)
