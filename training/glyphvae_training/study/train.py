"""Training of the study's models: finished ones are reused, interrupted ones resumed."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from lightning.pytorch.callbacks import Callback

from glyphvae_training.data.dataset import Dataset, Split, pick
from glyphvae_training.errors import RunError
from glyphvae_training.fitting.runs import Run, load_run
from glyphvae_training.fitting.trainer import Hardware, fit
from glyphvae_training.progress import progress_bar
from glyphvae_training.study.plan import Plan
from glyphvae_training.study.record import Clock, LatentRecord

# Images of each label where labels have to count alike; K has 306 to train on.
BALANCED = 300


def trained(plan: Plan, data: Dataset, folder: Path, hardware: Hardware, points: int) -> Run:
    """Train a planned model in `folder`, or load it if it is finished.

    Args:
        plan: the model.
        data: what it is trained on.
        folder: of this run.
        hardware: where it is trained.
        points: held-out characters whose latents are kept of every epoch, if the plan asks for that.

    Raises:
        RunError: `folder` holds a run of another configuration or of other data.
    """
    if (folder / "model.pt").exists():
        return finished(plan, data, folder)
    callbacks: list[Callback] = [Clock(folder)]
    if plan.record:
        callbacks.append(LatentRecord(folder, subsample(data.test, points)))
    resume = (folder / "checkpoints" / "last.ckpt").exists()
    with progress_bar(plan.name) as progress:
        return fit(
            plan.kind,
            plan.model,
            data,
            folder,
            plan.training,
            hardware,
            resume=resume,
            callbacks=callbacks,
            progress=progress,
        )


def finished(plan: Plan, data: Dataset, folder: Path) -> Run:
    """Load the finished run in `folder` and check that it is the planned one."""
    run = load_run(folder)
    expected: Mapping[str, object] = {"training": asdict(plan.training), "data_sha256": data.sha256}
    if any(getattr(run, name) != value for name, value in expected.items()):
        raise RunError(f"{folder} holds a run of another study; give this one another folder")
    return run


def subsample(split: Split, points: int) -> Split:
    """Select at most `points` characters, the same ones every time, sorted by label."""
    chosen = np.random.default_rng(0).permutation(len(split))[:points]
    return pick(split, chosen[np.argsort(split.labels[chosen], kind="stable")])
