"""Means with their sample size and bootstrap interval, and groups of labels that look alike to people."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 1000
# Each holds about this many resampled values at a time, so that memory does not grow with the sample.
VALUES_PER_BATCH = 5_000_000
# What is merged is read as its first character.
MERGED: dict[str, tuple[str, ...]] = {"0/O, 1/I": ("0O", "1I"), "0/O, 1/I, 2/Z, 5/S": ("0O", "1I", "2Z", "5S")}
# With small letters, these lose what tells them apart on paper when all are made equally large; of the real i, six in
# ten have no dot. Of each pair the convolutional judge takes more than a fifth of the validation characters for the
# other, in the mean of both ways: from C/c, 48 %, to Z/z, 22 %; 9/q is next, with 17 %.
SAME_SHAPE = ("0Oo", "1Iil", "Cc", "Ff", "Kk", "Mm", "Pp", "Ss", "Uu", "Vv", "Ww", "Xx", "Yy", "Zz")
SIMILAR = ("0Oo", "1Iil", "2Zz", "5Ss", "9gq", "Cc", "Ff", "Kk", "Mm", "Pp", "Uu", "Vv", "Ww", "Xx", "Yy")
MERGED_CASED: dict[str, tuple[str, ...]] = {
    ", ".join("/".join(group) for group in groups): groups for groups in (SAME_SHAPE, SIMILAR)
}


@dataclass(frozen=True)
class Measure:
    """Mean over a sample.

    Attributes:
        value: the mean.
        low, high: the 95 % bootstrap interval (Efron 1979; percentile method, 1,000 resamples).
        n: sample size.
    """

    value: float
    low: float
    high: float
    n: int

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest's JSON object, to five significant digits."""
        return {key: significant(value) if key != "n" else value for key, value in asdict(self).items()}


def mean_of(values: NDArray[Any], rng: np.random.Generator) -> Measure:
    """Compute the mean of a sample, (n,) of numbers or truth values, n at least 2, and its interval."""
    sample = np.asarray(values, np.float64)
    result = stats.bootstrap(
        (sample,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=max(1, VALUES_PER_BATCH // sample.size),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=rng,
    )
    low, high = result.confidence_interval
    return Measure(float(sample.mean()), float(low), float(high), sample.size)


def significant(value: float) -> float:
    """Round a number to five significant digits, which is finer than its interval."""
    return float(f"{value:.5g}")


def merged_labels(labels: Sequence[str], groups: Sequence[str]) -> NDArray[np.int64]:
    """Return for each label the first label of its group, or itself: int64 (labels,).

    A group whose characters are not all labels merges those that are.
    """
    index = np.arange(len(labels))
    for group in groups:
        members = [position for position, label in enumerate(labels) if label in group]
        if members:
            index[members] = members[0]
    return index


def merges(labels: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the sets of groups that are merged for a model's labels, by name; the first is the main one."""
    return MERGED_CASED if any(label.islower() for label in labels) else MERGED


def main_groups(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the first set of `merges`."""
    return next(iter(merges(labels).values()))


def accuracy(
    predicted: NDArray[np.int64], labels: NDArray[np.int64], names: Sequence[str], rng: np.random.Generator
) -> dict[str, Any]:
    """Measure how often the prediction is the label: plain, and with each set of pairs merged.

    Args:
        predicted: int64 (n,), indices into `names`.
        labels: int64 (n,), likewise.
        names: the characters.
        rng: for the intervals.

    Returns:
        `{"accuracy": measure, "merged": {"0/O, 1/I": measure, ...}}`
    """
    merged = {}
    for name, groups in merges(names).items():
        index = merged_labels(names, groups)
        merged[name] = mean_of(index[predicted] == index[labels], rng).to_dict()
    return {"accuracy": mean_of(predicted == labels, rng).to_dict(), "merged": merged}


def accuracy_per_label(
    predicted: NDArray[np.int64], labels: NDArray[np.int64], names: Sequence[str], groups: Sequence[str] = ()
) -> dict[str, float]:
    """Return the share of each label's images that are read as it, or as another of its group, by label."""
    index = merged_labels(names, groups)
    right = index[predicted] == index[labels]
    return {names[label]: significant(float(right[labels == label].mean())) for label in np.unique(labels)}
