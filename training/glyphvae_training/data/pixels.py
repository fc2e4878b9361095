"""The convention of every training image, named `mnist-20x20-mass` in the manifest.

MNIST was made so (LeCun et al., http://yann.lecun.com/exdb/mnist/): each character is scaled, with its aspect kept, to
fit a box of 20x20 pixels with antialiasing, and placed so that its centre of mass is the centre of a 28x28 field.
EMNIST fills 24 pixels instead, with strokes in proportion; letters at that size beside MNIST digits would look like
another hand and would tell a classifier the source instead of the shape.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glyphvae_training.progress import Progress, no_progress

NORMALISATION = "mnist-20x20-mass"
SIDE = 28
BOX = 20
# In MNIST the centre of mass, in pixel indices, is 14.0 +- 0.5 in each direction.
CENTRE = 14
# What is fainter is the skirt of EMNIST's Gaussian blur and no part of the character. At this threshold EMNIST digits
# come out with the mean ink of MNIST digits (0.129 against 0.131; 0.110 if every pixel above 0 counts).
FAINTEST_INK = 40
# Images between two reports of progress, a tenth of a second.
REPORT_EVERY = 1000


def normalise(images: NDArray[np.uint8], progress: Progress = no_progress) -> NDArray[np.uint8]:
    """Convert characters to the convention `mnist-20x20-mass`.

    Args:
        images: uint8 (n, height, width), paper 0, ink up to 255.
        progress: called with the images done and the images in all.

    Returns:
        uint8 (n, 28, 28). An image without ink stays without.
    """
    result = np.zeros((len(images), SIDE, SIDE), np.uint8)
    for done, (target, image) in enumerate(zip(result, images, strict=True), start=1):
        place(target, fit(image))
        if done % REPORT_EVERY == 0 or done == len(images):
            progress(done, len(images))
    return result


def ink_box(image: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom (exclusive) of the ink; all 0 where there is none."""
    ink = image >= FAINTEST_INK
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    if not rows.size:
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def fit(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale the ink of an image so that its longer side is 20; uint8 (h, w), at most (20, 20)."""
    left, top, right, bottom = box = ink_box(image)
    longer = max(right - left, bottom - top)
    if longer == 0:
        return np.zeros((0, 0), np.uint8)
    size = (max(1, round((right - left) * BOX / longer)), max(1, round((bottom - top) * BOX / longer)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC, box=box))


def place(field: NDArray[np.uint8], glyph: NDArray[np.uint8]) -> None:
    """Copy the glyph, uint8 (h, w), into the field, uint8 (28, 28), with its centre of mass at the centre."""
    top, left = (corner(glyph, axis) for axis in (0, 1))
    field[top : top + glyph.shape[0], left : left + glyph.shape[1]] = glyph


def corner(glyph: NDArray[np.uint8], axis: int) -> int:
    """Return the glyph's start along one axis: an integer shift, clipped to the field."""
    profile = glyph.sum(axis=1 - axis, dtype=np.int64)
    if not profile.sum():
        return 0
    mass = float(np.average(np.arange(profile.size), weights=profile))
    return min(max(round(CENTRE - mass), 0), SIDE - len(profile))
