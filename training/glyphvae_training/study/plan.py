"""The models of the study, with their configurations and training schedules."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from glyphvae_training.fitting.plain import PLAIN
from glyphvae_training.fitting.trainer import TrainingConfig
from glyphvae_training.models.families import ModelKind

Experiment = Literal["equations", "epochs", "latent-size", "traversal", "beta"]
DatasetName = Literal["mnist", "alphanumeric"]

# The paper's, figure 5.
BETAS = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1024.0)
# Six latents, the paper's x1 to x6.
PAPER = PLAIN["cvae"]
# Two latents can be drawn as they are; 23 is the paper's other size.
FIGURE_3 = {2: "vae-z2-brief", 23: "vae-z23"}


@dataclass(frozen=True)
class Schedule:
    """Training lengths and sample sizes of the study.

    Attributes:
        epochs: of the unconditional model of figure 2.
        early_epoch: which figure 2 sets against the last one.
        vae_epochs: of both unconditional models of figure 3.
        batch_size: images in a batch of an unconditional model.
        cvae: how the conditional models are trained, but for beta.
        points: held-out characters in a scatter, a t-SNE and a nearest-neighbour count.
        samples: of each label, read by the judge.
        judge_images: the judge is trained on, repetitions counted; None for what its accuracy needs.
    """

    epochs: int
    early_epoch: int
    vae_epochs: int
    batch_size: int
    cvae: TrainingConfig
    points: int
    samples: int
    judge_images: int | None


# Figure 2 has the paper's 100 epochs. The judge sees a quarter of what those of `glyphvae evaluate` do, which is enough
# to tell the models of one table apart.
FULL = Schedule(100, 10, 12, 256, PAPER.training, 2000, 100, 1_250_000)
# The whole study in three minutes on two cores.
QUICK = Schedule(12, 2, 12, 16, replace(PAPER.training, batch_size=16), 300, 4, 20_000)


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
    """

    name: str
    kind: ModelKind
    model: dict[str, Any]
    dataset: DatasetName
    training: TrainingConfig
    experiments: tuple[Experiment, ...] = field(default=())
    record: bool = False

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
    """Return the unconditional models of figures 2 and 3, with the paper's two convolutions.

    Figure 2 has one that is trained for long, figure 3 two that are trained alike.
    """
    long, short = (
        TrainingConfig(epochs=epochs, batch_size=schedule.batch_size)
        for epochs in (schedule.epochs, schedule.vae_epochs)
    )

    def vae(name: str, size: int, training: TrainingConfig, *experiments: Experiment, record: bool = False) -> Plan:
        config = {"latent_size": size, "encoder": "paper", "decoder": "conv"}
        return Plan(name, "vae", config, "mnist", training, experiments, record)

    return (
        vae("vae-z2", 2, long, "epochs", record=True),
        vae(FIGURE_3[2], 2, short, "equations", "latent-size"),
        vae(FIGURE_3[23], 23, short, "latent-size"),
    )


def beta_plans(schedule: Schedule) -> tuple[Plan, ...]:
    """Return the conditional models of figures 4 to 6: the paper's, from fresh weights, that differ in beta alone."""
    return tuple(
        Plan(
            "cvae" if beta == 1 else f"cvae-beta-{beta:g}",
            "cvae",
            PAPER.model | {"label_count": 36},
            "alphanumeric",
            replace(schedule.cvae, beta=beta),
            ("traversal", "beta") if beta == 1 else ("beta",),
        )
        for beta in BETAS
    )
