"""A sentence in one style: one latent for all its glyphs."""

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.evaluation.coder import Coder
from glyphvae_training.export.exported import Floats

Pixels = NDArray[np.uint8]

GAP = 2
SPACE = 10
# Fainter ink than this belongs to no stroke.
FAINTEST = 64


def sentence(coder: Coder, text: str, z: Floats) -> Pixels:
    """Write one line of glyphs, each cropped to its ink and set beside the last.

    Args:
        coder: a conditional model.
        text: of its labels and spaces.
        z: (latent,), the style.

    Returns:
        uint8 (28, width), paper 0 and ink 255.
    """
    characters = sorted(set(text) - {" "})
    labels = np.array([coder.labels.index(character) for character in characters])
    pixels, _ = coder.decode(np.tile(z, (len(characters), 1)), labels)
    glyphs = {character: cut(glyph) for character, glyph in zip(characters, pixels, strict=True)}
    space, gap = np.zeros((28, SPACE), np.uint8), np.zeros((28, GAP), np.uint8)
    return np.hstack([part for character in text for part in (glyphs.get(character, space), gap)])


def cut(glyph: Pixels) -> Pixels:
    """Crop a glyph (28, 28) to the columns with ink; one without ink stays whole."""
    inked = np.flatnonzero((glyph >= FAINTEST).any(axis=0))
    return glyph[:, inked[0] : inked[-1] + 1] if len(inked) else glyph


def stacked(lines: list[Pixels]) -> Pixels:
    """Stack lines, padded with paper to the width of the longest."""
    widest = max(line.shape[1] for line in lines)
    return np.vstack([np.pad(line, ((4, 4), (0, widest - line.shape[1]))) for line in lines])
