"""Animated GIF pictures."""

import io

from numpy import uint8
from numpy.typing import NDArray
from PIL import Image

from glyphvae.formats.colours import Colour, painted
from glyphvae.formats.grid import upscale

MEDIA_TYPE = "image/gif"

# Slow enough to see each step, and a length that every viewer keeps to.
FRAME_MILLISECONDS = 60


def animate(glyphs: NDArray[uint8], scale: int, ink: Colour, paper: Colour | None) -> bytes:
    """Encode glyphs (n, 28, 28) as an endless animation that runs forth and back."""
    frames = [Image.fromarray(painted(upscale(glyph, scale), ink, paper)).convert("RGBA") for glyph in glyphs]
    there_and_back = frames + frames[-2:0:-1]
    file = io.BytesIO()
    there_and_back[0].save(
        file,
        format="GIF",
        save_all=True,
        append_images=there_and_back[1:],
        duration=FRAME_MILLISECONDS,
        loop=0,
        disposal=2,
    )
    return file.getvalue()
