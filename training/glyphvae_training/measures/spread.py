"""The spread of characters within a label, which is smaller for a model that repeats itself than for people."""

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]


def spread_within(features: Features, labels: NDArray[np.int64]) -> float:
    """Return the root of the mean squared distance to the mean of the label, averaged over the labels.

    Args:
        features: (n, features).
        labels: int64 (n,).

    Returns:
        In the unit of the features, at least 0.
    """
    each = [features[labels == label].var(axis=0, dtype=np.float64).sum() for label in np.unique(labels)]
    return float(np.sqrt(each).mean())
