"""Third stage of the pen: a decoder to pixels that gives what its strokes look like when they are painted.

Hinton, Vinyals & Dean, "Distilling the knowledge in a neural network" (arXiv:1503.02531). Latents are those of real
glyphs and of the priors in equal parts, every label of the latter equally often, so that it is right for samples and
for reconstructions; the loss is that of the likelihood, with painted ink in the place of real one.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from glyphvae_training.data.dataset import Split
from glyphvae_training.data.lettering import Lettering
from glyphvae_training.fitting.objective import reconstruction, reparameterise
from glyphvae_training.fitting.pen_prior import posteriors
from glyphvae_training.models.pen import Pen
from glyphvae_training.models.strokes import SIDE
from glyphvae_training.progress import Progress, no_progress


@dataclass(frozen=True)
class HeadConfig:
    """Settings of the head's training.

    Attributes:
        steps: Batches.
        batch_size: Glyphs in a batch, even.
        learning_rate: Adam's, at its highest; a cosine takes it to 0.
        seed: Of weights and latents.
    """

    steps: int = 5000
    batch_size: int = 256
    learning_rate: float = 2e-3
    seed: int = 0


def fit_head(
    model: Pen, singles: Split, lettering: Lettering, config: HeadConfig, progress: Progress = no_progress
) -> Pen:
    """Train a head; returns a pen with it.

    Args:
        model: With priors and without a head; it stays as it is.
        singles: Real characters.
        lettering: Writers' glyphs.
        config: How to train.
        progress: Called with the batches done and the batches in all.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        fitted = Pen(replace(model.config, head=True))
    fitted.load_state_dict(model.state_dict(), strict=False)
    head = fitted.head
    assert head is not None  # noqa: S101 (as configured)
    mu, logvar, label = posteriors(model, singles, lettering)
    optimiser = torch.optim.Adam(head.parameters(), config.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: 0.5 * (1 + math.cos(math.pi * step / config.steps))
    )
    generator = torch.Generator().manual_seed(config.seed)
    for step in range(config.steps):
        rows = torch.randint(len(label), (config.batch_size // 2,), generator=generator)
        z, labels = latents(model, mu[rows], logvar[rows], label[rows], generator)
        with torch.no_grad():
            painted = model.ink(model.write(z, labels)).view(-1, SIDE, SIDE)
        loss = reconstruction(head(z, labels), painted).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        progress(step + 1, config.steps)
    return fitted.eval()


@torch.no_grad()
def latents(model: Pen, mu: Tensor, logvar: Tensor, label: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw latents (2n, latent) and labels (2n,): of posteriors (n, latent), then as many of the priors."""
    real = reparameterise(*model.with_prior(mu, logvar), generator)
    other = torch.randint(model.config.label_count, label.shape, generator=generator)
    drawn = model.to_latents(torch.randn(real.shape, generator=generator), other)
    return torch.cat([real, drawn]), torch.cat([label, other])
