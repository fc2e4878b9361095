"""A PNG writer for ink on paper.

Its pictures need one byte per pixel and no filter, and the rest of the file is known before the pixels are,
which makes it several times faster than a general encoder. Format: https://www.w3.org/TR/png-3/
"""

import struct
import zlib
from functools import lru_cache

import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from service.colours import BLACK, WHITE, Colour

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREYSCALE, _INDEXED = 0, 3


def encode(pixels: NDArray[uint8], ink: Colour = BLACK, paper: Colour | None = WHITE, level: int = 1) -> bytes:
    """A PNG file that shows `pixels` as `ink` on `paper`; greyscale if both are grey, else indexed.

    Args:
        pixels: (height, width), neither 0; paper 0, ink 255, mixed linearly between.
        ink: The colour of 255.
        paper: The colour of 0; None for transparent.
        level: zlib's effort, 0-9. 1 is the fastest that compresses; a single glyph gains nothing from more.
    """
    height, width = pixels.shape
    shades = _shades(ink, paper)
    rows = np.zeros((height, width + 1), uint8)  # each row begins with its filter: 0, none
    rows[:, 1:] = pixels if shades is None else shades[pixels]
    head, tail = _frame(height, width, ink, paper)
    return b"".join((head, _chunk(b"IDAT", zlib.compress(rows.data, level)), tail))


@lru_cache(maxsize=256)
def _frame(height: int, width: int, ink: Colour, paper: Colour | None) -> tuple[bytes, bytes]:
    """What precedes and what follows the pixels."""
    colours = b"" if _is_grey(ink, paper) else _palette(ink, paper)
    kind = _INDEXED if colours else _GREYSCALE
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + colours, _chunk(b"IEND", b"")


@lru_cache(maxsize=256)
def _shades(ink: Colour, paper: Colour | None) -> NDArray[uint8] | None:
    """(256,) grey level of each pixel value; None where pixel values are written as they are."""
    return _mix(paper.red, ink.red) if paper is not None and _is_grey(ink, paper) else None


def _is_grey(ink: Colour, paper: Colour | None) -> bool:
    return paper is not None and ink.is_grey and paper.is_grey


def _palette(ink: Colour, paper: Colour | None) -> bytes:
    if paper is None:
        inks = np.tile(np.array([ink.red, ink.green, ink.blue], uint8), (256, 1))
        return _chunk(b"PLTE", inks.tobytes()) + _chunk(b"tRNS", bytes(range(256)))
    parts = ((paper.red, ink.red), (paper.green, ink.green), (paper.blue, ink.blue))
    return _chunk(b"PLTE", np.stack([_mix(*part) for part in parts], axis=1).tobytes())


def _mix(paper: int, ink: int) -> NDArray[uint8]:
    """(256,) from `paper` to `ink`, rounded to the nearest level."""
    weight = np.arange(256)
    return ((paper * (255 - weight) + ink * weight + 127) // 255).astype(uint8)


def _chunk(name: bytes, data: bytes) -> bytes:
    return b"".join((struct.pack(">I", len(data)), name, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))))
