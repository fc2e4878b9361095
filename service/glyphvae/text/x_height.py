"""How high each character stands in a line of text, which its image does not say.

A model draws every character at one size, its longer side 20 pixels: an `o` comes as large as an `O`. Beside capitals
small letters reach as high as they do in handwriting, and so become thinner in their strokes as well, which are drawn
the heavier the smaller a letter was written.
"""

from collections.abc import Sequence

import numpy as np
from numpy import int64, uint8
from numpy.typing import NDArray
from PIL import Image

from glyphvae.text.glyph_metrics import ink_boxes, parted

_SIDE = 28
# Rows of ink where a capital has 20: the body of small letters, and a t's little ascender. The others have an ascender
# or a descender and are as large as capitals.
_X_HEIGHT = 14
HEIGHTS = dict.fromkeys("aceimnorsuvwxz", _X_HEIGHT) | {"t": 17}
# With a dot apart. Many people write none, and an i without one is a body alone.
DOTTED_HEIGHTS = {"i": 19}
# Characters that do not stand on the last row of their ink, with the share of their height that hangs below: what is
# left of a descender's 20 rows is the body's 14.
TAILS = {"Q": 0.15} | dict.fromkeys("gjpqy", 0.3)
_BY_DOT = (HEIGHTS, HEIGHTS | DOTTED_HEIGHTS)


def proportioned(pixels: NDArray[uint8], labels: NDArray[int64], names: Sequence[str]) -> NDArray[uint8]:
    """The glyphs of a text, small letters no higher than beside capitals; the widths follow.

    Args:
        pixels: (n, 28, 28), paper 0, ink 255.
        labels: (n,) indices into `names`.
        names: The model's labels.

    Returns:
        (n, 28, 28), likewise; the very same array if nothing is to be made smaller.
    """
    plain, dotted = (np.array([heights.get(name, _SIDE) for name in names], int64) for heights in _BY_DOT)
    if (plain[labels] == _SIDE).all():
        return pixels  # capitals and digits alone need not be looked at
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
    """The glyph (28, 28) with the ink in `box` made `height` high, in the middle of its cell.

    The first column and the last row of the ink stay at the edge of a pixel, so that letters stand on one line.
    """
    top, bottom, left, right = box
    step = (bottom - top) / height  # of the glyph's pixels, for each of the result's
    column, row = round((_SIDE - (right - left) / step) / 2), (_SIDE + height) // 2
    # A field around it, because the window that becomes the cell is larger than the cell.
    field = Image.fromarray(np.pad(glyph, _SIDE))
    x, y = _SIDE + left - column * step, _SIDE + bottom - row * step
    window = (x, y, x + _SIDE * step, y + _SIDE * step)
    return np.asarray(field.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC, box=window))
