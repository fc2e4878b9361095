"""Models that are trained in stages: a conditional VAE, its prior, refinement, axes, and a new encoder.

Each stage leaves a run of its own, so that a training that was stopped goes on where it was.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from glyphvae_training.data.dataset import Dataset
from glyphvae_training.fitting.axes import AxesConfig, align
from glyphvae_training.fitting.plain import Plain, train_plain
from glyphvae_training.fitting.posterior import PosteriorConfig, fit_posterior
from glyphvae_training.fitting.prior import PriorConfig, fit_prior
from glyphvae_training.fitting.refine import CHECKPOINT, RefineConfig, refine
from glyphvae_training.fitting.runs import Run, check_folder, load_run, save_run
from glyphvae_training.fitting.trainer import Hardware, TrainingConfig
from glyphvae_training.judges.judge_data import load_judge_data
from glyphvae_training.judges.judge_training import stored_judge
from glyphvae_training.progress import StageProgress, no_stage_progress

AUTOENCODER, PRIOR = "autoencoder", "prior"


@dataclass(frozen=True)
class Preset:
    """Model with the settings of each of its stages.

    Attributes:
        model: Fields of its `CVAEConfig`, the flow excepted.
        training: Of the autoencoder.
        prior: Of the flow.
        refinement: Of decoder and flow.
        posterior: Of the encoder, once more.
        precision: Lightning's, of the autoencoder.
        dataset: `Dataset.name` of what it is trained on.
        axes: Of the directions that the noise is turned to.
    """

    model: dict[str, Any]
    training: TrainingConfig
    prior: PriorConfig
    refinement: RefineConfig
    posterior: PosteriorConfig = field(default_factory=PosteriorConfig)
    precision: str = "bf16-mixed"
    dataset: Literal["alphanumeric", "byclass"] = "alphanumeric"
    axes: AxesConfig = field(default_factory=AxesConfig)


PRESETS = {
    "cvae-hq": Preset(
        {"latent_size": 24, "label_count": 36, "encoder": "dense", "decoder": "residual"},
        TrainingConfig(beta=0.25, epochs=30),
        PriorConfig(couplings=6),
        RefineConfig(steps=5500, prior_weight=0.3, reader_weight=2.0, focus=3.0, widen_read=1.08),
    ),
    "cvae-62": Preset(
        {"latent_size": 24, "label_count": 62, "encoder": "dense", "decoder": "residual"},
        TrainingConfig(beta=0.25, epochs=24),
        PriorConfig(couplings=6, epochs=20),
        RefineConfig(steps=2500, prior_weight=0.3, reader_weight=2.0, focus=2.0, widen_read=1.11),
        dataset="byclass",
    ),
}


def with_seed(preset: Preset, seed: int) -> Preset:
    """Return the preset with another seed in every stage."""
    stages = ("training", "prior", "refinement", "posterior", "axes")
    return replace(preset, **{name: replace(getattr(preset, name), seed=seed) for name in stages})


def train_preset(
    preset: Preset,
    data: Dataset,
    sources: Path,
    folder: Path,
    hardware: Hardware,
    *,
    resume: bool = False,
    reader_images: int | None = None,
    progress: StageProgress = no_stage_progress,
) -> Run:
    """Train every stage that is not finished, and leave the last one's run in `folder`.

    Args:
        preset: what to train.
        data: what to train it on.
        sources: folder with the source files, for the reader's data.
        folder: of the run; those of the first two stages are inside it.
        hardware: of the first stage; the others run on the CPU.
        resume: go on with what is in `folder`.
        reader_images: the reader is trained on; by default what its architecture needs.
        progress: called with the stage, its steps done and its steps in all.

    Raises:
        RunError: `folder` holds a run already and `resume` is not set.
    """
    check_folder(folder, resume=resume)
    if (folder / "model.pt").exists() and "posterior" in (done := load_run(folder)).training:
        return done
    first = train_plain(
        Plain("cvae", preset.model, preset.training, preset.dataset),
        data,
        folder / AUTOENCODER,
        hardware,
        progress=partial(progress, AUTOENCODER),
    )
    with_prior = fitted(first, data, preset.prior, folder / PRIOR, progress)
    reader = stored_judge(
        load_judge_data(sources, name=preset.dataset),
        "reader",
        folder / "reader",
        images=reader_images,
        progress=partial(progress, "reader"),
    )
    run = refine(
        with_prior,
        data,
        reader,
        folder,
        preset.refinement,
        progress=partial(progress, "refinement"),
    )
    run = fit_posterior(align(run, preset.axes), data, preset.posterior, partial(progress, "posterior"))
    save_run(folder, run)
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return run


def fitted(first: Run, data: Dataset, config: PriorConfig, folder: Path, progress: StageProgress) -> Run:
    """Fit the flow to the first stage's run unless it is done already; the stage is named after the folder."""
    return finished(folder, lambda: fit_prior(first, data, config, partial(progress, folder.name)))


def finished(folder: Path, train: Callable[[], Run]) -> Run:
    """Load the run in `folder`, or train it now."""
    if not (folder / "model.pt").exists():
        run = train()
        folder.mkdir(parents=True, exist_ok=True)
        save_run(folder, run)
    return load_run(folder)
