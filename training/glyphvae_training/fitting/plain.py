"""Models that are trained in one stage, by the objective of `glyphvae_training.fitting.objective` and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.loggers import Logger

from glyphvae_training.data.dataset import Dataset
from glyphvae_training.fitting.runs import Run, load_run
from glyphvae_training.fitting.trainer import Hardware, TrainingConfig, fit
from glyphvae_training.models.families import ModelKind
from glyphvae_training.progress import Progress, no_progress


@dataclass(frozen=True)
class Plain:
    """Model with the settings of its training.

    Attributes:
        kind: "cvae" or "vae".
        model: Fields of its config; a conditional one has as many labels as the data set.
        training: Of the model.
        dataset: `Dataset.name` of what it is trained on.
    """

    kind: ModelKind
    model: dict[str, Any] = field(default_factory=dict)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    dataset: Literal["alphanumeric", "byclass", "mnist"] = "alphanumeric"


PLAIN = {
    # "Introduction to Variational AutoEncoder", figure 4, with the objective of its equation 8.
    "cvae": Plain(
        "cvae",
        {"latent_size": 6, "encoder": "pooling", "decoder": "unpooling"},
        TrainingConfig(epochs=15, batch_size=128),
    ),
    "vae": Plain("vae", dataset="mnist"),
}


def train_plain(
    plain: Plain,
    data: Dataset,
    folder: Path,
    hardware: Hardware,
    *,
    progress: Progress = no_progress,
    loggers: Sequence[Logger] = (),
) -> Run:
    """Train a model, go on after the last checkpoint in `folder`, or load the run there if it is finished.

    Args:
        plain: what to train.
        data: what to train it on.
        folder: of the run.
        hardware: where.
        progress: called with the steps done and the steps in all.
        loggers: of Lightning's.

    Raises:
        RunError: `folder` holds an unfinished run of another configuration.
    """
    if (folder / "model.pt").exists():
        return load_run(folder)
    labels = {"label_count": len(data.labels)} if plain.kind == "cvae" else {}
    return fit(
        plain.kind,
        plain.model | labels,
        data,
        folder,
        plain.training,
        hardware,
        resume=(folder / "checkpoints" / "last.ckpt").exists(),
        loggers=loggers,
        progress=progress,
    )
