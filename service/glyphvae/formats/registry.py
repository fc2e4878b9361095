"""The formats that pictures are sent in; another one is a module with its encoder and a line here."""

from collections.abc import Mapping
from typing import Protocol

from numpy import uint8
from numpy.typing import NDArray

from glyphvae.formats import gif, npy, pdf, png, svg, webp
from glyphvae.formats.colours import Colour

JSON = "application/json"
NPY = npy.MEDIA_TYPE
PNG = png.MEDIA_TYPE
GIF = gif.MEDIA_TYPE
SVG = svg.MEDIA_TYPE
PDF = pdf.MEDIA_TYPE
TEXT = "text/plain"

# What the parameter `format` calls them, and fonts.
MEDIA_TYPES = {
    "png": PNG,
    "webp": webp.MEDIA_TYPE,
    "svg": SVG,
    "pdf": PDF,
    "gif": GIF,
    "json": JSON,
    "text": TEXT,
    "npy": NPY,
    "ttf": "font/ttf",
    "otf": "font/otf",
    "woff2": "font/woff2",
}

# Made of strokes, not of pixels.
VECTORS = frozenset({SVG, PDF})


class Encoder(Protocol):
    """Encodes (height, width) pixels, paper 0 and ink 255, or as `ruled` returns them."""

    def __call__(
        self, pixels: NDArray[uint8], ink: Colour, paper: Colour | None, rule: Colour | None = None, /
    ) -> bytes:
        """Return the file, in the colours of ink and paper, None for transparent, and of rules, if there are any."""


# Of pixels, by media type. Where a request accepts several equally, it gets the first.
PICTURES: Mapping[str, Encoder] = {
    png.MEDIA_TYPE: png.encode,
    webp.MEDIA_TYPE: webp.encode,
}
