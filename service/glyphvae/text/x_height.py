"""Scaling of small letters to their height beside capitals.

A model draws every character at the same size, its longer side 20 pixels, so that an `o` is as large as an `O`. Beside
capitals, small letters are reduced to their height in handwriting. That also corrects their strokes, which are too
heavy because the training images enlarged them with the letter.
"""

from collections.abc import Sequence

import numpy as np
from numpy import int64, uint8
from numpy.typing import NDArray
from PIL import Image

from glyphvae.text.glyph_metrics import ink_boxes, parted

_SIDE = 28
# Rows of ink, where a capital has 20: the x-height, and the short ascender of the t. The other letters have an ascender
# or a descender and are as large as capitals.
_X_HEIGHT = 14
HEIGHTS = dict.fromkeys("aceimnorsuvwxz", _X_HEIGHT) | {"t": 17}
# Heights of letters with a separate dot. Many people write the i without one, which then has the x-height.
DOTTED_HEIGHTS = {"i": 19}
# Characters with ink below the baseline, with the share of their height that is below it: of the 20 rows of a letter
# with a descender, the x-height takes 14.
TAILS = {"Q": 0.15} | dict.fromkeys("gjpqy", 0.3)
_BY_DOT = (HEIGHTS, HEIGHTS | DOTTED_HEIGHTS)


def proportioned(pixels: NDArray[uint8], labels: NDArray[int64], names: Sequence[str]) -> NDArray[uint8]:
    """Reduce the small letters of a text to their height beside capitals, keeping their proportions.

    Args:
        pixels: (n, 28, 28), paper 0, ink 255.
        labels: (n,) indices into `names`.
        names: The model's labels.

    Returns:
        (n, 28, 28), paper 0, ink 255; the array `pixels` itself if no glyph is reduced.
    """
    plain, dotted = (np.array([heights.get(name, _SIDE) for name in names], int64) for heights in _BY_DOT)
    if (plain[labels] == _SIDE).all():
        return pixels  # only capitals and digits
    most = np.where(parted(pixels), dotted[labels], plain[labels])
    boxes = np.stack(ink_boxes(pixels), axis=1)  # (n, 4)
    smaller = np.flatnonzero(boxes[:, 1] - boxes[:, 0] > most)
    if not smaller.size:
        return pixels
    result = pixels.copy()
    for index in smaller:
        result[index] = _reduced(pixels[index], boxes[index].tolist(), int(most[index]))
    return result


def _reduced(glyph: NDArray[uint8], box: Sequence[int], height: int) -> NDArray[uint8]:
    """Reduce the ink in `box` of a glyph (28, 28) to `height`, in the middle of its cell.

    The first column and the last row of the ink stay aligned to pixels, so that letters end exactly on the baseline.
    """
    top, bottom, left, right = box
    step = (bottom - top) / height  # source pixels per result pixel
    column, row = round((_SIDE - (right - left) / step) / 2), (_SIDE + height) // 2
    # Padded, because the source window of the result is larger than the cell.
    field = Image.fromarray(np.pad(glyph, _SIDE))
    x, y = _SIDE + left - column * step, _SIDE + bottom - row * step
    window = (x, y, x + _SIDE * step, y + _SIDE * step)
    return np.asarray(field.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC, box=window))
