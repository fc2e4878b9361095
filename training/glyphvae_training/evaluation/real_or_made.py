"""A fresh classifier of real against generated characters: how surely they are told apart, as an area under the curve.

Lopez-Paz & Oquab, "Revisiting classifier two-sample tests" (arXiv:1610.06545). Nothing else uses the classifier, so
that no model can be made for it. What is fixed, so that figures of models compare:

- network: `glyphvae_training.judges.judge.reader`, two convolutions, with two classes; it is not told the label.
- data: half of the real characters of each label, and as many generated ones; the other half of the real ones takes
  their place in the control, whose area is 0.5 but for chance. Two classifiers are trained, each on half of these
  characters, and read the half that they have not seen.
- budget: 80,000 images with shifts of up to a pixel, Adam with decay, one cycle of the learning rate.

Grey levels give a decoder's blur away at once; binarised at 0.5, only shapes are left. The more real characters there
are, the better a classifier becomes: figures compare only between models that stood beside the same ones.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from glyphvae_training.data.dataset import Split, pick
from glyphvae_training.judges.judge import reader, to_input
from glyphvae_training.judges.judge_training import initialised
from glyphvae_training.measures.comparison import Interval
from glyphvae_training.measures.reading import deal

Pixels = NDArray[np.uint8]
Values = NDArray[np.float64]

IMAGES = 80_000
BATCH = 128
PEAK_RATE = 3e-3
WEIGHT_DECAY = 0.02
FOLDS = 2
BINARISED_AT = 127
# Of a normal distribution, on each side of 95 %.
DEVIATIONS = 1.96


@dataclass(frozen=True)
class ToldApart:
    """Areas under the curve, 0.5 where nothing tells generated from real characters.

    Attributes:
        made: Of real against generated characters.
        control: Of real against real characters.
    """

    made: Interval
    control: Interval


def tell_apart(real: Split, made: Split, rng: np.random.Generator, images: int = IMAGES) -> dict[str, ToldApart]:
    """Train classifiers and measure them.

    Args:
        real: Real characters, at least four of a label or it is left out.
        made: Generated characters, half as many of each label or more.
        rng: Halves the characters and seeds the classifiers.
        images: That each classifier sees, repetitions counted.

    Returns:
        For "grey" and "binarised" images.
    """
    first, second, generated = matched(real, made, rng)
    found = {}
    for name, seen in (("grey", unchanged), ("binarised", binarised)):
        areas = [
            area(seen(first.images), seen(other.images), first.labels, rng, images) for other in (generated, second)
        ]
        found[name] = ToldApart(*areas)
    return found


def matched(real: Split, made: Split, rng: np.random.Generator) -> tuple[Split, Split, Split]:
    """Draw two halves of the real characters, and generated ones, with the same labels in the same order."""
    firsts, seconds, others = [], [], []
    for label in np.unique(real.labels):
        a, b = (rng.permutation(np.flatnonzero(split.labels == label)) for split in (real, made))
        count = min(len(a) // 2, len(b))
        if count >= FOLDS:
            firsts.append(a[:count])
            seconds.append(a[count : 2 * count])
            others.append(b[:count])
    return (
        pick(real, np.concatenate(firsts)),
        pick(real, np.concatenate(seconds)),
        pick(made, np.concatenate(others)),
    )


def unchanged(images: Pixels) -> Pixels:
    """Return the images unchanged."""
    return images


def binarised(images: Pixels) -> Pixels:
    """Return images of paper and ink alone."""
    return np.where(images > BINARISED_AT, np.uint8(255), np.uint8(0))


def area(
    first: Pixels, second: Pixels, labels: NDArray[np.int64], rng: np.random.Generator, images: int = IMAGES
) -> Interval:
    """Measure how surely fresh classifiers tell two sets of characters, uint8 (n, 28, 28), with equal labels apart.

    The interval is that of DeLong et al., "Comparing the areas under two or more correlated receiver operating
    characteristic curves" (1988), with the classifiers as they are.
    """
    fold = deal(labels, FOLDS, rng)
    parts: list[tuple[Values, Values]] = []
    for one in range(FOLDS):
        seen = fold != one
        network = train(first[seen], second[seen], images, int(rng.integers(2**31)))
        parts.append(placements(scores(network, first[~seen]), scores(network, second[~seen])))
    a, b = (np.concatenate(side) for side in zip(*parts, strict=True))
    value, error = float(a.mean()), float(np.sqrt(a.var() / len(a) + b.var() / len(b)))
    return Interval(value, value - DEVIATIONS * error, value + DEVIATIONS * error)


def placements(first: Values, second: Values) -> tuple[Values, Values]:
    """Return the share of the second scores below each first one, and of the first above each second; ties count half.

    The mean of either is the area under the curve.
    """
    a, b = np.sort(first), np.sort(second)
    below = (np.searchsorted(b, first, "left") + np.searchsorted(b, first, "right")) / (2 * len(b))
    above = 1 - (np.searchsorted(a, second, "left") + np.searchsorted(a, second, "right")) / (2 * len(a))
    return below, above


def train(first: Pixels, second: Pixels, images: int, seed: int) -> nn.Module:
    """Train a classifier whose one logit is high for images like the first."""
    network = initialised(reader, 1, seed)
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.from_numpy(np.concatenate([first, second]))
    target = torch.cat([torch.ones(len(first)), torch.zeros(len(second))])
    batches = max(2, images // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, total_steps=batches)
    for _ in range(batches):
        index = torch.randint(len(pixels), (BATCH,), generator=generator)
        right, down = (torch.randint(3, (2,), generator=generator) - 1).tolist()
        x = torch.roll(to_input(pixels[index]), (down, right), (2, 3)).contiguous(memory_format=torch.channels_last)
        loss = functional.binary_cross_entropy_with_logits(network(x).squeeze(1), target[index])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return network.eval()


@torch.inference_mode()
def scores(network: nn.Module, images: Pixels) -> Values:
    """Return the logit of each image, (n,)."""
    parts = torch.split(to_input(torch.from_numpy(images)), BATCH)
    return torch.cat([network(part).squeeze(1) for part in parts]).double().numpy()
