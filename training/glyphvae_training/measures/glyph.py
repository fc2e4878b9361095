"""Measures of a glyph: slant, stroke width, width and height, from image moments and a distance transform."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Pixels = NDArray[np.uint8]
Measured = NDArray[np.float64]

# A distance transform counts whole pixels; strokes are two or three wide.
ENLARGED = 4
# A block of width w, evenly inked, has a variance of w² / 12.
BLOCK = 12


@dataclass(frozen=True)
class Moments:
    """Central second moments of the ink, float64 (n,) each, in pixels².

    Attributes:
        across: of columns.
        down: of rows.
        both: of the product.
    """

    across: Measured
    down: Measured
    both: Measured


def moments(pixels: Pixels) -> Moments:
    """Compute the moments of glyphs uint8 (n, 28, 28); 0 for one without ink."""
    ink = pixels.astype(np.float64)
    ink /= np.maximum(ink.sum(axis=(1, 2), keepdims=True), 1e-9)  # (n, 28, 28), sums to 1
    rows, columns = np.arange(pixels.shape[1]), np.arange(pixels.shape[2])
    x = columns - (ink.sum(axis=1) @ columns)[:, None]  # (n, 28)
    y = rows - (ink.sum(axis=2) @ rows)[:, None]  # (n, 28)
    return Moments(
        np.einsum("nij,nj->n", ink, x**2), np.einsum("nij,ni->n", ink, y**2), np.einsum("nij,ni,nj->n", ink, y, x)
    )


def slant(pixels: Pixels) -> Measured:
    """Measure the slant in degrees, positive where the top is to the right: the shear that deskewing would undo."""
    found = moments(pixels)
    return np.asarray(np.degrees(np.arctan2(-found.both, np.maximum(found.down, 1e-9))), np.float64)


def width(pixels: Pixels) -> Measured:
    """Measure the width in pixels, without slant, as that of the evenly inked block with the same variance."""
    found = moments(pixels)
    upright = found.across - found.both**2 / np.maximum(found.down, 1e-9)
    return np.asarray(np.sqrt(BLOCK * np.maximum(upright, 0)), np.float64)


def height(pixels: Pixels) -> Measured:
    """Measure the height in pixels, as that of the evenly inked block with the same variance."""
    return np.sqrt(BLOCK * moments(pixels).down)


def stroke_width(pixels: Pixels) -> Measured:
    """Measure the stroke width in pixels: the mean distance to paper over a stroke of w is w/4 + 1/2."""
    return np.array([one_stroke_width(glyph) for glyph in pixels])


def one_stroke_width(glyph: Pixels) -> float:
    """Measure the stroke width of one glyph (28, 28); 0 without ink."""
    ink = ndimage.zoom(glyph.astype(np.float32), ENLARGED, order=1) > 127
    if not ink.any():
        return 0.0
    distance = ndimage.distance_transform_edt(ink)
    return float(4 * distance[ink].mean() - 2) / ENLARGED


@dataclass(frozen=True)
class Feature:
    """A measure and the words for its ends.

    Attributes:
        measure: uint8 (n, 28, 28) to float64 (n,).
        unit: of the measure.
        low: what a glyph with little of it is.
        high: what one with much of it is.
    """

    measure: Callable[[Pixels], Measured]
    unit: str
    low: str
    high: str


FEATURES = {
    "slant": Feature(slant, "°", "leaning left", "leaning right"),
    "stroke width": Feature(stroke_width, "px", "thin strokes", "thick strokes"),
    "width": Feature(width, "px", "narrow", "wide"),
    "height": Feature(height, "px", "low", "tall"),
}
