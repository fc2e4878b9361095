"""Precision, recall, density and coverage of samples among real characters.

Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models" (arXiv:1904.06991),
equations 1 to 3; Naeem et al., "Reliable fidelity and diversity metrics for generative models" (arXiv:2002.09797),
equations 3 and 4. A neighbourhood is the ball around a point that reaches its k-th nearest neighbour in its own set.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]

NEIGHBOURS = 5
# Rows of a matrix of distances that are held at a time: 80 MB with 10,000 columns.
ROWS = 1000


class Prdc(NamedTuple):
    """The four metrics of each point; the reported values are their means.

    Attributes:
        precision: bool (samples,), inside the neighbourhood of a real one.
        recall: bool (real,), inside the neighbourhood of a sample.
        density: float (samples,), in how many of k neighbourhoods of real ones; may exceed 1.
        coverage: bool (real,), a sample is inside its neighbourhood.
    """

    precision: NDArray[np.bool_]
    recall: NDArray[np.bool_]
    density: NDArray[np.float64]
    coverage: NDArray[np.bool_]


def prdc(real: Features, samples: Features, k: int = NEIGHBOURS) -> Prdc:
    """Compute the four metrics, point by point.

    Args:
        real: (n, features), more than k rows; as many as there are samples, or the metrics are not comparable.
        samples: (m, features), more than k rows.
        k: which neighbour bounds a neighbourhood.
    """
    real_radius, sample_radius = radii(real, k), radii(samples, k)
    inside_real = np.zeros(len(samples), np.int64)
    recall, coverage = np.zeros(len(real), bool), np.zeros(len(real), bool)
    for rows, distance in distances(real, samples):
        inside = distance <= real_radius[rows, None]  # (rows, samples)
        inside_real += inside.sum(axis=0)
        coverage[rows] = inside.any(axis=1)
        recall[rows] = (distance <= sample_radius).any(axis=1)
    return Prdc(inside_real > 0, recall, inside_real / k, coverage)


def radii(points: Features, k: int) -> NDArray[np.float32]:
    """Return the squared distance of each point to its k-th nearest neighbour, itself not counted: (n,)."""
    # Rounding may give a point a distance to itself that is not 0; it is the smallest all the same.
    parts = [np.partition(distance, k, axis=1)[:, k] for _, distance in distances(points, points)]
    return np.concatenate(parts)


def nearest(first: Features, second: Features) -> NDArray[np.float32]:
    """Return the squared distance of each point of the first set to the nearest of the second: (n,)."""
    return np.concatenate([squares.min(axis=1) for _, squares in distances(first, second)])


def distances(first: Features, second: Features) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield squared distances of `ROWS` points of the first set to all of the second, with their rows."""
    norms = np.einsum("ij,ij->i", second, second)  # (m,)
    for start in range(0, len(first), ROWS):
        rows = slice(start, start + ROWS)
        part = first[rows]
        squares = np.einsum("ij,ij->i", part, part)[:, None]
        yield rows, np.maximum(squares + norms - 2 * part @ second.T, 0)
