"""Statistics over rounds in which everything that is compared has its turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Key = TypeVar("Key")
# Resamples of a bootstrap; its seed is fixed, so that the same rounds give the same interval.
RESAMPLES = 10_000


@dataclass(frozen=True)
class Spread:
    """A median and its range.

    Attributes:
        median: Of all rounds.
        low: The lowest round, or the lower end of an interval.
        high: The highest round, or the upper end of an interval.
    """

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Return the median, the lowest and the highest of at least one value."""
    return Spread(float(np.median(values)), float(np.min(values)), float(np.max(values)))


def interval(values: Sequence[float]) -> Spread:
    """Return the median of at least one value with its 95 % interval, by the bootstrap's percentiles."""
    drawn = np.random.default_rng(0).choice(values, (RESAMPLES, len(values)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return Spread(float(np.median(values)), float(low), float(high))


def ratios(values: Sequence[float], references: Sequence[float]) -> list[float]:
    """Divide each round's value by the same round's reference, which cancels what affects the whole machine."""
    return [value / reference for value, reference in zip(values, references, strict=True)]


def rotated(order: Sequence[Key], turn: int) -> list[Key]:
    """Return `order` with another start in every turn, so that no two always follow each other after a pause."""
    start = turn % len(order)
    return [*order[start:], *order[:start]]
