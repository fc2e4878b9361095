"""Measures of the ink: sharpness of edges, amount, and stroke width."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Pixels = NDArray[np.uint8]
Values = NDArray[np.float64]

GREY = (0.1, 0.9)
# A stroke is two or three pixels wide: without finer pixels its width would be a whole number of them.
FINER = 3


def unit(images: Pixels) -> NDArray[np.float32]:
    """Scale images uint8 (n, 28, 28) to ink from 0 to 1."""
    return np.asarray(images / np.float32(255), np.float32)


def grey_share(images: Pixels) -> Values:
    """Return the share of each image's pixels between 0.1 and 0.9, neither paper nor ink: (n,). Blur raises it."""
    x = unit(images)
    return np.asarray(((x > GREY[0]) & (x < GREY[1])).mean(axis=(1, 2)), np.float64)


def edge_slope(images: Pixels) -> Values:
    """Measure the steepness of each image's edges, (n,) in ink per pixel: blur lowers it.

    It is the mean length of the gradient (central differences, half a difference of two pixels) weighted with itself,
    so that it is taken where the edges are and flat paper does not count; 0 for an empty image.
    """
    x = unit(images)
    down, right = np.gradient(x, axis=(1, 2))
    length = np.hypot(down, right).reshape(len(x), -1).astype(np.float64)  # (n, 784)
    total = length.sum(axis=1)
    slope: Values = np.divide((length**2).sum(axis=1), total, out=np.zeros_like(total), where=total > 0)
    return slope


def mean_ink(images: Pixels) -> Values:
    """Return the mean ink of each image, (n,), 0 for paper and 1 for ink everywhere."""
    return np.asarray(unit(images).mean(axis=(1, 2), dtype=np.float64))


def stroke_width(images: Pixels, finer: int = FINER) -> Values:
    """Measure the stroke width of each image in pixels, (n,), at half ink; 0 for an image without any.

    Its mean along the middle of the strokes; `finer` as in `widths_along`.
    """
    found = [widths_along(x, finer) for x in unit(images)]
    return np.array([widths.mean() if widths.size else 0.0 for widths in found])


def widths_along(x: NDArray[np.float32], finer: int = FINER) -> Values:
    """Measure the stroke width of one image (height, width) along the middle of its strokes, in pixels: (places,).

    Twice the distance from the middle of a stroke to its edge; the middle is where the distance to paper has a local
    maximum. There are no places in an image without ink.

    Args:
        x: Ink from 0 to 1.
        finer: Into how many parts each pixel's side is divided; 1 where strokes are many pixels wide.
    """
    ink = np.pad(ndimage.zoom(x, finer, order=1, grid_mode=True, mode="nearest") > 0.5, 1)
    distance = ndimage.distance_transform_edt(ink)
    middle = (distance == ndimage.maximum_filter(distance, size=3)) & ink
    # The distance is to the centre of the nearest paper pixel, half a pixel behind the edge.
    return np.asarray(2 * (distance[middle] - 0.5) / finer, np.float64)
