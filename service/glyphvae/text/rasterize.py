"""Drawing of a layout as an image."""

import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from glyphvae.formats.grid import upscale
from glyphvae.scheduling.deadline import checkpoint
from glyphvae.text.layout import Layout

# Rows of paper that enlarging reads on each side of the ink.
_AROUND = 3


def draw(layout: Layout, pixels: NDArray[uint8], scale: int = 1) -> NDArray[uint8]:
    """Draw a layout; where glyphs overlap, the stronger ink is kept.

    Args:
        layout: The position of every glyph. The caller must check `layout.size(scale)` against its limit.
        pixels: (n, 28, 28), the glyphs of the layout.
        scale: Image pixels per glyph pixel, >= 1.

    Returns:
        (height, width) of `layout.size(scale)`, paper 0, ink 255.
    """
    _, height, width = pixels.shape
    # Cells may extend beyond the image by less than their size, so the canvas is larger by that.
    canvas = np.zeros((layout.height + 2 * height, layout.width + 2 * width), uint8)
    for glyph, x, y in zip(pixels, layout.x.tolist(), layout.y.tolist(), strict=True):
        checkpoint()
        cell = canvas[y + height : y + 2 * height, x + width : x + 2 * width]
        np.maximum(cell, glyph, out=cell)
    field = canvas[height : height + layout.height, width : width + layout.width]
    return field if scale == 1 else _enlarged(field, scale)


def _enlarged(field: NDArray[uint8], scale: int) -> NDArray[uint8]:
    """Enlarge like `upscale`, without spending time on rows of paper."""
    rows = np.flatnonzero(field.any(axis=1))
    picture = np.zeros((field.shape[0] * scale, field.shape[1] * scale), uint8)
    if rows.size:
        top, bottom = max(0, int(rows[0]) - _AROUND), int(rows[-1]) + 1 + _AROUND
        picture[top * scale : bottom * scale] = upscale(field[top:bottom], scale)
    return picture
