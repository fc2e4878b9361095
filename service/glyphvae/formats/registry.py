"""The formats that pictures are sent in; another one is a module with its encoder and a line here."""

from collections.abc import Callable, Mapping

from numpy import uint8
from numpy.typing import NDArray

from glyphvae.formats import gif, npy, png, svg, webp
from glyphvae.formats.colours import Colour

JSON = "application/json"
NPY = npy.MEDIA_TYPE
PNG = png.MEDIA_TYPE
GIF = gif.MEDIA_TYPE
SVG = svg.MEDIA_TYPE

# Encodes (height, width) pixels, paper 0 and ink 255, in the colours of ink and paper; None is transparent paper.
Encoder = Callable[[NDArray[uint8], Colour, Colour | None], bytes]

# Of pixels, by media type; SVG is made of strokes. Where a request accepts several equally, it gets the first.
PICTURES: Mapping[str, Encoder] = {
    png.MEDIA_TYPE: png.encode,
    webp.MEDIA_TYPE: webp.encode,
}
