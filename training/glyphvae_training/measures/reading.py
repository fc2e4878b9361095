"""A reader in closed form: linear discriminant analysis of histograms of oriented gradients.

Fisher, "The use of multiple measurements in taxonomic problems" (1936), with one covariance for all labels and a fixed
ridge. Nothing is trained by gradients, and no network's texture is read. Every label is as probable beforehand, so that
accuracy can be averaged over labels.

Real characters are read by readers that have not seen them: the characters are dealt into folds, and each fold is read
by the reader of all others. Generated characters are read by every one of these readers. More is read right in them
than in real ones where a model draws its labels more clearly than people do, which is as wrong as too little.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.data.dataset import Split
from glyphvae_training.measures.comparison import Comparison, compare_by_label
from glyphvae_training.measures.hog import hog

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
Features = NDArray[np.float32]
Values = NDArray[np.float64]

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

    def scores(self, features: Features) -> Features:
        """Return log probabilities, up to what all labels of a row share: (n, labels)."""
        return np.asarray(features @ self.weights + self.bias, np.float32)

    def read(self, features: Features) -> Labels:
        """Return the most probable label of each row, int64 (n,)."""
        return np.asarray(self.labels[self.scores(features).argmax(axis=1)])


@dataclass(frozen=True)
class Sums:
    """Sums over rows that a reader is fitted to; those of disjoint rows add up.

    Attributes:
        counts: float64 (labels,), rows of each label.
        features: float64 (labels, features), their sums.
        products: float64 (features, features), the sum over all rows of the outer product with themselves.
    """

    counts: Values
    features: Values
    products: Values

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(self.counts - other.counts, self.features - other.features, self.products - other.products)


def sums(features: Features, index: Labels, labels: int) -> Sums:
    """Sum up rows (n, features) whose labels are numbered (n,) below `labels`."""
    by_label = [features[index == label] for label in range(labels)]
    return Sums(
        np.array([len(rows) for rows in by_label], np.float64),
        np.stack([rows.sum(axis=0, dtype=np.float64) for rows in by_label]),
        np.asarray(features.T @ features, np.float64),
    )


def fit(features: Features, labels: Labels) -> Reader:
    """Fit a reader to rows (n, features) and their labels (n,), of two labels at least."""
    known, index = np.unique(labels, return_inverse=True)
    return fit_sums(sums(features, index, len(known)), known)


def fit_sums(found: Sums, known: Labels) -> Reader:
    """Fit a reader to the sums of rows of every one of the labels `known`."""
    means = found.features / found.counts[:, None]  # (labels, features)
    covariance = (found.products - means.T @ found.features) / found.counts.sum()
    covariance.flat[:: len(covariance) + 1] += RIDGE * covariance.trace() / len(covariance)
    weights = np.linalg.solve(covariance, means.T)  # (features, labels)
    bias = -(means * weights.T).sum(axis=1) / 2
    return Reader(known, weights.astype(np.float32), bias.astype(np.float32))


def deal(labels: Labels, folds: int, rng: np.random.Generator) -> Labels:
    """Deal rows into folds, every label evenly: int64 (n,), from 0."""
    fold = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        fold[rows] = np.arange(len(rows)) % folds
    return fold


def cross_fit(
    features: Features, labels: Labels, rng: np.random.Generator, folds: int = FOLDS
) -> tuple[list[Reader], Features]:
    """Fit a reader without each fold.

    Args:
        features: (n, features) of real characters.
        labels: (n,), two or more of each.
        rng: Deals the folds.
        folds: At least 2.

    Returns:
        The readers, and the scores (n, labels) that the reader that has not seen a row gives it.
    """
    fold = deal(labels, folds, rng)
    known, index = np.unique(labels, return_inverse=True)
    total = sums(features, index, len(known))
    readers, scores = [], np.zeros((len(labels), len(known)), np.float32)
    for one in range(folds):
        held_out = fold == one
        own = features[held_out]
        reader = fit_sums(total - sums(own, index[held_out], len(known)), known)
        scores[held_out] = reader.scores(own)
        readers.append(reader)
    return readers, scores


@dataclass(frozen=True)
class Reading:
    """Real characters that were read by readers that had not seen them, and what the readers give any others.

    Attributes:
        known: int64 (known,), the labels that are told apart, ascending.
        labels: int64 (n,), of the real characters.
        scores: float32 (n, known), of the real characters.
        read: Returns the scores (m, known) of images, of each reader.
    """

    known: Labels
    labels: Labels
    scores: Features
    read: Callable[[Pixels], list[Features]]

    def compare(
        self, made: Pixels, made_labels: Labels, names: Sequence[str], rng: np.random.Generator, counts: Sequence[int]
    ) -> list[Comparison]:
        """Compare how often real and generated characters are read as their labels, among fewer and more labels.

        Args:
            made: uint8 (m, 28, 28).
            made_labels: int64 (m,), indices into `names`.
            names: Of the labels.
            rng: Resamples.
            counts: For each comparison, the labels are those below it.

        Returns:
            Shares of 1. The intervals are of the characters drawn; the readers are taken as they are.
        """
        scores = self.read(made)
        found = []
        for count in counts:
            real, own = self.labels < count, made_labels < count
            right = self.best(self.scores[real], count) == self.labels[real]
            readings = [self.best(one[own], count) == made_labels[own] for one in scores]
            shares = np.mean(readings, axis=0)
            found.append(compare_by_label(right, self.labels[real], shares, made_labels[own], names, rng))
        return found

    def best(self, scores: Features, count: int) -> Labels:
        """Return the most probable label below `count` of each row of scores (n, known): int64 (n,)."""
        among = self.known < count
        return np.asarray(self.known[among][scores[:, among].argmax(axis=1)])


def closed_form(real: Pixels, labels: Labels, rng: np.random.Generator) -> Reading:
    """Read real characters uint8 (n, 28, 28) across folds; `rng` deals them."""
    readers, scores = cross_fit(hog(real), labels, rng)

    def read(images: Pixels) -> list[Features]:
        features = hog(images)
        return [reader.scores(features) for reader in readers]

    return Reading(np.unique(labels), labels, scores, read)


def font_reading(taught: Split, real: Split) -> Reading:
    """Read characters of some fonts by a reader that was fitted to those of others."""
    reader = fit(hog(taught.images), taught.labels)

    def read(images: Pixels) -> list[Features]:
        return [reader.scores(hog(images))]

    return Reading(reader.labels, real.labels, read(real.images)[0], read)
