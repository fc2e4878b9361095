"""Animated GIF pictures.

Each frame is written on its own, so that only one is in memory at a time, and once, although it is shown forth and
back. All have one palette, the shades from paper to ink.

Format: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
"""

import struct
from collections.abc import Iterable
from io import SEEK_END, BytesIO
from itertools import pairwise

from numpy import uint8
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

from glyphvae.formats.colours import Colour, palette
from glyphvae.scheduling.deadline import checkpoint

MEDIA_TYPE = "image/gif"

# Slow enough to see each step, and a length that every viewer keeps to.
FRAME_MILLISECONDS = 60

# Signature, width, height, a palette of 256 colours of 8 bits, and no background and aspect.
_HEAD = struct.Struct("<6sHHBBB")
_PALETTE = 0xF7
# An extension that all browsers know: repeat without end.
_ENDLESS = b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_END = b";"
_CLEARED = 2


def animate(frames: Iterable[NDArray[uint8]], width: int, height: int, ink: Colour, paper: Colour | None) -> bytes:
    """Encode frames (height, width), paper 0 and ink 255, as an endless animation that runs forth and back."""
    head = _HEAD.pack(b"GIF89a", width, height, _PALETTE, 0, 0)
    file = BytesIO()
    file.write(head + palette(ink, paper)[:, :3].tobytes() + _ENDLESS)
    starts: list[int] = []
    for frame in frames:
        starts.append(file.tell())
        file.write(_frame(frame, paper is None))
    for start, end in reversed([*pairwise(starts)][1:]):
        file.seek(start)
        again = file.read(end - start)
        file.seek(0, SEEK_END)
        file.write(again)
    file.write(_END)
    return file.getvalue()


def _frame(pixels: NDArray[uint8], transparent: bool) -> bytes:
    """Encode a frame, whose pixels are the numbers of its colours; where it is `transparent`, the first shows none."""
    checkpoint()
    options = {"duration": FRAME_MILLISECONDS, "disposal": _CLEARED} | ({"transparency": 0} if transparent else {})
    return b"".join(GifImagePlugin.getdata(Image.fromarray(pixels), (0, 0), **options))
