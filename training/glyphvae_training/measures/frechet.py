"""The Fréchet distance between two sets of features, each taken for a Gaussian.

Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium" (arXiv:1706.08500),
equation 6. It depends on the features and on how many there are, so that it means something only beside the distance
of two halves of real characters under the same features.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Features = NDArray[np.float32]


def frechet_distance(first: Features, second: Features) -> float:
    """Compute |m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½) of means m and covariances C.

    Args:
        first: (n, features), n at least 2.
        second: (m, features).

    Returns:
        At least 0 up to rounding; 0 for two sets of the same moments.
    """
    a, b = (np.asarray(features, np.float64) for features in (first, second))
    difference = a.mean(axis=0) - b.mean(axis=0)
    c1, c2 = (np.atleast_2d(np.cov(features, rowvar=False)) for features in (a, b))
    # tr (C1 C2)^½ is the sum of the roots of the eigenvalues of R C2 R with R = C1^½, which is symmetric: its
    # eigenvalues are real, also where C1 has no full rank.
    values, vectors = linalg.eigh(c1)
    root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    inner = linalg.eigvalsh(root @ c2 @ root).clip(min=0)
    return float(difference @ difference + np.trace(c1) + np.trace(c2) - 2 * np.sqrt(inner).sum())


def beside_half_split(real: Features, samples: Features, rng: np.random.Generator) -> tuple[float, float]:
    """Return the distance of samples to one random half of the real characters, and that of the other half.

    The distance grows as sets become smaller, so that the two compare only because all sets have one size.

    Args:
        real: (n, features), n at least 4.
        samples: (n, features); a row has the label of the same row of `real`.
        rng: draws the halves.
    """
    order = rng.permutation(len(real))
    half = len(real) // 2
    first, second = order[:half], order[half : 2 * half]
    return frechet_distance(real[first], samples[second]), frechet_distance(real[first], real[second])
