"""The training objective: the negative evidence lower bound, with a weight on the KL.

Kingma & Welling, arXiv:1312.6114: the bound (equation 3), the reparameterisation (section 2.4), the Gaussian KL
(appendix B). Higgins et al., "beta-VAE" (ICLR 2017): the weight beta (equation 4).
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Loss(NamedTuple):
    """Loss of a batch and its terms, in nats.

    Attributes:
        total: Scalar, what is differentiated.
        reconstruction: (n,) of each image, the distortion.
        kl: (n,) of each image, the rate.
        kl_per_unit: (n, latent), which add up to `kl`.
    """

    total: Tensor
    reconstruction: Tensor
    kl: Tensor
    kl_per_unit: Tensor


def reconstruction(logits: Tensor, x: Tensor) -> Tensor:
    """Compute -log p(x|z) = -sum_i [x_i log s(l_i) + (1 - x_i) log(1 - s(l_i))], Bernoulli over grey pixels.

    The sum over pixels, never their mean: a mean would multiply beta by 784.

    Args:
        logits: (n, 28, 28), log odds of ink l; s is the logistic function.
        x: (n, 28, 28) in [0, 1].

    Returns:
        (n,) nats per image, at least 0.
    """
    return functional.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(dim=1)


def kl_per_unit(mu: Tensor, logvar: Tensor) -> Tensor:
    """Compute KL(N(mu, sigma²) || N(0, 1)) = ½ (mu² + sigma² - 1 - log sigma²) of every latent.

    Args:
        mu: (n, latent).
        logvar: (n, latent), log sigma².

    Returns:
        (n, latent) nats, at least 0.
    """
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar)


def kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """Compute KL(q(z|x) || N(0, I)) in closed form: (n,) nats per image, the sum of `kl_per_unit`."""
    return kl_per_unit(mu, logvar).sum(dim=1)


def loss(logits: Tensor, x: Tensor, mu: Tensor, logvar: Tensor, beta: float, *, free_nats: float = 0.0) -> Loss:
    """Compute L = mean over the batch of [-log p(x|z) + beta KL(q(z|x) || N(0, I))].

    With beta = 1 it is the negative evidence lower bound, estimated by one z for each image.

    Args:
        logits: (n, 28, 28), decoded from one z drawn from the posterior.
        x: (n, 28, 28) in [0, 1].
        mu: (n, latent).
        logvar: (n, latent).
        beta: Weight of the KL, at least 0.
        free_nats: Of each latent's mean KL over the batch, only what exceeds this counts in the total.
    """
    distortion, per_unit = reconstruction(logits, x), kl_per_unit(mu, logvar)
    counted = per_unit.mean(dim=0).clamp(min=free_nats).sum()
    return Loss(distortion.mean() + beta * counted, distortion, per_unit.sum(dim=1), per_unit)


def reparameterise(mu: Tensor, logvar: Tensor, generator: torch.Generator, rank: int = 0, world: int = 1) -> Tensor:
    """Draw z = mu + sigma·eps, (n, latent), with eps from N(0, I).

    Where `mu` holds every `world`-th row of a batch from its `rank`-th on, the noise is that of the whole batch:
    processes with equal generators draw together what one would draw alone.
    """
    rows, size = mu.shape
    eps = torch.randn(rows * world, size, generator=generator, device=mu.device, dtype=mu.dtype)[rank::world]
    return mu + (logvar / 2).exp() * eps
