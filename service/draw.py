"""A layout's glyphs as one picture."""

from numpy import uint8
from numpy.typing import NDArray

from service.layout import Layout


def draw(layout: Layout, pixels: NDArray[uint8], scale: int = 1) -> NDArray[uint8]:
    """The picture of `layout`; where cells overlap, the brighter pixel shows.

    Args:
        layout: The place of every glyph. The caller has checked `layout.size(scale)` against its limit.
        pixels: (n, 28, 28), the images that were laid out.
        scale: Enlargement, >= 1.

    Returns:
        (height, width) of `layout.size(scale)`, paper 0, ink 255.
    """
    raise NotImplementedError
