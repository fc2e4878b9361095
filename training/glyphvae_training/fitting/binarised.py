"""Training of a plain VAE of binarised digits for its likelihood: posterior, decoder and prior together.

Grey values are taken as probabilities of ink, as all likelihoods of "binarised MNIST" do. A test image is drawn once
and kept (`glyphvae_training.data.binarisation`); a training image is drawn anew each time it comes, which is known as
dynamic binarisation (Burda, Grosse & Salakhutdinov, arXiv:1509.00519, section 5) and prevents memorisation of a small
set. The prior is a flow (`glyphvae_training.models.flow`) that is trained with the rest (Chen et al., "Variational
lossy autoencoder", arXiv:1611.02731, section 3.2), and the objective is the importance-weighted bound

    log 1/K sum over k of w_k,  w_k = p(x|z_k) p(z_k) / q(z_k|x),  z_k ~ q(z|x)

which for K = 1 is the ELBO with its KL drawn instead of computed.
"""

import csv
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from glyphvae_training.data.batches import Batches
from glyphvae_training.data.binarisation import binarise
from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.errors import RunError
from glyphvae_training.files import replacing
from glyphvae_training.fitting.objective import reconstruction
from glyphvae_training.fitting.runs import Run, check_folder, load_run, save_run
from glyphvae_training.models.flow import Flow
from glyphvae_training.models.vae import VAE, VAEConfig
from glyphvae_training.progress import Progress, no_progress

CHECKPOINT = "binarised.ckpt"
# Share of the steps over which the learning rate rises.
RISE = 0.02
HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True)
class BinarisedConfig:
    """Settings of the training.

    Attributes:
        epochs: Passes over the training images.
        batch_size: Images in a batch.
        draws: K in the last epochs.
        drawing_epochs: How many of the epochs have K draws; those before have one.
        kl_warmup: Epochs over which the weight of log p(z) - log q(z|x) rises to 1 (Bowman et al., arXiv:1511.06349).
        learning_rate: Adam's, at its highest; a cosine takes it to 0.
        average: Decay of the mean of the weights, which is what is measured and kept.
        bf16: Compute encoder and decoder in bfloat16, where a CPU has it in half the time.
        seed: Of weights, order, ink and noise.
    """

    epochs: int = 36
    batch_size: int = 64
    draws: int = 5
    drawing_epochs: int = 3
    kl_warmup: int = 3
    learning_rate: float = 1e-3
    average: float = 0.999
    bf16: bool = True
    seed: int = 0


# `glyphvae train --preset vae-binarised`.
MODEL = VAEConfig(latent_size=23, encoder="resnet", decoder="resnet", couplings=6)
TRAINING = BinarisedConfig()


def fit_binarised(
    model: VAEConfig,
    data: Dataset,
    folder: Path,
    config: BinarisedConfig,
    *,
    resume: bool = False,
    progress: Progress = no_progress,
) -> Run:
    """Train a VAE on binarised digits.

    Args:
        model: What is trained; it needs couplings.
        data: Grey images.
        folder: Of the run: checkpoint and metrics.csv, and model.pt when it is finished.
        config: How.
        resume: Go on with what is in `folder`.
        progress: Called with the steps done and the steps in all.

    Raises:
        RunError: The model has no flow, or `folder` holds a run already and `resume` is not set.
    """
    if not model.couplings:
        raise RunError("a VAE of black and white digits is trained with its prior, so that it needs couplings")
    check_folder(folder, resume=resume)
    if (folder / "model.pt").exists():
        return load_run(folder)
    folder.mkdir(parents=True, exist_ok=True)
    training = Training(model, data, config)
    checkpoint = folder / CHECKPOINT
    if checkpoint.exists():
        training.load_state_dict(torch.load(checkpoint, weights_only=True))
    total = config.epochs * training.steps
    for epoch in range(training.epoch, config.epochs):
        row = {"epoch": str(epoch + 1)} | training.run_epoch(epoch, lambda done: progress(done, total))
        with replacing(checkpoint) as temporary:
            torch.save(training.state_dict(), temporary)
        add_row(folder / "metrics.csv", row, first=epoch == 0)
    run = Run(
        model=training.kept.eval(),
        labels=data.labels,
        beta=1.0,
        seed=config.seed,
        epochs=config.epochs,
        data_sha256=data.sha256,
        sources=data.sources,
        training={"binarised": asdict(config)},
    )
    save_run(folder, run)
    checkpoint.unlink()
    return run


class Training:
    """Model, mean of its weights, optimiser and schedule, advanced one epoch at a time.

    Args:
        config: Of the model.
        data: Grey images.
        how: Of the training.
    """

    def __init__(self, config: VAEConfig, data: Dataset, how: BinarisedConfig) -> None:
        self.how = how
        self.epoch = 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(how.seed)
            self.model = VAE(config).to(memory_format=torch.channels_last)
        averaging = get_ema_multi_avg_fn(how.average)  # type: ignore[no-untyped-call]
        self.averaged = AveragedModel(self.model, multi_avg_fn=averaging)
        self.batches = Batches(data.train, min(how.batch_size, len(data.train)), torch.device("cpu"), seed=how.seed)
        self.validation = binarise(data.validation, np.random.default_rng(how.seed))
        self.steps = len(self.batches)
        total = how.epochs * self.steps
        self.optimiser = torch.optim.Adam(self.model.parameters(), how.learning_rate)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimiser,
            lambda step: min(1.0, (step + 1) / (RISE * total)) * 0.5 * (1 + math.cos(math.pi * step / total)),
        )

    @property
    def kept(self) -> VAE:
        """The model with the mean of the weights."""
        return cast("VAE", self.averaged.module)

    def run_epoch(self, epoch: int, progress: Callable[[int], None]) -> dict[str, str]:
        """Train one epoch and measure it; order, ink and noise are functions of seed and epoch."""
        generator = torch.Generator().manual_seed(self.how.seed * 1_000_003 + epoch + 1)
        draws = self.how.draws if epoch >= self.how.epochs - self.how.drawing_epochs else 1
        self.batches.set_epoch(epoch)
        bounds = []
        for step, batch in enumerate(self.batches):
            x = torch.bernoulli(batch.x, generator=generator)
            weight = min(1.0, (epoch + step / self.steps) / self.how.kl_warmup) if self.how.kl_warmup else 1.0
            with torch.autocast("cpu", torch.bfloat16, enabled=self.how.bf16):
                terms = log_weights(self.model, x, draws, generator, weight)  # (draws, n)
            loss = -(torch.logsumexp(terms, dim=0) - math.log(draws)).mean()
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            self.schedule.step()
            self.averaged.update_parameters(self.model)
            bounds.append(loss.item())
            progress(epoch * self.steps + step + 1)
        self.epoch = epoch + 1
        elbo = negative_bound(self.kept, self.validation, 1, torch.Generator().manual_seed(self.how.seed)).mean()
        return {"draws": str(draws), "train/loss": f"{np.mean(bounds):.4f}", "validation/negative_elbo": f"{elbo:.4f}"}

    def state_dict(self) -> dict[str, Any]:
        """Return everything that the next epoch depends on."""
        return {"epoch": self.epoch} | {name: part.state_dict() for name, part in self.parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        self.epoch = state["epoch"]
        for name, part in self.parts().items():
            part.load_state_dict(state[name])

    def parts(self) -> dict[str, Any]:
        """Return the parts that have a state, by name."""
        return {name: getattr(self, name) for name in ("model", "averaged", "optimiser", "schedule")}


def log_weights(model: VAE, x: Tensor, draws: int, generator: torch.Generator, weight: float = 1.0) -> Tensor:
    """Draw log p(x|z) + weight · (log p(z) - log q(z|x)) with z ~ q(z|x): (draws, n), float32.

    The latents are those of the decoder, not the flow's noise: there the posterior is the Gaussian it was trained as.

    Args:
        model: With a flow.
        x: (n, 28, 28), 0 or 1.
        draws: At least 1.
        generator: Of the noise.
        weight: 1 for the bound itself.
    """
    flow = model.flow
    assert isinstance(flow, Flow)  # noqa: S101 (see `fit_binarised`)
    mu, logvar = (values.float() for values in model.encoder(x, None))
    eps = torch.randn(draws, *mu.shape, generator=generator)
    z = (mu + (logvar / 2).exp() * eps).flatten(0, 1)  # (draws · n, latent)
    logits = model.decoder(z, None).float()
    likelihood = -reconstruction(logits, x.expand(draws, *x.shape).flatten(0, 1)).view(draws, -1)
    with torch.autocast("cpu", enabled=False):
        prior = flow.log_prob(z, None).view(draws, -1)
    posterior = -(0.5 * (eps.square() + logvar) + HALF_LOG_TWO_PI).sum(dim=2)
    log_weight: Tensor = likelihood + weight * (prior - posterior)
    return log_weight


@torch.inference_mode()
def negative_bound(model: VAE, split: Split, draws: int, generator: torch.Generator, at_a_time: int = 512) -> Tensor:
    """Compute the importance-weighted bound on -log p(x) of each image, in nats, (n,) float64.

    Args:
        model: With a flow.
        split: Images uint8 (n, 28, 28), 0 or 255.
        draws: For each image.
        generator: Of the noise.
        at_a_time: Latents that are decoded together.
    """
    x = torch.from_numpy(split.images).float() / 255
    bounds = []
    for rows in torch.split(x, max(1, at_a_time // draws)):
        parts = [
            log_weights(model.eval(), rows, min(at_a_time, draws - done), generator).double()
            for done in range(0, draws, at_a_time)
        ]
        bounds.append(math.log(draws) - torch.cat(parts).logsumexp(dim=0))
    return torch.cat(bounds)


def add_row(path: Path, row: dict[str, str], *, first: bool) -> None:
    """Append an epoch to metrics.csv, with a header before the first."""
    with path.open("w" if first else "a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if first:
            writer.writeheader()
        writer.writerow(row)
