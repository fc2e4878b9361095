"""Many pictures of a glyph's size, converted at once: bit for bit what `glyphvae.imaging.preprocess` makes of each.

Most of the time of one such picture goes into starting some thirty operations on a few hundred bytes. Here all
pictures share them, which takes a third of the time.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy import float32, float64, uint8
from numpy.typing import NDArray
from PIL import Image

from glyphvae.imaging.ink_extraction import LEAST_CONTRAST, border_of, stretched_by
from glyphvae.imaging.preprocess import BOX, CENTRE, FAINTEST_INK, SIDE, STRONG_INK, moments

Pixels = NDArray[uint8]
Levels = NDArray[float64]
Counts = NDArray[np.intp]

GLYPH = (SIDE, SIDE)
# Fewer are faster one by one.
FEWEST = 4
# Pillow resizes 8-bit pictures with weights in whole numbers of this share, and rounds after each direction.
_UNIT = 1 << 22


def preprocess_many(greys: Sequence[Pixels]) -> list[Pixels | None]:
    """Those pictures in MNIST's convention that are quick to convert together.

    Args:
        greys: Each (height, width) grey levels.

    Returns:
        For each picture, (28, 28) as `preprocess` returns it in the mode `auto`; None where that has to be asked: for
        another size, another paper than clean white or black, no ink or a flat stroke, and where there are too few.
    """
    glyphs: list[Pixels | None] = [None] * len(greys)
    chosen = {index: grey for index, grey in enumerate(greys) if grey.shape == GLYPH}
    if len(chosen) < FEWEST:
        return glyphs
    ink, shown = _lifted(np.stack(list(chosen.values())))
    if shown.any():
        for index, glyph in zip(np.array(list(chosen))[shown], _converted(ink[shown]), strict=True):
            glyphs[index] = glyph
    return glyphs


def _lifted(greys: Pixels) -> tuple[Pixels, NDArray[np.bool]]:
    """The ink (n, 28, 28) of pictures on clean paper, and (n,) which are that and show ink."""
    edge = greys.reshape(len(greys), -1)[:, border_of(SIDE, SIDE)]
    white, black = (2 * np.count_nonzero(edge == paper, axis=1) > edge.shape[1] for paper in (255, 0))
    # From white paper, a level departs by its complement.
    ink = greys ^ np.where(white, uint8(255), uint8(0))[:, None, None]
    strongest = ink.max(axis=(1, 2))
    shown = (white | black) & (strongest >= LEAST_CONTRAST)
    for index in np.flatnonzero(shown & (strongest < 255)):
        ink[index] = stretched_by(int(strongest[index]), 0).take(ink[index])
    return ink, shown


def _converted(ink: Pixels) -> Iterator[Pixels | None]:
    """Pictures of ink (n, 28, 28) in MNIST's convention; None for those that are not quick."""
    rows, columns = ink.max(axis=2), ink.max(axis=1)  # (n, 28) the strongest ink of each
    placed = _is_placed(ink, rows, columns)
    (top, bottom), (left, right) = _extent(rows >= FAINTEST_INK), _extent(columns >= FAINTEST_INK)
    height, width = bottom - top, right - left
    scale = BOX / np.maximum(height, width)
    high, wide = (np.maximum(1, np.rint(side * scale)).astype(int) for side in (height, width))
    down = np.stack([_weights(*key) for key in zip(top.tolist(), bottom.tolist(), high.tolist(), strict=True)])
    across = np.stack([_weights(*key) for key in zip(left.tolist(), right.tolist(), wide.tolist(), strict=True)])
    # Sums of whole numbers below 2^53, which are exact in any order.
    narrow = _rounded(ink.astype(float64) @ across.astype(float64))  # (n, 28, 20)
    fitted = _strengthened(_rounded(down.astype(float64).transpose(0, 2, 1) @ narrow))  # (n, 20, 20)
    places = zip((CENTRE - centre for centre in _centres(fitted)), (high, wide), strict=True)
    corners = [np.clip(np.rint(place), 0, SIDE - side).astype(int) for place, side in places]
    glyphs = np.where(placed[:, None, None], ink, uint8(0))
    pixels = fitted.astype(uint8)
    # Pillow scales what loses far more height than width in the other order, which rounds otherwise.
    flat = SIDE - high > 2 * (SIDE - wide)
    for index, glyph in enumerate(glyphs):
        if flat[index]:
            yield None
            continue
        if not placed[index]:
            (y, x), (h, w) = (corner[index] for corner in corners), (high[index], wide[index])
            glyph[y : y + h, x : x + w] = pixels[index, :h, :w]
        yield glyph


def _is_placed(ink: Pixels, rows: Pixels, columns: Pixels) -> NDArray[np.bool]:
    """(n,) whether the ink is where it should be, and would only lose what is too faint to count."""
    (top, bottom), (left, right) = _extent(rows > 0), _extent(columns > 0)
    centred = [np.abs(centre - CENTRE) <= 0.5 for centre in _centres(ink.astype(float64))]
    placed: NDArray[np.bool] = (np.maximum(bottom - top, right - left) == BOX) & centred[0] & centred[1]
    return placed


def _extent(mask: NDArray[np.bool]) -> tuple[Counts, Counts]:
    """(n,) the first and (n,) behind the last of what is true in each row (n, k)."""
    return mask.argmax(axis=1), mask.shape[1] - mask[:, ::-1].argmax(axis=1)


@lru_cache(maxsize=512)
def _weights(start: int, end: int, size: int) -> NDArray[float32]:
    """(28, 20) what of each pixel, in `_UNIT`, goes into each of the `size` that show those from `start` to `end`."""
    # Pillow's own, read from how it resizes single pixels where it does not round to 8 bits.
    single = Image.fromarray(np.eye(SIDE, dtype=np.int32) * np.int32(_UNIT))
    weights = np.zeros((SIDE, BOX), float32)  # whole numbers below 2^24
    weights[:, :size] = np.asarray(single.resize((size, SIDE), Image.Resampling.BICUBIC, box=(start, 0, end, SIDE)))
    return weights


def _rounded(sums: Levels) -> Levels:
    """Sums of weighted levels as whole levels, in place."""
    sums += _UNIT // 2
    sums *= 1 / _UNIT
    np.floor(sums, out=sums)
    return np.clip(sums, 0, 255, out=sums)


def _strengthened(levels: Levels) -> Levels:
    flat = levels.reshape(len(levels), -1)
    strength = np.square(flat).sum(axis=1) / flat.sum(axis=1) / STRONG_INK
    for index in np.flatnonzero(strength < 1):
        levels[index] = np.floor(np.minimum(levels[index] / strength[index], 255))
    return levels


def _centres(levels: Levels) -> tuple[Levels, Levels]:
    """(n,) the centre of mass of each field (n, side, side), down and across, in pixel indices."""
    n, height, width = levels.shape
    down, across, mass = (levels.reshape(n, -1) @ moments(height, width).T).T
    return down / mass, across / mass
