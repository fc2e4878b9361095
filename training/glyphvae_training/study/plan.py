"""The models of the study, with their configurations and training schedules."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from glyphvae_training.fitting.trainer import TrainingConfig
from glyphvae_training.models.families import ModelKind

Experiment = Literal["epochs", "latent-size", "traversal", "beta"]
DatasetName = Literal["mnist", "alphanumeric"]

# The paper's, figure 5.
BETAS = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1024.0)
# Two can be drawn as they are; 23 is the paper's other size, figure 3.
LATENT_SIZES = (2, 23)
# The paper's x1 to x6, figure 4.
CVAE_LATENTS = 6


@dataclass(frozen=True)
class Schedule:
    """Training lengths and sample sizes of the study.

    Attributes:
        vae_epochs: of the unconditional model of each size.
        early_epoch: which figure 2 sets against the last one.
        cvae_epochs: of the conditional models.
        batch_size: images in a batch.
        points: held-out characters in a scatter, a t-SNE and a nearest-neighbour count.
        samples: of each label, read by the judge.
        judge_images: the judge is trained on, repetitions counted; None for what its accuracy needs.
    """

    vae_epochs: dict[int, int]
    early_epoch: int
    cvae_epochs: int
    batch_size: int
    points: int
    samples: int
    judge_images: int | None


# Figure 2 has the paper's 100 epochs.
FULL = Schedule({2: 100, 23: 12}, 10, 8, 256, 2000, 100, None)
# The whole study in three minutes on two cores.
QUICK = Schedule({2: 12, 23: 12}, 2, 10, 16, 300, 4, 20_000)


@dataclass(frozen=True)
class Plan:
    """Planned model of the study.

    Attributes:
        name: of the run folder and of the exported model.
        kind: "vae" or "cvae".
        model: fields of its config.
        dataset: `Dataset.name`.
        training: how it is trained.
        experiments: that need it.
        record: keep the latents of every epoch.
        start: name of the model from whose weights it starts; None for fresh ones.
    """

    name: str
    kind: ModelKind
    model: dict[str, Any]
    dataset: DatasetName
    training: TrainingConfig
    experiments: tuple[Experiment, ...] = field(default=())
    record: bool = False
    start: str | None = None

    @property
    def beta_norm(self) -> float:
        """Beta per latent and pixel: beta · latents / 784 (Higgins et al., ICLR 2017, section 4.2)."""
        return beta_norm(self.training.beta, int(self.model["latent_size"]))


def beta_norm(beta: float, latent_size: int) -> float:
    """Compute beta · latents / 784, for a reconstruction summed over the 784 pixels (Higgins et al. 2017)."""
    return beta * latent_size / (28 * 28)


def plans(schedule: Schedule) -> tuple[Plan, ...]:
    """Return every model of the study, in the order in which they are trained."""
    return (*vae_plans(schedule), *beta_plans(schedule))


def vae_plans(schedule: Schedule) -> tuple[Plan, ...]:
    """Return the unconditional models of figures 2 and 3, with the paper's two convolutions."""
    return tuple(
        Plan(
            f"vae-z{size}",
            "vae",
            {"latent_size": size, "encoder": "paper", "decoder": "conv"},
            "mnist",
            TrainingConfig(epochs=schedule.vae_epochs[size], batch_size=schedule.batch_size),
            ("epochs", "latent-size") if size == 2 else ("latent-size",),
            record=size == 2,
        )
        for size in LATENT_SIZES
    )


def beta_plans(schedule: Schedule) -> tuple[Plan, ...]:
    """Return the conditional models of figures 5 and 6.

    Those of beta below 1 go down the curve of rate and distortion from the next larger beta. Started anew, they learn a
    code finer than the decoder can yet read, and end at more distortion than their neighbour with less rate.
    """
    config = {"latent_size": CVAE_LATENTS, "label_count": 36, "encoder": "narrow", "decoder": "dense"}
    return tuple(
        Plan(
            f"cvae-beta-{beta:g}",
            "cvae",
            config,
            "alphanumeric",
            TrainingConfig(beta, schedule.cvae_epochs, schedule.batch_size),
            ("traversal", "beta") if beta == 1 else ("beta",),
            start=f"cvae-beta-{larger:g}" if beta < 1 else None,
        )
        for beta, larger in zip(BETAS, (*BETAS[1:], np.inf), strict=True)
    )
