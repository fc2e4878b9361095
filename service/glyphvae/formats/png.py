"""A PNG encoder for ink on paper, and a reader for greyscale files of one chunk of pixels.

What is written needs one byte per pixel and no filter, and the rest of the file depends only on size and colours, which
makes this many times faster than a general encoder. `read` checks that the rest of a file is the expected one and
leaves all other files to Pillow; `unfilter` makes grey levels of the rows of several pictures together. ISA-L
compresses as well as zlib's level 1 in a tenth of its time.

Format: https://www.w3.org/TR/png-3/
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, cast

import numpy as np
from isal import isal_zlib
from numpy import uint8
from numpy.typing import NDArray
from PIL import Image

from glyphvae.formats.colours import BLACK, WHITE, Colour, mixed, palette
from glyphvae.scheduling.deadline import checkpoint

MEDIA_TYPE = "image/png"

_length = struct.Struct(">I").pack
_IDAT = zlib.crc32(b"IDAT")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREYSCALE, _INDEXED = 0, 3
# The start of a file whose pixels follow the header in one chunk: the header, its checksum, and the start of the chunk.
_START = struct.Struct(">8s8sIIBBBBBII4s")
_PLAIN = (_SIGNATURE, _length(13) + b"IHDR", 8, _GREYSCALE, 0, 0, 0, b"IDAT")
_SUM = struct.Struct(">I")
_ZLIB = 0x78  # deflate with the usual window; checked here, because ISA-L accepts impossible ones
_NOT_ZLIB = cast("type[Exception]", isal_zlib.error)  # the stubs declare it as an instance
_CHECKED, _PIXELS = slice(12, 29), _START.size
# A row is filtered in one of five ways.
_FILTERS = 5
# For a single glyph, ISA-L's level 0 takes a quarter of level 2's time and costs 150 bytes, which fit into the same
# packet.
_SMALL, _SMALL_LEVEL, _LEVEL = 1024, 0, 2
# Bytes of the chunk that begins a file, after which comes the resolution, counted per metre.
_HEADER, _METRE, _METRES_PER_INCH = 25, 1, 0.0254
# Pixels that are compressed at a time.
_STRIP = 1 << 20
# Black on white, the usual case, needs no lookup table.
_INVERTED = np.arange(255, -1, -1, dtype=uint8)


def encode(
    pixels: NDArray[uint8], ink: Colour = BLACK, paper: Colour | None = WHITE, rule: Colour | None = None
) -> bytes:
    """Encode `pixels` as a PNG file of `ink` on `paper`; greyscale if both are grey, without rules, else indexed.

    Args:
        pixels: (height, width), neither 0; paper 0, ink 255, mixed linearly between; with rules as of `ruled`.
        ink: The colour of 255.
        paper: The colour of 0; None for transparent.
        rule: The colour of rules, if there are any.
    """
    height, width = pixels.shape
    return frame(height, width, ink, paper, rule).around(pixels)


def with_resolution(file: bytes, dpi: int) -> bytes:
    """Return an encoded file that tells its size on paper, for programs that print it."""
    per_metre = round(dpi / _METRES_PER_INCH)
    header = len(_SIGNATURE) + _HEADER
    return file[:header] + _chunk(b"pHYs", struct.pack(">IIB", per_metre, per_metre, _METRE)) + file[header:]


class Rows(NamedTuple):
    """The pixels of a greyscale PNG file, decompressed.

    Attributes:
        height: Of the picture.
        width: Of the picture.
        data: For each row the number of its filter, and then `width` filtered grey levels.
    """

    height: int
    width: int
    data: bytes

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, as those of an array."""
        return self.height, self.width


def read(file: bytes, max_pixels: int) -> Rows | None:
    """Read a plain greyscale PNG file, whose only content is one chunk of pixels.

    Args:
        file: The file.
        max_pixels: Upper limit of width x height.

    Returns:
        Its rows; None for any other file, including broken ones, which a general decoder reports.
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
    return Rows(height, width, data) if data is not None and max(data[:: width + 1]) < _FILTERS else None


def unfilter(pictures: Sequence[Rows]) -> NDArray[uint8]:
    """Return the grey levels (n, height, width) of pictures of one size."""
    height, width, data = pictures[0]
    if len(pictures) > 1:
        # To Pillow they are one picture, with a blank row before each: a filter refers to no pixels but those of its
        # own row and the row above.
        blank = bytes(width + 1)
        data = blank + blank.join([picture.data for picture in pictures])
        height = len(pictures) * (height + 1)
    if any(data[:: width + 1]):
        image = Image.frombytes("L", (width, height), zlib.compress(data, 0), "zip", "L", False)
        # Faster than NumPy's conversion through the array interface.
        levels = np.frombuffer(image.tobytes(), uint8).reshape(len(pictures), -1, width)
    else:
        levels = np.frombuffer(data, uint8).reshape(len(pictures), -1, width + 1)[:, :, 1:]
    return levels[:, -pictures[0].height :]


def _inflated(data: bytes, size: int) -> bytes | None:
    """Decompress `data`; None unless the result has exactly `size` bytes."""
    inflater = isal_zlib.decompressobj()
    try:
        content = inflater.decompress(data, size + 1)
    except _NOT_ZLIB:
        return None
    return content if len(content) == size and inflater.eof and not inflater.unused_data else None


@dataclass(frozen=True)
class Frame:
    """A PNG file without its pixels.

    Attributes:
        head: The bytes before the pixels.
        shades: (256,) the level that each pixel value is written as; None if values are written unchanged.
        tail: The bytes after the pixels.
    """

    head: bytes
    shades: NDArray[uint8] | None
    tail: bytes

    def around(self, pixels: NDArray[uint8]) -> bytes:
        """Encode `pixels` (height, width), which must have the frame's size; large ones strip by strip."""
        height, width = pixels.shape
        rows = max(1, _STRIP // width)
        if rows >= height:
            (file,) = self.around_each(pixels[None])
            return file
        deflate = isal_zlib.compressobj(_LEVEL)
        pieces: list[bytes] = []
        for top in range(0, height, rows):
            checkpoint()
            pieces.append(deflate.compress(self._rows(pixels[None, top : top + rows])))
        return self._file([*pieces, deflate.flush()])

    def around_each(self, pictures: NDArray[uint8]) -> list[bytes]:
        """Encode each of `pictures` (n, height, width); twice as fast as one by one if they are small."""
        _, height, width = pictures.shape
        level = _SMALL_LEVEL if height * width <= _SMALL else _LEVEL
        return [self._file([isal_zlib.compress(picture, level)]) for picture in self._rows(pictures)]

    def _rows(self, pictures: NDArray[uint8]) -> NDArray[uint8]:
        """Return (n, height, width + 1) what is compressed of each of `pictures` (n, height, width)."""
        n, height, width = pictures.shape
        rows = np.zeros((n, height, width + 1), uint8)  # each row begins with its filter: 0, none
        if self.shades is None:
            rows[:, :, 1:] = pictures
        elif self.shades is _INVERTED:
            np.invert(pictures, out=rows[:, :, 1:])
        else:
            rows[:, :, 1:] = self.shades[pictures]
        return rows

    def _file(self, data: Sequence[bytes]) -> bytes:
        """Return the file whose pixels are compressed in `data`, some pieces."""
        check, size = _IDAT, 0
        for piece in data:
            check, size = isal_zlib.crc32(piece, check), size + len(piece)
        return b"".join((self.head, _length(size), b"IDAT", *data, _length(check), self.tail))


@lru_cache(maxsize=256)
def frame(height: int, width: int, ink: Colour, paper: Colour | None, rule: Colour | None = None) -> Frame:
    """Return the frame for images of this size and these colours."""
    colours = b"" if rule is None and _is_grey(ink, paper) else _palette(ink, paper, rule)
    kind = _INDEXED if colours else _GREYSCALE
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return Frame(_SIGNATURE + _chunk(b"IHDR", header) + colours, None if colours else _shades(ink, paper), _END)


def _shades(ink: Colour, paper: Colour | None) -> NDArray[uint8] | None:
    """Return (256,) the grey level of each pixel value; None if values are written unchanged."""
    if (ink, paper) == (BLACK, WHITE):
        return _INVERTED
    return mixed(paper.red, ink.red) if paper is not None and _is_grey(ink, paper) else None


def _is_grey(ink: Colour, paper: Colour | None) -> bool:
    return paper is not None and ink.is_grey and paper.is_grey


def _palette(ink: Colour, paper: Colour | None, rule: Colour | None) -> bytes:
    colours = palette(ink, paper, rule)
    opaque = _chunk(b"PLTE", colours[:, :3].tobytes())
    return opaque if paper is not None else opaque + _chunk(b"tRNS", colours[:, 3].tobytes())


def _chunk(name: bytes, data: bytes) -> bytes:
    return b"".join((_length(len(data)), name, data, _length(zlib.crc32(data, zlib.crc32(name)))))


_END = _chunk(b"IEND", b"")
