"""Contrast of each pixel to the paper around it, whatever the light and the colours.

The paper at a pixel is what is left when everything narrower than a stroke is filled from its surroundings (a
morphological closing). Unlike an average, that leaves steps as they are: the edge of a shadow or of a sheet is not ink.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy import float32, uint8
from numpy.typing import NDArray

# OpenCV's annotations know no types of pixels. These are uint8.
Grey = NDArray[Any]
Colours = NDArray[Any]
Levels = NDArray[float32]

# Strokes are narrower than this share of a picture's shorter side.
_WIDEST_STROKE = 0.25
# Side of the picture in which the colours of ink and paper are found.
_COARSE = 128
# Pixels that differ from the paper by fewer levels tell nothing about the colour of the ink.
_COLOURED = 12


@dataclass(frozen=True)
class Contrast:
    """The difference between a picture and its paper.

    Attributes:
        ink: (h, w) grey levels, 0 where the picture is as its paper.
        noise: Levels that paper itself differs by.
    """

    ink: Grey
    noise: float


def find_contrast(picture: Colours) -> Contrast:
    """Find the ink of a picture (h, w) or (h, w, 3), dark on light paper or light on dark."""
    grey = picture if picture.ndim == 2 else _along(picture, _axis(picture))
    grey = _calmed(grey)
    side = max(3, round(min(grey.shape) * _WIDEST_STROKE) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    dark = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, kernel)
    light = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, kernel)
    apart = grey.astype(float32) - _enlarged(_median(_coarse(grey)), grey.shape)
    # Ink has sharp edges, which glare has not.
    apart *= cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), uint8))
    is_dark = float(np.vdot(dark, np.maximum(-apart, 0))) >= float(np.vdot(light, np.maximum(apart, 0)))
    ink = dark if is_dark else light
    bias, noise = _noise(ink)
    return Contrast(cv2.subtract(ink, np.full_like(ink, min(255, round(bias)))), noise)


def _noise(ink: Grey) -> tuple[float, float]:
    """Estimate mean and standard deviation of the ink of paper, of which there may be little between rules."""
    lowest, low = np.percentile(ink, (2, 25))
    # Of normally distributed levels, a quarter is under the mean by 0.67 deviations, and a fiftieth by 2.05.
    noise = float(low - lowest) / (2.05 - 0.67)
    return float(low) + 0.67 * noise, noise


def _axis(picture: Colours) -> Levels:
    """Return the direction (3,) in the space of colours along which ink differs most from paper."""
    small = _coarse(picture)
    apart = (
        small.astype(float32) - np.dstack([_median(np.ascontiguousarray(small[..., i])) for i in range(3)])
    ).reshape(-1, 3)
    strong = apart[np.abs(apart).max(axis=1) > _COLOURED]
    if len(strong) == 0:
        return np.full(3, 1 / 3, float32)
    axis = np.linalg.eigh(strong.T @ strong)[1][:, -1]
    axis = axis * np.sign(axis[np.abs(axis).argmax()])
    return np.asarray(axis / np.abs(axis).sum(), float32)


def _along(picture: Colours, axis: Levels) -> Grey:
    """Project colours on `axis`, as grey levels that use all of 0 to 255 where the axis has both signs."""
    low = 255 * float(np.minimum(axis, 0).sum())
    return cv2.transform(picture, np.array([[*axis, -low]], float32))


def _calmed(grey: Grey) -> Grey:
    """Smooth the noise of a camera, if there is any."""
    fine = cv2.absdiff(grey, cv2.medianBlur(grey, 3))
    return cv2.GaussianBlur(grey, (0, 0), 1) if float(fine.mean()) > 1.0 else grey


def _coarse(picture: Colours) -> Colours:
    factor = max(picture.shape[:2]) / _COARSE
    if factor <= 1:
        return picture
    size = max(1, round(picture.shape[1] / factor)), max(1, round(picture.shape[0] / factor))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _median(coarse: Grey) -> Grey:
    return cv2.medianBlur(coarse, min(coarse.shape) // 2 | 1)


def _enlarged(coarse: Grey, shape: tuple[int, ...]) -> Grey:
    return cv2.resize(coarse, shape[1::-1], interpolation=cv2.INTER_LINEAR)
