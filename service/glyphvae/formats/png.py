"""A PNG writer for ink on paper, and a reader for plain greyscale files such as it writes.

Its pictures need one byte per pixel and no filter, and the rest of the file is known before the pixels are, which
makes it many times faster than a general coder. To read them back, and what other writers make of the same pixels, a
look at that rest is enough. ISA-L compresses as well as zlib's level 1 in a tenth of its time. Format: https://www.w3.org/TR/png-3/
"""

import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
from isal import isal_zlib
from numpy import uint8
from numpy.typing import NDArray
from PIL import Image

from glyphvae.formats.colours import BLACK, WHITE, Colour, mixed

MEDIA_TYPE = "image/png"

_length = struct.Struct(">I").pack
_IDAT = zlib.crc32(b"IDAT")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREYSCALE, _INDEXED = 0, 3
# A file whose pixels follow its header in one block: the header, its sum, and the head of the block.
_START = struct.Struct(">8s8sIIBBBBBII4s")
_PLAIN = (_SIGNATURE, _length(13) + b"IHDR", 8, _GREYSCALE, 0, 0, 0, b"IDAT")
_SUM = struct.Struct(">I")
_ZLIB = 0x78  # deflate with the usual window; ISA-L overlooks an impossible one
_NOT_ZLIB = cast("type[Exception]", isal_zlib.error)  # declared as an instance
_CHECKED, _PIXELS = slice(12, 29), _START.size
# On a single glyph, ISA-L's level 0 saves three quarters of level 2's time and costs 150 bytes, which fit into the
# same packet.
_SMALL, _SMALL_LEVEL, _LEVEL = 1024, 0, 2
# Black on white, the usual case, needs no look-up.
_INVERTED = np.arange(255, -1, -1, dtype=uint8)


def encode(pixels: NDArray[uint8], ink: Colour = BLACK, paper: Colour | None = WHITE) -> bytes:
    """A PNG file that shows `pixels` as `ink` on `paper`; greyscale if both are grey, else indexed.

    Args:
        pixels: (height, width), neither 0; paper 0, ink 255, mixed linearly between.
        ink: The colour of 255.
        paper: The colour of 0; None for transparent.
    """
    height, width = pixels.shape
    return frame(height, width, ink, paper).around(pixels)


def decode(file: bytes, max_pixels: int) -> NDArray[uint8] | None:
    """The pixels of a greyscale picture in a file that holds nothing else, in one block.

    Args:
        file: A file.
        max_pixels: Upper limit of width x height.

    Returns:
        (height, width) grey levels; None for any other file, also for a broken one, which a general reader may explain.
    """
    if len(file) < _PIXELS + len(_END):
        return None
    *beginning, width, height, depth, kind, packing, filters, interlaced, check, size, name = _START.unpack_from(file)
    end = _PIXELS + size
    is_plain = (
        (*beginning, depth, kind, packing, filters, interlaced, name) == _PLAIN
        and 0 < width * height <= max_pixels
        and file[end + _SUM.size :] == _END
        and file[_PIXELS] == _ZLIB
        and isal_zlib.crc32(file[_CHECKED]) == check
        and isal_zlib.crc32(file[_PIXELS:end], _IDAT) == _SUM.unpack_from(file, end)[0]
    )
    data = _inflated(file[_PIXELS:end], height * (width + 1)) if is_plain else None
    if data is None:
        return None
    if data[:: width + 1].count(0) < height:  # a row begins with its filter
        return _unfiltered(file[_PIXELS:end], height, width)
    return np.ascontiguousarray(np.frombuffer(data, uint8).reshape(height, width + 1)[:, 1:])


def _unfiltered(data: bytes, height: int, width: int) -> NDArray[uint8] | None:
    """The pixels of complete `data` with filtered rows; None where a filter is unknown."""
    try:
        image = Image.frombytes("L", (width, height), data, "zip", "L", False)
    except ValueError:
        return None
    # Faster than through the array interface.
    return np.frombuffer(image.tobytes(), uint8).reshape(height, width)


def _inflated(data: bytes, size: int) -> bytes | None:
    """What `data` unfolds to; None unless that is `size` bytes."""
    inflater = isal_zlib.decompressobj()
    try:
        unfolded = inflater.decompress(data, size + 1)
    except _NOT_ZLIB:
        return None
    return unfolded if len(unfolded) == size and inflater.eof and not inflater.unused_data else None


@dataclass(frozen=True)
class Frame:
    """A PNG file without its pixels.

    Attributes:
        head: What precedes them.
        shades: (256,) the level each value is written as; None where it is written as it is.
        tail: What follows them.
    """

    head: bytes
    shades: NDArray[uint8] | None
    tail: bytes

    def around(self, pixels: NDArray[uint8]) -> bytes:
        """The file that shows `pixels` (height, width), of the size that the frame was made for."""
        (file,) = self.around_each(pixels[None])
        return file

    def around_each(self, pictures: NDArray[uint8]) -> list[bytes]:
        """The files that show each of `pictures` (n, height, width); for small ones, half the time of one by one."""
        n, height, width = pictures.shape
        rows = np.zeros((n, height, width + 1), uint8)  # each row begins with its filter: 0, none
        if self.shades is None:
            rows[:, :, 1:] = pictures
        elif self.shades is _INVERTED:
            np.invert(pictures, out=rows[:, :, 1:])
        else:
            rows[:, :, 1:] = self.shades[pictures]
        level = _SMALL_LEVEL if height * width <= _SMALL else _LEVEL
        return [self._file(isal_zlib.compress(picture, level)) for picture in rows]

    def _file(self, data: bytes) -> bytes:
        check = _length(isal_zlib.crc32(data, _IDAT))
        return b"".join((self.head, _length(len(data)), b"IDAT", data, check, self.tail))


@lru_cache(maxsize=256)
def frame(height: int, width: int, ink: Colour, paper: Colour | None) -> Frame:
    """The frame of every picture of this size and these colours."""
    colours = b"" if _is_grey(ink, paper) else _palette(ink, paper)
    kind = _INDEXED if colours else _GREYSCALE
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return Frame(_SIGNATURE + _chunk(b"IHDR", header) + colours, _shades(ink, paper), _END)


def _shades(ink: Colour, paper: Colour | None) -> NDArray[uint8] | None:
    """(256,) grey level of each pixel value; None where pixel values are written as they are."""
    if (ink, paper) == (BLACK, WHITE):
        return _INVERTED
    return mixed(paper.red, ink.red) if paper is not None and _is_grey(ink, paper) else None


def _is_grey(ink: Colour, paper: Colour | None) -> bool:
    return paper is not None and ink.is_grey and paper.is_grey


def _palette(ink: Colour, paper: Colour | None) -> bytes:
    if paper is None:
        inks = np.tile(np.array([ink.red, ink.green, ink.blue], uint8), (256, 1))
        return _chunk(b"PLTE", inks.tobytes()) + _chunk(b"tRNS", bytes(range(256)))
    parts = ((paper.red, ink.red), (paper.green, ink.green), (paper.blue, ink.blue))
    return _chunk(b"PLTE", np.stack([mixed(*part) for part in parts], axis=1).tobytes())


def _chunk(name: bytes, data: bytes) -> bytes:
    return b"".join((_length(len(data)), name, data, _length(zlib.crc32(data, zlib.crc32(name)))))


_END = _chunk(b"IEND", b"")
