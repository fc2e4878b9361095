"""Black and white images, drawn once from the grey ones."""

import numpy as np

from glyphvae_training.data.dataset import Split


def binarise(split: Split, rng: np.random.Generator) -> Split:
    """Draw each pixel once, ink with the probability of its grey value (Salakhutdinov & Murray 2008)."""
    ink = rng.random(split.images.shape) * 255 < split.images
    return Split(ink.astype(np.uint8) * np.uint8(255), split.labels)
