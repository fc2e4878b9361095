"""Artefacts that people see in generated characters: haze, specks, pieces, missing dots, strokes that swell.

Ink is from 0, paper, to 1. Pixels that touch by a side or a corner are of one component. Each measure is a number for
each image, to be compared with that of real characters (`glyphvae_training.measures.comparison`), which have some of
each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from glyphvae_training.measures.strokes import FINER, unit, widths_along

Pixels = NDArray[np.uint8]
Counts = NDArray[np.int64]
Values = NDArray[np.float64]
Labels = NDArray[np.int64]

# Haze is ink that is seen, without any near it that a pen would have left.
SEEN, DARK = 0.12, 0.6
# Of components. Hairlines of real characters are grey: at 0.4, 2.7 % of validation characters are in more than one
# piece, in the mean over labels; at 0.5, 3.6 %.
INK = 0.4
LARGEST_SPECK = 4
# A dot of two pixels is one; a single pixel is not seen.
SMALLEST_DOT = 2
# Real characters of a label are commonly in as many pieces as this share of them, or in fewer.
COMMON = 0.2
# Neighbours in an image; images behind one another do not touch.
TOUCHING = np.stack([np.zeros((3, 3)), np.ones((3, 3)), np.zeros((3, 3))])


@dataclass(frozen=True)
class Components:
    """Connected components of images.

    Attributes:
        image: int64 (components,), the index of the image.
        size: int64 (components,), in pixels.
        top: float64 (components,), the uppermost row.
        row: float64 (components,), the mean row.
    """

    image: Counts
    size: Counts
    top: Values
    row: Values


def find_components(images: Pixels) -> Components:
    """Find the components of ink above 0.4 in images uint8 (n, height, width), image by image."""
    found, count = ndimage.label(unit(images) > INK, TOUCHING)
    numbers = np.arange(1, count + 1)
    image = np.broadcast_to(np.arange(found.shape[0])[:, None, None], found.shape)
    row = np.broadcast_to(np.arange(found.shape[1])[:, None], found.shape)
    # Components have numbers in the order of their first pixels.
    return Components(
        np.asarray(ndimage.minimum(image, found, numbers), np.int64),
        np.bincount(found.ravel(), minlength=count + 1)[1:],
        np.asarray(ndimage.minimum(row, found, numbers), np.float64),
        np.asarray(ndimage.mean(row, found, numbers), np.float64),
    )


def haze(images: Pixels) -> Counts:
    """Count the pixels of ink over 0.12 with none of 0.6 or more within one pixel: int64 (n,)."""
    x = unit(images)
    near_dark = ndimage.maximum_filter(x, size=(1, 3, 3), mode="constant") >= DARK
    return np.asarray(((x > SEEN) & ~near_dark).sum(axis=(1, 2)))


def specks(images: Pixels) -> Counts:
    """Count the components of at most four pixels: int64 (n,)."""
    found = find_components(images)
    return np.bincount(found.image[found.size <= LARGEST_SPECK], minlength=len(images))


def pieces(images: Pixels) -> Counts:
    """Count the components of at least five pixels: int64 (n,)."""
    found = find_components(images)
    return np.bincount(found.image[found.size > LARGEST_SPECK], minlength=len(images))


def common_pieces(real: Counts, labels: Labels) -> dict[int, int]:
    """Return in how many pieces, at most, real characters of each label commonly are.

    Args:
        real: Pieces of real characters, int64 (n,).
        labels: int64 (n,).

    Returns:
        By label, the largest number that a fifth of its characters reach.
    """
    usual = {}
    for label in np.unique(labels):
        own = np.sort(real[labels == label])[::-1]
        usual[int(label)] = int(own[int(np.ceil(COMMON * len(own))) - 1])
    return usual


def has_dot(images: Pixels) -> NDArray[np.bool_]:
    """Return whether each image has a component above the top of its largest one: bool (n,). For i and j."""
    found = find_components(images)
    # The largest of each image first; of several, the one whose pixels come first.
    order = np.lexsort((-found.size, found.image))
    with_ink, first = np.unique(found.image[order], return_index=True)
    top = np.zeros(len(images))
    top[with_ink] = found.top[order[first]]
    dots = (found.size >= SMALLEST_DOT) & (found.row < top[found.image])
    return np.bincount(found.image[dots], minlength=len(images)) > 0


def width_variation(images: Pixels, finer: int = FINER) -> Values:
    """Measure how much strokes swell and thin within each image: (n,).

    It is the standard deviation of the stroke width along the middle of the strokes over its mean; 0 without ink.
    `finer` as in `widths_along`.
    """
    found = [widths_along(x, finer) for x in unit(images)]
    return np.array([widths.std() / widths.mean() if widths.size else 0.0 for widths in found])
