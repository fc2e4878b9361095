"""A layout's glyphs as one picture."""

import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from glyphvae.formats.grid import upscale
from glyphvae.text.layout import Layout

# Paper around the ink that enlarging needs, so that nothing of it depends on where the field ends.
_AROUND = 3


def draw(layout: Layout, pixels: NDArray[uint8], scale: int = 1) -> NDArray[uint8]:
    """The picture of a layout; where glyphs overlap, the stronger ink shows.

    Args:
        layout: The place of every glyph. The caller has checked `layout.size(scale)` against its limit.
        pixels: (n, 28, 28), the images that were laid out.
        scale: Picture pixels per glyph pixel, >= 1.

    Returns:
        (height, width) of `layout.size(scale)`, paper 0, ink 255.
    """
    _, height, width = pixels.shape
    # Cells may reach over the picture's edge by less than their size: the canvas has room for that.
    canvas = np.zeros((layout.height + 2 * height, layout.width + 2 * width), uint8)
    for glyph, x, y in zip(pixels, layout.x.tolist(), layout.y.tolist(), strict=True):
        cell = canvas[y + height : y + 2 * height, x + width : x + 2 * width]
        np.maximum(cell, glyph, out=cell)
    field = canvas[height : height + layout.height, width : width + layout.width]
    return field if scale == 1 else _enlarged(field, scale)


def _enlarged(field: NDArray[uint8], scale: int) -> NDArray[uint8]:
    """`upscale`, with no time spent on margins: paper stays paper."""
    rows = np.flatnonzero(field.any(axis=1))
    picture = np.zeros((field.shape[0] * scale, field.shape[1] * scale), uint8)
    if rows.size:
        top, bottom = max(0, int(rows[0]) - _AROUND), int(rows[-1]) + 1 + _AROUND
        picture[top * scale : bottom * scale] = upscale(field[top:bottom], scale)
    return picture
