"""Training of judges, which are stored in a folder since it takes a quarter of an hour on one core."""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from glyphvae_training.data.augment import augment, damage
from glyphvae_training.data.dataset import Split, joined
from glyphvae_training.data.outliers import draw_outliers
from glyphvae_training.files import replacing
from glyphvae_training.judges.foreign_letters import draw_letters, key_of
from glyphvae_training.judges.judge import ARCHITECTURES, Judge, to_input
from glyphvae_training.judges.judge_data import JudgeData
from glyphvae_training.progress import Progress, no_progress

Precision = Literal["32-true", "bf16-mixed"]

BATCH = 256
PEAK_RATE = 3e-3
WEIGHT_DECAY = 0.02
# Without it the judge is as sure of a 0 that could be an O as of any other.
LABEL_SMOOTHING = 0.05
# Classes are drawn in proportion to their size to this power. At 0, all alike, every doubtful digit is called a letter;
# at 1, as they come, every doubtful letter a digit, of which there are ten times as many.
CLASS_BALANCE = 0.65
# What is added to this power after training, at no cost, by adding its logarithm to each class's logit (Menon et al.
# 2021, arXiv:2007.07314). Chosen on the validation parts, where 0.1 brings MNIST digits from 98.9 % to 99.1 % and
# capitals from 95.7 % to 95.2 %; 0.2 would cost the capitals another half point.
CLASS_PRIOR = 0.1
# How often an image of no character is seen: to draw one takes as long as to learn from eight.
OUTLIER_VIEWS = 16
# The share of letters of other scripts in what is seen, other outliers aside.
FOREIGN_LETTERS = 0.12
# Part of a stored judge's key: raise it when anything changes that affects the weights.
TRAINING_VERSION = 2
# Likewise of one that learns from images of no character.
OUTLIERS_VERSION = 3


def train_judge(
    train: Split,
    labels: Sequence[str],
    architecture: str,
    *,
    foreign_fonts: Mapping[str, bytes] = MappingProxyType({}),
    images: int | None = None,
    seed: int = 0,
    precision: Precision = "32-true",
    progress: Progress = no_progress,
) -> Judge:
    """Train a judge on the CPU with one cycle of the learning rate (Smith & Topin 2017, arXiv:1708.07120).

    Args:
        train: real characters.
        labels: the character of each class.
        architecture: a key of `ARCHITECTURES`.
        foreign_fonts: fonts whose letters are among the outliers, where the architecture has any.
        images: how many images it sees, repetitions counted; by default as many as its architecture needs.
        seed: of its weights, the order of the images and their augmentation.
        precision: of the matrix products; with "bf16-mixed" they take half as long where the CPU has bfloat16.
        progress: called with the batches done and the batches in all.
    """
    chosen = ARCHITECTURES[architecture]
    generator = torch.Generator().manual_seed(seed)
    network = initialised(chosen.untrained, len(labels), seed)
    batches = max(2, (images or chosen.images) // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, total_steps=batches)
    weights = sampling_weights(torch.from_numpy(train.labels))
    if chosen.outliers:
        train, weights = exposed(
            train,
            weights,
            foreign_fonts,
            label=len(labels),
            share=chosen.outliers,
            images=batches * BATCH,
            seed=seed,
        )
    pixels, classes = torch.from_numpy(train.images), torch.from_numpy(train.labels)
    for done in range(1, batches + 1):
        index = torch.multinomial(weights, BATCH, replacement=True, generator=generator)
        x = augment(to_input(pixels[index]), generator)
        x = (damage(x, generator) if chosen.outliers else x).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            loss = functional.cross_entropy(network(x), classes[index], label_smoothing=LABEL_SMOOTHING)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        progress(done, batches)
    shift_prior(network, classes)
    return Judge(architecture, labels, network)


def exposed(
    train: Split,
    weights: Tensor,
    foreign_fonts: Mapping[str, bytes],
    *,
    label: int,
    share: float,
    images: int,
    seed: int,
) -> tuple[Split, Tensor]:
    """Add outliers to characters and to their relative frequencies (n,), as one more label.

    Args:
        train: real characters.
        weights: their frequencies.
        foreign_fonts: fonts whose letters are among the outliers.
        label: of outliers.
        share: of drawn outliers in what is seen.
        images: how many images are seen.
        seed: of the outliers.
    """
    rng = np.random.default_rng(seed)
    letters = draw_letters(foreign_fonts, train, rng)
    drawn = draw_outliers(train, math.ceil(share * images / OUTLIER_VIEWS), rng)
    if len(letters):
        weights = weights_with(weights, len(letters), FOREIGN_LETTERS)
    weights = weights_with(weights, len(drawn), share)
    outliers = np.concatenate([letters, drawn])
    return joined(train, Split(outliers, np.full(len(outliers), label))), weights


def initialised(build: Callable[[int], nn.Sequential], classes: int, seed: int) -> nn.Sequential:
    """Build the untrained network, its weights drawn from the seed and nothing else."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        # Channels last makes the convolutions a fifth faster on a CPU.
        return build(classes).to(memory_format=torch.channels_last)


def sampling_weights(labels: Tensor) -> Tensor:
    """Return the relative frequency at which each image is drawn: float64 (n,)."""
    counts = torch.bincount(labels).double()
    return counts.pow(CLASS_BALANCE - 1)[labels]


def weights_with(weights: Tensor, count: int, share: float) -> Tensor:
    """Return the relative frequencies of images (n,) and of `count` more after them that are a share of all drawn."""
    each = float(weights.sum()) * share / (1 - share) / count
    return torch.cat([weights, torch.full((count,), each, dtype=weights.dtype)])


def shift_prior(network: nn.Sequential, classes: Tensor) -> None:
    """Raise the bias of common classes in the last layer, by `CLASS_PRIOR`."""
    last = network[-1]
    assert isinstance(last, nn.Linear)  # noqa: S101 (as every architecture ends)
    with torch.no_grad():
        counts = torch.bincount(classes, minlength=last.out_features).clamp(min=1)
        last.bias.add_(CLASS_PRIOR * counts.log())


def stored_judge(
    data: JudgeData,
    architecture: str,
    folder: Path,
    *,
    images: int | None = None,
    seed: int = 0,
    precision: Precision = "32-true",
    progress: Progress = no_progress,
) -> Judge:
    """Load the judge from `folder` if it was trained on these data in this way before; else train and store it.

    The file's name holds a hash of everything that decides its weights; arguments as for `train_judge`.
    """
    path = folder / f"{architecture}-{judge_key(data, architecture, images, seed, precision)}.pt"
    if path.is_file():
        network = ARCHITECTURES[architecture].untrained(len(data.labels))
        network.load_state_dict(torch.load(path, weights_only=True))
        return Judge(architecture, data.labels, network)
    judge = train_judge(
        data.train,
        data.labels,
        architecture,
        foreign_fonts=data.foreign_fonts,
        images=images,
        seed=seed,
        precision=precision,
        progress=progress,
    )
    with replacing(path) as temporary:
        torch.save(judge.network.state_dict(), temporary)
    return judge


def judge_key(
    data: JudgeData, architecture: str, images: int | None, seed: int, precision: Precision = "32-true"
) -> str:
    """Return sixteen hexadecimal digits that differ where the judge's weights would."""
    chosen = ARCHITECTURES[architecture]
    facts = f"{TRAINING_VERSION} {data.sha256} {architecture} {images or chosen.images} {seed}"
    if chosen.outliers:
        facts += f" {chosen.outliers} {OUTLIERS_VERSION} {FOREIGN_LETTERS} {key_of(data.foreign_fonts)}"
    if precision != "32-true":
        facts += f" {precision}"
    return hashlib.sha256(facts.encode()).hexdigest()[:16]
