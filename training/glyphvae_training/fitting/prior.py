"""Fits a flow between noise and latents to the latents that a trained encoder gives.

They are not spread as N(0, I) is where the KL had little weight: samples then fall between them, and are smears between
two shapes. The flow is fitted by maximum likelihood to z drawn from q(z|x, c) of the training images, every label
equally often (Xiao, Yan & Amit, arXiv:1905.10485).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from glyphvae_training.data.batches import balanced_order
from glyphvae_training.fitting.objective import reparameterise
from glyphvae_training.models.flow import Flow
from glyphvae_training.progress import Progress


@dataclass(frozen=True)
class PriorConfig:
    """Settings of the flow's fit.

    Attributes:
        couplings: Of the flow.
        epochs: Passes over as many latents as there are images.
        batch_size: Latents in a batch.
        learning_rate: AdamW's, at its highest; a cosine takes it to 0.
        weight_decay: AdamW's.
        seed: Of order and noise.
    """

    couplings: int = 4
    epochs: int = 10
    batch_size: int = 512
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    seed: int = 0


def fit_flow(  # noqa: PLR0917 (what, on what, how)
    flow: Flow, mu: Tensor, logvar: Tensor, label: Tensor, config: PriorConfig, progress: Progress
) -> None:
    """Maximise the mean log p(z|c) of z = mu + sigma·eps.

    Args:
        flow: fitted in place.
        mu: (n, latent).
        logvar: (n, latent).
        label: (n,) int64.
        config: how.
        progress: called with the batches done and the batches in all.
    """
    start_at_moments(flow, mu, logvar, label)
    generator = torch.Generator().manual_seed(config.seed)
    optimiser = torch.optim.AdamW(flow.parameters(), config.learning_rate, weight_decay=config.weight_decay)
    size = min(config.batch_size, len(label))
    each = len(label) // size
    total = each * config.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 0.5 * (1 + math.cos(math.pi * step / total)))
    for epoch in range(config.epochs):
        order = balanced_order(label, generator)
        for batch in range(each):
            rows = order[batch * size : (batch + 1) * size]
            z = reparameterise(mu[rows], logvar[rows], generator)
            loss = -flow.log_prob(z, label[rows]).mean()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            progress(epoch * each + batch + 1, total)


@torch.no_grad()
def start_at_moments(flow: Flow, mu: Tensor, logvar: Tensor, label: Tensor) -> None:
    """Set mean and variance of each label to those of its latents, so that the couplings learn only the rest."""
    for value in torch.bincount(label).nonzero().flatten():
        rows = label == value
        variance = mu[rows].var(dim=0, unbiased=False) + logvar[rows].exp().mean(dim=0)
        flow.shift.weight[value] = mu[rows].mean(dim=0)
        flow.log_scale.weight[value] = variance.log() / 2
