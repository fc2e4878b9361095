"""A layout's glyphs as one picture."""

import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from service.layout import Layout
from service.sheet import upscale


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
    return upscale(canvas[height : height + layout.height, width : width + layout.width], scale)
