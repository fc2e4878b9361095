"""A reader in closed form: linear discriminant analysis of histograms of oriented gradients.

Fisher, "The use of multiple measurements in taxonomic problems" (1936), with one covariance for all labels and a fixed
ridge. Nothing is trained by gradients, and no network's texture is read. Every label is as probable beforehand, so that
accuracy can be averaged over labels.

Real characters are read by readers that have not seen them: the characters are dealt into folds, and each fold is read
by the reader of all others. Generated characters are read by every one of these readers. More is read right in them
than in real ones where a model draws its labels more clearly than people do, which is as wrong as too little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.measures.comparison import Comparison, compare_by_label
from glyphvae_training.measures.hog import hog

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
Features = NDArray[np.float32]

FOLDS = 5
# Added to every variance, in shares of their mean: on validation characters, 0.01 to 1 differ by less than a point.
RIDGE = 0.1


@dataclass(frozen=True)
class Reader:
    """A fitted reader.

    Attributes:
        labels: int64 (labels,), what it knows.
        weights: float32 (features, labels).
        bias: float32 (labels,).
    """

    labels: Labels
    weights: Features
    bias: Features

    def read(self, features: Features) -> Labels:
        """Return the most probable label of each row, int64 (n,)."""
        return np.asarray(self.labels[(features @ self.weights + self.bias).argmax(axis=1)])


def fit(features: Features, labels: Labels) -> Reader:
    """Fit a reader to rows (n, features) and their labels (n,), of two labels at least."""
    known, index = np.unique(labels, return_inverse=True)
    means = np.stack([features[index == label].mean(axis=0) for label in range(len(known))])  # (labels, features)
    rest = features - means[index]
    covariance = rest.T @ rest / np.float32(len(features))
    covariance.flat[:: len(covariance) + 1] += RIDGE * covariance.trace() / len(covariance)
    weights = np.linalg.solve(covariance, means.T)  # (features, labels)
    return Reader(known, weights, -(means * weights.T).sum(axis=1) / 2)


def deal(labels: Labels, folds: int, rng: np.random.Generator) -> Labels:
    """Deal rows into folds, every label evenly: int64 (n,), from 0."""
    fold = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        fold[rows] = np.arange(len(rows)) % folds
    return fold


def cross_fit(
    features: Features, labels: Labels, rng: np.random.Generator, folds: int = FOLDS
) -> tuple[list[Reader], NDArray[np.bool_]]:
    """Fit a reader without each fold.

    Args:
        features: (n, features) of real characters.
        labels: (n,), two or more of each.
        rng: Deals the folds.
        folds: At least 2.

    Returns:
        The readers, and which rows the reader that has not seen them reads right, bool (n,).
    """
    fold = deal(labels, folds, rng)
    readers, right = [], np.zeros(len(labels), bool)
    for one in range(folds):
        held_out = fold == one
        reader = fit(features[~held_out], labels[~held_out])
        right[held_out] = reader.read(features[held_out]) == labels[held_out]
        readers.append(reader)
    return readers, right


def compare_reading(  # noqa: PLR0917 (two sets of images and labels)
    real: Pixels,
    real_labels: Labels,
    made: Pixels,
    made_labels: Labels,
    names: Sequence[str],
    rng: np.random.Generator,
) -> Comparison:
    """Compare how often real and generated characters are read as their labels.

    Args:
        real: uint8 (n, 28, 28).
        real_labels: int64 (n,), indices into `names`.
        made: uint8 (m, 28, 28).
        made_labels: int64 (m,), likewise.
        names: Of the labels.
        rng: Deals the folds and resamples.

    Returns:
        Shares of 1. The intervals are of the characters drawn; the readers are taken as they are.
    """
    readers, right = cross_fit(hog(real), real_labels, rng)
    features = hog(made)
    shares = np.mean([reader.read(features) == made_labels for reader in readers], axis=0)
    return compare_by_label(right, real_labels, shares, made_labels, names, rng)
