"""The preset `pen`: strokes, then priors of hand and form, what all hands share in a label, and sliders for the hand.

Each stage leaves what it made in the run's folder, so that a training that was stopped goes on where it was.
"""

import math
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glyphvae_training.data.alphabet import ALPHABET, INDEX
from glyphvae_training.data.dataset import Dataset, Split, balanced, load_byclass, pick
from glyphvae_training.data.lettering import load_lettering
from glyphvae_training.data.single_strokes import Templates, load_templates
from glyphvae_training.fitting.axes import AxesConfig, align
from glyphvae_training.fitting.pen import PenTraining, held_out, last_losses, train_pen
from glyphvae_training.fitting.pen_offset import offset_hands
from glyphvae_training.fitting.pen_pictures import match_pictures
from glyphvae_training.fitting.pen_prior import fit_priors, spread_forms
from glyphvae_training.fitting.pen_restore import restore
from glyphvae_training.fitting.pen_settle import settle
from glyphvae_training.fitting.prior import PriorConfig
from glyphvae_training.fitting.runs import Run, finished
from glyphvae_training.fitting.trainer import Hardware
from glyphvae_training.measures.artefacts import has_dot
from glyphvae_training.models.pen import Pen, PenConfig
from glyphvae_training.progress import StageProgress, no_stage_progress

STROKES, PRIORS = "strokes", "priors"
# Held-out characters of each label that are measured at every checkpoint.
MEASURED = 40


@dataclass(frozen=True)
class PenPreset:
    """Model with the settings of each of its stages.

    Attributes:
        model: Fields of its `PenConfig`, labels and flows excepted.
        training: Of the strokes.
        prior: Of the flows.
        axes: Of the directions that the hand's noise is turned to.
    """

    model: dict[str, Any] = field(default_factory=dict)
    training: PenTraining = field(default_factory=PenTraining)
    prior: PriorConfig = field(default_factory=PriorConfig)
    axes: AxesConfig = field(default_factory=AxesConfig)


def train_pen_preset(
    preset: PenPreset,
    data: Dataset,
    sources: Path,
    folder: Path,
    hardware: Hardware,
    *,
    progress: StageProgress = no_stage_progress,
) -> Run:
    """Train a pen in all its stages, or go on with what is in `folder`.

    Args:
        preset: What to train.
        data: The data set `pen`, whose hash and labels the run has.
        sources: Folder of the source files, for single-stroke fonts and the lettering at its own resolution.
        folder: Of the run.
        hardware: Its threads; a pen is trained on the CPU.
        progress: Called with the stage, its steps done and its steps in all.
    """
    torch.set_num_threads(hardware.threads)
    characters, lettering = load_byclass(sources), load_lettering(sources, "train")
    singles = dotted_only(characters.train)

    def run(model: Pen) -> Run:
        epochs = math.ceil(preset.training.steps * preset.training.singles / len(singles))
        settings = {"pen": asdict(preset), "losses": last_losses(folder / STROKES)}
        return Run(model, data.labels, 1.0, preset.training.seed, epochs, data.sha256, data.sources, settings)

    def strokes() -> Run:
        measured = balanced(characters.validation, MEASURED)
        images, label = torch.from_numpy(measured.images), torch.from_numpy(measured.labels)
        measure = partial(held_out, images=images, label=label)
        templates = load_templates(sources, preset_config(preset).strokes, preset_config(preset).control_points)
        model = begun(preset, templates)
        return run(
            train_pen(
                model,
                singles,
                lettering,
                folder / STROKES,
                preset.training,
                measure,
                restore=partial(restore, templates=templates, lettering=lettering),
                progress=partial(progress, STROKES),
            )
        )

    def priors() -> Run:
        return run(fit_priors(pen_of(finished(folder / STROKES, strokes)), singles, lettering, preset.prior, progress))

    def final() -> Run:
        seed = preset.training.seed
        model = offset_hands(spread_forms(pen_of(finished(folder / PRIORS, priors))), singles, seed)
        return align(run(match_pictures(settle(model, seed), singles, seed)), preset.axes)

    return finished(folder, final)


def dotted_only(split: Split) -> Split:
    """Leave i's and j's without a dot out, as half of NIST's are: who asks for an i means one with its dot."""
    undotted = np.isin(split.labels, [INDEX[letter] for letter in "ij"]) & ~has_dot(split.images)
    return pick(split, ~undotted)


def preset_config(preset: PenPreset) -> PenConfig:
    """Return the configuration of the pen that a preset begins with."""
    return PenConfig(**preset.model | {"label_count": len(ALPHABET)})


def begun(preset: PenPreset, templates: Templates) -> Pen:
    """Build a pen whose strokes begin at templates."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(preset.training.seed)
        return Pen(preset_config(preset), torch.from_numpy(templates.control), torch.from_numpy(templates.present))


def pen_of(run: Run) -> Pen:
    """Return the model of a run of a pen."""
    assert isinstance(run.model, Pen)  # noqa: S101 (as every stage's is)
    return run.model
