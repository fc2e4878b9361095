"""The nearest training image: a sample that equals one to the pixel was memorised."""

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.measures.prdc import nearest

Pixels = NDArray[np.uint8]


def nearest_distance(images: Pixels, training: Pixels) -> NDArray[np.float64]:
    """Return the distance of each image to the nearest training image: (n,).

    It is the root of the mean squared difference of ink from 0 to 1, so that 0 is a copy.

    Args:
        images: uint8 (n, 28, 28).
        training: uint8 (m, 28, 28).
    """
    rows, known = (np.asarray(part.reshape(len(part), -1) / np.float32(255), np.float32) for part in (images, training))
    return np.asarray(np.sqrt(nearest(rows, known).astype(np.float64) / rows.shape[1]))
