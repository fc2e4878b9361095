"""Second stage: fits the flow between noise and latents to a trained conditional VAE.

The first stage leaves latents of each label that are not spread as N(0, I) is: samples then fall between them, and are
smears between two shapes. The flow is fitted by maximum likelihood to z drawn from q(z|x, c) of the training images,
every label equally often; encoder and decoder stay as they are (Xiao, Yan & Amit, arXiv:1905.10485).
"""

import math
from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from glyphvae_training.data.batches import Batches, balanced_order
from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.errors import RunError
from glyphvae_training.fitting.objective import reparameterise
from glyphvae_training.fitting.runs import Run, check_data
from glyphvae_training.models.cvae import CVAE, CVAEConfig
from glyphvae_training.models.flow import Flow
from glyphvae_training.progress import Progress, no_progress

ENCODED_AT_A_TIME = 512


@dataclass(frozen=True)
class PriorConfig:
    """Settings of the flow's fit.

    Attributes:
        couplings: Of the flow; each costs a decoder about 2 % of its time.
        epochs: Passes over as many latents as there are images.
        batch_size: Latents in a batch.
        learning_rate: AdamW's, at its highest; a cosine takes it to 0.
        weight_decay: AdamW's.
        seed: Of order and noise.
    """

    couplings: int = 4
    epochs: int = 30
    batch_size: int = 512
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    seed: int = 0


def fit_prior(run: Run, data: Dataset, config: PriorConfig, progress: Progress = no_progress) -> Run:
    """Fit a flow to the latents of a run; returns the run with it.

    Args:
        run: a trained conditional model without one.
        data: what it was trained on.
        config: how to fit.
        progress: called with the batches done and the batches in all.

    Raises:
        RunError: the model is unconditional or has a flow, or `data` is another data set.
    """
    first = run.model
    if not isinstance(first, CVAE) or first.flow is not None:
        raise RunError("a prior is fitted to a conditional model that has none yet")
    check_data(run, data)
    model = CVAE(CVAEConfig(**first.config.to_dict() | {"couplings": config.couplings}))
    model.load_state_dict(first.state_dict(), strict=False)
    assert model.flow is not None  # noqa: S101 (as configured)
    mu, logvar = encoded(first, data.train)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model.flow = Flow(first.config.latent_size, first.config.label_count, config.couplings)
    fit_flow(model.flow, mu, logvar, torch.from_numpy(data.train.labels), config, progress)
    return replace(run, model=model.eval(), training=run.training | {"prior": asdict(config)})


@torch.inference_mode()
def encoded(model: CVAE, split: Split) -> tuple[Tensor, Tensor]:
    """Return `mu` and `logvar` of q(z|x, c), each (n, latent), of every image."""
    batches = Batches(split, ENCODED_AT_A_TIME, torch.device("cpu"))
    parts = [model.eval().encode(batch.x, batch.label) for batch in batches]
    mu, logvar = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    return mu, logvar


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
        progress: see `fit_prior`.
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
