"""Separation of ink from paper, in drawings of either polarity and in photographs.

The paper is estimated from the border of the image, most of which shows paper even if a character was cut out without a
margin. If the border has a single level, that is the level of the paper everywhere. If not, as in a photograph, the
paper is a quadratic surface fitted to the border, robustly, so that characters which touch the border are outliers.
Pixels that differ from the paper are ink on the side with the larger differences; those on the other side are noise and
give its standard deviation.
"""

from functools import lru_cache

import numpy as np
from numpy import float32, intp, uint8
from numpy.typing import NDArray
from PIL import Image

Grey = NDArray[uint8]
Levels = NDArray[float32]

# Longer images are reduced: a character that fills a tenth of this side still has twice the pixels it needs.
MAX_SIDE = 512
# Grey levels around the median that count as the same level.
_ONE_LEVEL = 1
# Ink differs from paper by at least this many grey levels, and this many standard deviations of the noise.
MIN_CONTRAST = 16
_MIN_SIGNIFICANCE = 6
# Differences of this many grey levels are hardly noise. If no ink is found despite them, the border did not show the
# paper, which happens if a character was cut out without a margin.
_LARGE_DIFFERENCE = 64
# Pixels within this many standard deviations of the paper are paper.
_NOISE_BAND = 4
_BORDER_PIXELS = 2000
_FITTING_STEPS = 10


def lift_ink(grey: Grey, side: int = MAX_SIDE) -> Grey:
    """Extract the ink of an image.

    Args:
        grey: (height, width) grey levels.
        side: Most pixels on a side; a larger image is reduced.

    Returns:
        (height, width), paper 0, strongest ink 255; all 0 if there is no ink.
    """
    small = reduced(grey, side)
    paper = _clean_paper(small)
    if paper is not None:
        return _on_clean_paper(small, paper)
    difference = small - _paper(small)
    ink = _significant(difference)
    if not ink.any() and np.abs(difference).max() >= _LARGE_DIFFERENCE:
        return _significant(small - _extreme(small))
    return ink


def is_clean(grey: Grey) -> bool:
    """Return whether an image is a drawing on clean white or black paper, on which no light falls."""
    return _clean_paper(grey) is not None


def _clean_paper(grey: Grey) -> int | None:
    """Return 0 or 255 if most of the border is exactly that, else None."""
    border = grey.ravel()[border_of(*grey.shape)]
    return next((paper for paper in (0, 255) if 2 * np.count_nonzero(border == paper) > border.size), None)


def _on_clean_paper(grey: Grey, paper: int) -> Grey:
    """Extract the ink on paper of level 0 or 255, where all differences have one sign and there is no noise."""
    strongest = int(grey.max()) if paper == 0 else 255 - int(grey.min())
    return stretched_by(strongest, paper).take(grey)


@lru_cache(maxsize=512)
def stretched_by(strongest: int, paper: int) -> Grey:
    """Return (256,) the ink of each grey level, stretched so that a difference of `strongest` is full ink."""
    difference = np.abs(np.arange(256) - paper).astype(float32)
    if strongest < MIN_CONTRAST:
        return np.zeros(256, uint8)
    ink: Grey = np.rint(np.minimum(difference * (255 / strongest), 255)).astype(uint8)
    return ink


def _significant(difference: Levels) -> Grey:
    """Return the differences of the stronger sign that exceed the noise, stretched to 255; all 0 if none is ink."""
    up, down = np.maximum(difference, 0), np.maximum(-difference, 0)
    ink, other = (up, down) if np.vdot(up, up) >= np.vdot(down, down) else (down, up)
    noise = float(np.sqrt(2 * np.mean(np.square(other))))  # times 2, because noise has both signs equally often
    ink[ink < _NOISE_BAND * noise] = 0
    strongest = _strongest(ink, noise)
    if strongest < max(MIN_CONTRAST, _MIN_SIGNIFICANCE * noise):
        return np.zeros(difference.shape, uint8)
    stretched: Levels = np.minimum(ink * (255 / strongest), 255)
    return np.rint(stretched).astype(uint8)


def _strongest(ink: Levels, noise: float) -> float:
    """Return the level of full ink: the maximum, or a percentile if there is noise."""
    present = ink[ink > 0]
    if not present.size:
        return 0.0
    return float(present.max() if noise < 0.5 else np.percentile(present, 90))


def reduced(grey: Grey, side: int = MAX_SIDE) -> Grey:
    """Reduce an image to at most `side` pixels on a side."""
    factor = -(-max(grey.shape) // side)
    return grey if factor == 1 else np.asarray(Image.fromarray(grey).reduce(factor))


def _paper(grey: Grey) -> Levels | float32:
    """Estimate the paper's level, one for all pixels or (h, w)."""
    border = border_of(*grey.shape)
    levels = grey.ravel()[border].astype(float32)
    median = np.partition(levels, levels.size // 2)[levels.size // 2]
    if np.mean(np.abs(levels - median) <= _ONE_LEVEL) >= 0.5:
        return float32(median)
    y, x = np.divmod(border, grey.shape[1])
    return _surface(y, x, levels, grey.shape)


def _extreme(grey: Grey) -> float32:
    """Estimate the paper's level if most of the border may be ink."""
    levels = np.sort(grey.ravel()[border_of(*grey.shape)])
    is_dark = float(levels[levels.size // 2]) < (float(grey.min()) + float(grey.max())) / 2
    return float32(levels[levels.size // 10 if is_dark else -1 - levels.size // 10])


@lru_cache(maxsize=64)
def border_of(height: int, width: int) -> NDArray[intp]:
    """Return flat indices of pixels near the edge, a few thousand at most."""
    inside = np.zeros((height, width), bool)
    depth = 1 + max(height, width) // 40
    inside[depth : height - depth, depth : width - depth] = True
    indices = np.flatnonzero(~inside)
    return indices[:: 1 + indices.size // _BORDER_PIXELS]


def _surface(y: NDArray[intp], x: NDArray[intp], levels: Levels, shape: tuple[int, ...]) -> Levels:
    """Fit a quadratic surface (h, w) to `levels` at (y, x), by least squares with Cauchy weights."""
    grid = np.meshgrid(*(np.linspace(-1, 1, side, dtype=float32) for side in shape), indexing="ij")
    terms = _quadratic(*grid)  # (h, w, 6)
    known = terms[y, x]  # (n, 6)
    weight: Levels = np.ones(levels.size, float32)
    for _ in range(_FITTING_STEPS):
        residual = np.abs(levels - known @ _solved(known, levels, weight))
        spread = max(1.0, 1.5 * float(np.median(residual)))
        weight = (1 / np.hypot(1, residual / spread)).astype(float32)
    return terms @ _solved(known, levels, weight)


def _solved(terms: Levels, levels: Levels, weight: Levels) -> Levels:
    """Solve the weighted least-squares problem for the (6,) coefficients."""
    coefficients: Levels = np.linalg.lstsq(terms * weight[:, None], levels * weight)[0]
    return coefficients


def _quadratic(y: Levels, x: Levels) -> Levels:
    """Return (..., 6) the terms of a quadratic surface."""
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
