"""Ink told from what it was written on: a clean canvas of either polarity, or a photograph of paper.

The border decides: paper is what most of it shows, even where a character has been cut out without a margin. Where
the border is of one level, that is the paper's level everywhere; where it is not, as in a photograph, the paper is the
quadratic surface through the border that lets characters which touch it be outliers. Ink is what departs from the
paper, to the side that departs more; what departs to the other side is noise, and tells how much of it there is.
"""

from functools import lru_cache

import numpy as np
from numpy import float32, intp, uint8
from numpy.typing import NDArray
from PIL import Image

Grey = NDArray[uint8]
Levels = NDArray[float32]

# Longest side that is worked on: a character that fills a tenth of it still has twice the pixels that it needs.
_LONGEST = 512
# Grey levels around the median that count as one paper.
_ONE_LEVEL = 1
# Ink differs from paper by at least so many grey levels, and so many standard deviations of the noise.
LEAST_CONTRAST = 16
_LEAST_SIGNIFICANCE = 6
# A departure of so many grey levels is hardly noise: if it seems so, the border has misled. That happens to characters
# that were cut out without a margin.
_STRIKING = 64
# What is nearer to the paper than this many standard deviations is paper.
_NOISE_BAND = 4
_BORDER_PIXELS = 2000
_FITTING_STEPS = 10


def lift_ink(grey: Grey) -> Grey:
    """The ink of a picture.

    Args:
        grey: (height, width) grey levels.

    Returns:
        (height, width) no larger than 512x512, paper 0, strongest ink 255; only paper if there is no ink.
    """
    small = _reduced(grey)
    border = small.ravel()[border_of(*small.shape)]
    for paper in (0, 255):
        if 2 * np.count_nonzero(border == paper) > border.size:
            return _on_clean_paper(small, paper)
    departure = small - _paper(small)
    ink = _significant(departure)
    if not ink.any() and np.abs(departure).max() >= _STRIKING:
        return _significant(small - _extreme(small))
    return ink


def _on_clean_paper(grey: Grey, paper: int) -> Grey:
    """As `_significant`, where the paper has the last of all levels: all departs to one side, and there is no noise."""
    strongest = int(grey.max()) if paper == 0 else 255 - int(grey.min())
    return stretched_by(strongest, paper).take(grey)


@lru_cache(maxsize=512)
def stretched_by(strongest: int, paper: int) -> Grey:
    """(256,) the ink of each level."""
    departure = np.abs(np.arange(256) - paper).astype(float32)
    if strongest < LEAST_CONTRAST:
        return np.zeros(256, uint8)
    ink: Grey = np.rint(np.minimum(departure * (255 / strongest), 255)).astype(uint8)
    return ink


def _significant(departure: Levels) -> Grey:
    """What departs to the one side by more than the noise, its strongest 255; nothing if that is too little."""
    up, down = np.maximum(departure, 0), np.maximum(-departure, 0)
    ink, other = (up, down) if np.vdot(up, up) >= np.vdot(down, down) else (down, up)
    noise = float(np.sqrt(2 * np.mean(np.square(other))))  # paper is as often too bright as too dark
    ink[ink < _NOISE_BAND * noise] = 0
    strongest = _strongest(ink, noise)
    if strongest < max(LEAST_CONTRAST, _LEAST_SIGNIFICANCE * noise):
        return np.zeros(departure.shape, uint8)
    stretched: Levels = np.minimum(ink * (255 / strongest), 255)
    return np.rint(stretched).astype(uint8)


def _strongest(ink: Levels, noise: float) -> float:
    """The level of full ink; where there is noise, a single pixel does not decide it."""
    present = ink[ink > 0]
    if not present.size:
        return 0.0
    return float(present.max() if noise < 0.5 else np.percentile(present, 90))


def _reduced(grey: Grey) -> Grey:
    factor = -(-max(grey.shape) // _LONGEST)
    return grey if factor == 1 else np.asarray(Image.fromarray(grey).reduce(factor))


def _paper(grey: Grey) -> Levels | float32:
    """The paper's level everywhere, (h, w), or one for all."""
    border = border_of(*grey.shape)
    levels = grey.ravel()[border].astype(float32)
    median = np.partition(levels, levels.size // 2)[levels.size // 2]
    if np.mean(np.abs(levels - median) <= _ONE_LEVEL) >= 0.5:
        return float32(median)
    y, x = np.divmod(border, grey.shape[1])
    return _surface(y, x, levels, grey.shape)


def _extreme(grey: Grey) -> float32:
    """The paper's level where most of the border may be the edges of strokes."""
    levels = np.sort(grey.ravel()[border_of(*grey.shape)])
    is_dark = float(levels[levels.size // 2]) < (float(grey.min()) + float(grey.max())) / 2
    return float32(levels[levels.size // 10 if is_dark else -1 - levels.size // 10])


@lru_cache(maxsize=64)
def border_of(height: int, width: int) -> NDArray[intp]:
    """Flat indices of pixels near the edge, at most some thousand."""
    inside = np.zeros((height, width), bool)
    depth = 1 + max(height, width) // 40
    inside[depth : height - depth, depth : width - depth] = True
    indices = np.flatnonzero(~inside)
    return indices[:: 1 + indices.size // _BORDER_PIXELS]


def _surface(y: NDArray[intp], x: NDArray[intp], levels: Levels, shape: tuple[int, ...]) -> Levels:
    """(h, w) quadratic surface through `levels` at (y, x), by least squares reweighted after Cauchy."""
    grid = np.meshgrid(*(np.linspace(-1, 1, side, dtype=float32) for side in shape), indexing="ij")
    terms = _quadratic(*grid)  # (h, w, 6)
    known = terms[y, x]  # (n, 6)
    weight: Levels = np.ones(levels.size, float32)
    for _ in range(_FITTING_STEPS):
        residual = np.abs(levels - known @ _solved(known, levels, weight))
        spread = max(1.0, 1.5 * float(np.median(residual)))
        weight = (1 / np.hypot(1, residual / spread)).astype(float32)
    surface: Levels = terms @ _solved(known, levels, weight)
    return surface


def _solved(terms: Levels, levels: Levels, weight: Levels) -> Levels:
    """(6,) the coefficients of least weighted squares."""
    coefficients: Levels = np.linalg.lstsq(terms * weight[:, None], levels * weight)[0]
    return coefficients


def _quadratic(y: Levels, x: Levels) -> Levels:
    """(..., 6) the terms of a quadratic surface."""
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
