"""Statistics over rounds in which everything that is compared had its turn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Spread:
    """The middle of some measurements and how far they reach.

    Attributes:
        median: Of all rounds.
        low: The lowest round.
        high: The highest round.
    """

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Median, lowest and highest of at least one value."""
    return Spread(float(np.median(values)), float(np.min(values)), float(np.max(values)))


def ratios(values: Sequence[float], references: Sequence[float]) -> list[float]:
    """Each round's value by the same round's reference, so that what moves the whole machine cancels out."""
    return [value / reference for value, reference in zip(values, references, strict=True)]


def rotated(order: Sequence[str], turn: int) -> list[str]:
    """`order`, begun elsewhere in every turn, so that nobody always follows the same neighbour after a pause."""
    start = turn % len(order)
    return [*order[start:], *order[:start]]
