"""Fréchet distance, precision, recall, density, coverage and classification accuracy of generated characters.

All of them depend on features. Here there are two kinds, neither made to tell characters apart:

- hog: histograms of oriented gradients (`glyphvae_training.measures.hog`), reduced to their first 128 principal
  components on real characters of the training part.
- hands: 128 features of a network that was trained to tell which of the training fonts a glyph is from, whatever its
  label: network and training are those of the `reader` (`glyphvae_training.judges`), with 150,000 images and seed 0.
  The features of the judges, which read characters, would reward what is read easily.

The classification accuracy score (Ravuri & Vinyals, arXiv:1905.10887) is the accuracy on real characters of a reader
that was fitted to generated ones alone, here the closed form of `glyphvae_training.measures.reading`, beside that of
the reader of as many real ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.data.dataset import Split, pick
from glyphvae_training.data.lettering import Lettering
from glyphvae_training.data.pen import coarse
from glyphvae_training.judges.judge_training import train_judge
from glyphvae_training.measures.comparison import Comparison, Interval, compare_by_label
from glyphvae_training.measures.frechet import frechet_distance
from glyphvae_training.measures.hog import hog
from glyphvae_training.measures.measure import mean_of
from glyphvae_training.measures.prdc import prdc
from glyphvae_training.measures.reading import fit

Pixels = NDArray[np.uint8]
Features = NDArray[np.float32]
Featurize = Callable[[Pixels], Features]

COMPONENTS = 128
NETWORK, IMAGES = "reader", 150_000
# Halves that the distances' intervals are from.
HALVES = 12
# Of a normal distribution, on each side of 95 %.
DEVIATIONS = 1.96


@dataclass(frozen=True)
class Likeness:
    """Comparison of two sets of characters in one kind of features.

    Attributes:
        frechet: Distance of halves of the sets.
        shares: Precision, recall, density and coverage by name.
    """

    frechet: Interval
    shares: dict[str, Interval]


def hog_features(train: Split, components: int = COMPONENTS) -> Featurize:
    """Return HOG features, reduced to principal components of real characters."""
    features = hog(train.images)
    middle = features.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(features, rowvar=False))
    axes = vectors[:, ::-1][:, :components].astype(np.float32)  # (features, components)
    return lambda images: np.asarray((hog(images) - middle) @ axes, np.float32)


def hand_features(lettering: Lettering, images: int = IMAGES) -> Featurize:
    """Return the features of a network that tells fonts apart, trained on so many images."""
    fonts = Split(coarse(lettering).images, lettering.fonts)
    return train_judge(fonts, lettering.names, NETWORK, images=images).features


def alike(made: Split, labels: NDArray[np.int64], rng: np.random.Generator) -> Split:
    """Draw generated characters with these labels, in their order, none twice if there are enough."""
    rows = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        wanted = labels == label
        own = rng.permutation(np.flatnonzero(made.labels == label))
        rows[wanted] = np.resize(own, int(wanted.sum()))
    return pick(made, rows)


def compare_features(real: Features, other: Features, rng: np.random.Generator) -> tuple[Likeness, Likeness]:
    """Compare real characters with others and, as control, with real characters.

    Args:
        real: (n, features).
        other: (n, features); a row has the label of the same row of `real`.
        rng: Draws halves.

    Returns:
        Of one half of the real characters: beside the other half of `other`, and beside the other real half. The
        distance's interval is that of the delete-half jackknife (Shao & Wu, "A general theory for jackknife variance
        estimation", 1989).
    """
    distances: tuple[list[float], list[float]] = ([], [])
    sides = (other, real)
    for _ in range(HALVES):
        first, second = halves(len(real), rng)
        for found, side in zip(distances, sides, strict=True):
            found.append(frechet_distance(real[first], side[second]))
    first, second = halves(len(real), rng)
    made, control = (
        Likeness(spread(found), shares(real[first], side[second], rng))
        for found, side in zip(distances, sides, strict=True)
    )
    return made, control


def halves(count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Deal rows into two halves."""
    order, half = rng.permutation(count), count // 2
    return order[:half], order[half : 2 * half]


def spread(values: list[float]) -> Interval:
    """Return the mean of values of random halves, and 1.96 standard deviations on each side."""
    mean, error = float(np.mean(values)), DEVIATIONS * float(np.std(values, ddof=1))
    return Interval(mean, mean - error, mean + error)


def shares(real: Features, other: Features, rng: np.random.Generator) -> dict[str, Interval]:
    """Return precision, recall, density and coverage with bootstrap intervals."""
    found: dict[str, Any] = {name: mean_of(values, rng) for name, values in prdc(real, other)._asdict().items()}
    return {name: Interval(one.value, one.low, one.high) for name, one in found.items()}


def classification_accuracy(  # noqa: PLR0917 (three sets of features and labels)
    train: Features,
    made: Features,
    labels: NDArray[np.int64],
    real: Features,
    real_labels: NDArray[np.int64],
    names: tuple[str, ...],
    rng: np.random.Generator,
) -> Comparison:
    """Compare readers fitted to real and to generated characters by their accuracy on real ones.

    Args:
        train: (n, features) of real characters of the training part.
        made: (n, features) of generated characters.
        labels: (n,) of both.
        real: (m, features) of characters that neither has seen.
        real_labels: (m,).
        names: Of the labels.
        rng: Resamples.
    """
    by_real, by_made = (fit(features, labels).read(real) == real_labels for features in (train, made))
    return compare_by_label(by_real, real_labels, by_made, real_labels, names, rng)
