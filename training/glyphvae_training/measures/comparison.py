"""Comparison of a measure of real and of generated characters, label by label and averaged over labels.

Averages that follow the frequency of labels hide the rare ones; here every label counts alike. Intervals are of 95 %,
by the bootstrap (Efron 1979; percentile method): real and generated characters of each label are resampled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.measures.measure import CONFIDENCE, RESAMPLES

Values = NDArray[np.float64]
Labels = NDArray[np.int64]


class Interval(NamedTuple):
    """A figure and its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Compared:
    """Means of real and of generated characters, and what the latter are above the former."""

    real: float
    made: float
    difference: Interval


@dataclass(frozen=True)
class Comparison:
    """A measure of all labels that both have.

    Attributes:
        labels: Of each label, by name.
        mean: Of all labels, each counted alike.
        ratio: Of generated to real characters, in the mean; infinite where only real ones have 0, 1 where both have.
    """

    labels: dict[str, Compared]
    mean: Compared
    ratio: Interval


def compare_by_label(  # noqa: PLR0917 (two sets of values and labels)
    real: NDArray[np.number | np.bool_],
    real_labels: Labels,
    made: NDArray[np.number | np.bool_],
    made_labels: Labels,
    names: Sequence[str],
    rng: np.random.Generator,
) -> Comparison:
    """Compare the means of values or truth values.

    Args:
        real: (n,) of real characters.
        real_labels: int64 (n,), indices into `names`.
        made: (m,) of generated characters.
        made_labels: int64 (m,), likewise.
        names: Of the labels.
        rng: Resamples.

    Raises:
        ValueError: They have no label in common.
    """
    common = np.intersect1d(real_labels, made_labels)
    if not common.size:
        raise ValueError("real and generated characters have no label in common")
    sides = ((real, real_labels), (made, made_labels))
    a, b = (np.stack([means(values[labels == one], rng) for one in common]) for values, labels in sides)
    labels = {names[label]: compared(*pair) for label, *pair in zip(common, a, b, strict=True)}
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    ratio = np.divide(mean_b, mean_a, out=np.where(mean_b > 0, np.inf, 1.0), where=mean_a > 0)
    return Comparison(labels, compared(mean_a, mean_b), interval(ratio))


def means(values: NDArray[np.number | np.bool_], rng: np.random.Generator) -> Values:
    """Return the mean of values (n,) and, behind it, those of resampled ones: (1 + resamples,)."""
    rows = rng.integers(len(values), size=(RESAMPLES, len(values)))
    return np.concatenate([[values.mean()], values[rows].mean(axis=1)])


def compared(real: Values, made: Values) -> Compared:
    """Compare means as `means` returns them."""
    return Compared(float(real[0]), float(made[0]), interval(made - real))


def interval(values: Values) -> Interval:
    """Return the first of the values with the interval of the others."""
    tail = (1 - CONFIDENCE) / 2
    # Between values that may be infinite nothing can be interpolated.
    low, high = np.quantile(values[1:], [tail, 1 - tail], method="nearest")
    return Interval(float(values[0]), float(low), float(high))
