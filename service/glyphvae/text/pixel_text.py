"""Texts of a model that draws pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

from numpy import uint8
from numpy.typing import NDArray

from glyphvae.text.layout import Layout, Setting, layout
from glyphvae.text.rasterize import draw
from glyphvae.text.symbols import Symbols
from glyphvae.text.x_height import proportioned


@dataclass(frozen=True)
class PixelText:
    """A text of glyphs that are pixels.

    Attributes:
        layout: The place of every glyph.
        pixels: (n, 28, 28) the glyphs, small letters at their height beside capitals, paper 0, ink 255.
    """

    layout: Layout
    pixels: NDArray[uint8]

    def draw(self, scale: int) -> NDArray[uint8]:
        """Draw it with `scale` image pixels per glyph pixel, as (height, width) of `layout.size(scale)`."""
        return draw(self.layout, self.pixels, scale)

    def pictures(self, rows: slice) -> Sequence[NDArray[uint8]]:
        """Return the pixels of some of its glyphs."""
        return list(self.pixels[rows])


def set_pixels(script: Symbols, decoded: NDArray[uint8], labels: Sequence[str], setting: Setting) -> PixelText:
    """Set decoded glyphs as `layout` does, small letters at their height.

    Raises:
        LayoutError: The width leaves no room for a glyph.
    """
    pixels = proportioned(decoded, script.labels, labels)
    return PixelText(layout(script, pixels, labels, setting), pixels)
