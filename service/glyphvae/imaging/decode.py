"""Decoding of untrusted image files to grey levels.

Before a decoder opens a file, its chunks or scans are counted, and the checksums of a PNG compared. Pixels become grey
levels strip by strip, so that an image is in memory once in its own mode and once as grey levels.
"""

import re
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from isal.isal_zlib import crc32
from numpy import uint8
from numpy.typing import NDArray
from PIL import ExifTags, Image, PngImagePlugin

from glyphvae.errors import GlyphvaeError
from glyphvae.imaging.ink_extraction import is_clean
from glyphvae.scheduling import cost
from glyphvae.scheduling.cost import Cost
from glyphvae.scheduling.deadline import checkpoint

FORMATS = ("PNG", "JPEG", "WEBP")

# Above its own size limit Pillow only warns, and raises an error above twice the limit; here both are errors.
warnings.simplefilter("error", Image.DecompressionBombWarning)
# Pillow's other warnings, of broken EXIF data and the like, need not be logged.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# Pillow decompresses the text of a PNG before its pixels, although the service does not use it.
PngImagePlugin.MAX_TEXT_CHUNK = 1 << 16
PngImagePlugin.MAX_TEXT_MEMORY = 1 << 20


# A PNG may have one colour profile, but Pillow decompresses any number of them, each up to `MAX_TEXT_CHUNK`.
MAX_PROFILES = 8
# Chunks of a PNG or WebP file, segments of a JPEG file: each takes microseconds, and has as few as four bytes.
# libpng writes 8 kB of pixels in a chunk, so 2048 of them fill the largest body.
MAX_CHUNKS = 4096
# Passes over the pixels of a JPEG. libjpeg writes 10 for a progressive colour image, and 18 for CMYK.
MAX_SCANS = 32
# JPEG's longest side, because each row costs a decoder as much as a few pixels.
MAX_SIDE = 65_535

# Pixels that become grey levels at a time.
STRIP = 1 << 18

# Images up to this side are read by their luma alone, and so are those of modes without colours.
SMALL_SIDE = 64
_GREY_MODES = {"1", "L", "I", "I;16", "I;16B", "I;16L", "LA"}
# Colours are reduced to this side: a character that fills a tenth of it still has three times the pixels it needs.
MAX_COLOURED = 640

# Keys of Pillow's metadata that may hold an orientation: EXIF or XMP.
_ORIENTED = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}
# What turns an image upright, by the orientation in its metadata.
_UPRIGHT: dict[int, Callable[[NDArray[uint8]], NDArray[uint8]]] = {
    2: np.fliplr,
    3: lambda levels: levels[::-1, ::-1],
    4: np.flipud,
    5: lambda levels: levels.swapaxes(0, 1),
    6: lambda levels: np.rot90(levels, -1),
    7: lambda levels: levels[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}

# Bytes of a pixel by Pillow's mode, 4 in the modes of colour. WebP's decoder keeps two canvases besides its result and
# a copy of that.
_MODES = {"1": 1, "L": 1, "P": 1, "I;16": 2}
_COLOUR, _WEBP = 4, 16

_PNG_CHUNK, _CHECKSUM = struct.Struct(">I4s"), struct.Struct(">I")
_WEBP_CHUNK, _JPEG_SIZE = struct.Struct("<4sI"), struct.Struct(">H")
# A marker that begins a segment: the others are an escaped byte, padding, and restarts within a scan.
_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd8]")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9


class MalformedImageError(ValueError):
    """The bytes are not a complete PNG, JPEG or WebP file."""


class ImageTooLargeError(ValueError):
    """The image has more pixels, frames, chunks or scans than allowed; the message states the limit."""


@dataclass(frozen=True, eq=False)
class Decoded:
    """The pixels of an image file, upright.

    Attributes:
        levels: (height, width) luma (ITU-R 601), or (height, width, 3) colours where these may tell ink from paper
            better. Transparent parts are white, or black if nothing would be visible on white.
        reduction: Pixels of the file that are one pixel here, along a side.
    """

    levels: NDArray[uint8]
    reduction: float = 1


class Picture:
    """An image file whose header is within the limits; no pixel has been decoded yet.

    Attributes:
        pixels: Width x height.
        cost: The cost of `decode`, and of what becomes of its result.
    """

    def __init__(self, image: Image.Image, size: int, scans: int, max_pixels: int) -> None:
        self.pixels = image.width * image.height
        self.cost = _cost(image, size, scans)
        self._image = image
        self._max_pixels = max_pixels

    def decode(self, side: int = MAX_COLOURED) -> Decoded:
        """Decode the pixels; may be called once, because the image is not kept.

        Args:
            side: Most pixels of colours on a side.

        Returns:
            The luma of a drawing on clean paper, of a grey image and of a small one; of others the colours, reduced
            to `side`.

        Raises:
            MalformedImageError: The file is broken or truncated.
        """
        image = self._image
        del self._image
        with _refusals(self._max_pixels), image:
            width = image.width
            if image.format == "JPEG" and image.mode != "L" and max(image.size) > SMALL_SIDE:
                # A JPEG file is decoded at a half, a quarter or an eighth of its size in less time.
                image.draft("RGB", (min(image.width, side), min(image.height, side)))
            else:
                image.draft("L", None)  # spares a JPEG its colours
            image.load()
            levels = _levels(image, side)
            reduction = width / levels.shape[1]
            # Looking for an orientation takes as long as decoding a small image, and few images have one.
            if image.info.keys().isdisjoint(_ORIENTED):
                return Decoded(levels, reduction)
            turn = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
            return Decoded(levels if turn is None else turn(levels), reduction)


class _Source(BytesIO):
    """A file that a decoder reads in blocks; between them it stops where the response is no longer wanted."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read a block."""
        checkpoint()
        return super().read(size)


def open_image(data: bytes, *, max_pixels: int, max_frames: int = 1) -> Picture:
    """Open an image file and check its size, without decoding the pixels.

    Args:
        data: A PNG, JPEG or WebP file.
        max_pixels: Upper limit of width x height.
        max_frames: Upper limit of frames.

    Raises:
        MalformedImageError: The format is another one, the header is broken, or the file is a PNG that is not complete
            or has a wrong checksum.
        ImageTooLargeError: A limit is exceeded.
    """
    with _refusals(max_pixels):
        scans = _looked_through(data)
        image = Image.open(_Source(data), formats=FORMATS)
        _check_limits(image, max_pixels, max_frames)
        return Picture(image, len(data), scans, max_pixels)


def _cost(image: Image.Image, size: int, scans: int) -> Cost:
    """Return the cost of decoding an image file of `size` bytes."""
    per_pixel = _WEBP if image.format == "WEBP" else _MODES.get(image.mode, _COLOUR)
    if image.format == "JPEG" and max(image.size) >= 2 * MAX_COLOURED:  # decoded at half its size or less
        per_pixel = 1
    if scans > 1:  # all coefficients of all components, 16 bits each, wait for the last scan
        per_pixel += 2 * _COLOUR
    return cost.decoding(size, image.width * image.height, per_pixel, scans)


def _looked_through(data: bytes) -> int:
    """Count what a decoder would handle piece by piece; return the passes over the pixels.

    Raises:
        MalformedImageError: A PNG is not complete, or has a wrong checksum; a JPEG has no scan.
        ImageTooLargeError: There are too many pieces.
    """
    if data.startswith(b"\xff\xd8"):
        return _scans(data)
    for count, _ in enumerate(_png_chunks(data) if data.startswith(b"\x89PNG") else _webp_chunks(data), start=1):
        if count > MAX_CHUNKS:
            raise ImageTooLargeError(f"The image has more than the {MAX_CHUNKS} chunks that are allowed.")
    return 1


def _png_chunks(data: bytes) -> Iterator[bytes]:
    """Yield the name of each chunk, up to the last."""
    place, profiles, name = 8, 0, b""
    view = memoryview(data)
    while name != b"IEND":
        size, name = _PNG_CHUNK.unpack_from(data, place)
        end = place + _PNG_CHUNK.size + size
        (check,) = _CHECKSUM.unpack_from(data, end)
        if crc32(view[place + 4 : end]) != check:
            raise MalformedImageError("The image has a chunk with a wrong checksum.")
        profiles += name == b"iCCP"
        if profiles > MAX_PROFILES:
            raise MalformedImageError("The image has more colour profiles than a PNG file may have.")
        place = end + 4
        yield name


def _webp_chunks(data: bytes) -> Iterator[bytes]:
    """Yield the name of each chunk."""
    place = 12
    while place + _WEBP_CHUNK.size <= len(data):
        name, size = _WEBP_CHUNK.unpack_from(data, place)
        place += _WEBP_CHUNK.size + size + size % 2
        yield name


def _scans(data: bytes) -> int:
    """Return the scans of a JPEG file; further images behind the first do not count.

    Raises:
        ImageTooLargeError: It has too many scans or segments, or too many bytes between these.
    """
    scans, place, between = 0, 2, 0
    for _ in range(MAX_CHUNKS):
        marker = _MARKER.search(data, place)
        if marker is None or data[marker.start() + 1] == _END_OF_IMAGE:
            return scans
        # Pillow reads what is between the segments of the head byte by byte.
        between += 0 if scans else marker.start() - place
        if between > MAX_CHUNKS:
            break
        scans += data[marker.start() + 1] == _START_OF_SCAN
        if scans > MAX_SCANS:
            raise ImageTooLargeError(f"The image has more than the {MAX_SCANS} scans that are allowed.")
        place = marker.end() + _JPEG_SIZE.unpack_from(data, marker.end())[0]
    raise ImageTooLargeError(f"The image has more than the {MAX_CHUNKS} segments that are allowed.")


@contextmanager
def _refusals(max_pixels: int) -> Iterator[None]:
    """Turn everything that Pillow raises into one of two errors."""
    try:
        yield
    except (ImageTooLargeError, MalformedImageError, GlyphvaeError):  # the last: the response is no longer wanted
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ImageTooLargeError(f"The image has more than the {max_pixels} pixels that are allowed.") from None
    except Exception:  # noqa: BLE001 (Pillow's decoders raise nearly any exception for a broken file)
        raise MalformedImageError("The image is not a complete PNG, JPEG or WebP file.") from None


def _check_limits(image: Image.Image, max_pixels: int, max_frames: int) -> None:
    width, height = image.size
    if max(width, height) > MAX_SIDE:
        raise ImageTooLargeError(f"The image has {width}x{height} pixels; at most {MAX_SIDE} are allowed on a side.")
    if width * height > max_pixels:
        raise ImageTooLargeError(
            f"The image has {width}x{height} pixels; at most {max_pixels} are allowed, so reduce it."
        )
    # A JPEG file may hold further images (MPO), such as a preview or the second view of a stereo image.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > max_frames:
        raise ImageTooLargeError(
            f"The image has {frames} frames; at most {max_frames} are allowed, so save one of them."
        )


def decode_levels(levels: NDArray[uint8], side: int = MAX_COLOURED) -> Decoded:
    """Convert levels (height, width), or (height, width, channels) of 3 or 4 channels, as those of an image file."""
    if levels.ndim == 2:
        return Decoded(levels)
    decoded = _levels(Image.fromarray(levels), side)
    return Decoded(decoded, levels.shape[1] / decoded.shape[1])


def _levels(image: Image.Image, side: int) -> NDArray[uint8]:
    """Return grey levels (height, width), or colours (height, width, 3) where grey ones may not do."""
    is_small = max(image.size) <= SMALL_SIDE
    if image.format == "JPEG":
        return _luma(image) if is_small or image.mode == "L" else _colours(image, side)
    grey = _grey(image)
    if is_small or image.mode in _GREY_MODES or is_clean(grey):
        return grey
    del grey
    return _colours(image, side)


def _colours(image: Image.Image, side: int) -> NDArray[uint8]:
    """Return colours (height, width, 3), reduced to `side` pixels on a side, a strip of rows at a time."""
    width, height = image.size
    factor = -(-max(image.size) // side)
    rows = factor * max(1, STRIP // (width * factor))
    strips = []
    for top in range(0, height, rows):
        checkpoint()
        strip = image.crop((0, top, width, min(top + rows, height)))
        strip = _on_paper(strip, "white") if image.has_transparency_data else strip
        strips.append(np.asarray(strip.convert("RGB").reduce(factor)))
    return np.concatenate(strips)


def _grey(image: Image.Image) -> NDArray[uint8]:
    if image.mode.startswith("I"):
        return _in_strips(image, _from_16_bit)
    if not image.has_transparency_data:
        return _in_strips(image, _luma)
    on_white = _in_strips(image, lambda strip: _luma(_on_paper(strip, "white")))
    if on_white.min() < on_white.max():
        return on_white
    return _in_strips(image, lambda strip: _luma(_on_paper(strip, "black")))


def _in_strips(image: Image.Image, convert: Callable[[Image.Image], NDArray[uint8]]) -> NDArray[uint8]:
    """Convert an image to grey levels (height, width), a strip of rows at a time."""
    width, height = image.size
    rows = max(1, STRIP // width)
    if rows >= height:
        return convert(image)
    grey = np.empty((height, width), uint8)
    for top in range(0, height, rows):
        checkpoint()
        grey[top : top + rows] = convert(image.crop((0, top, width, min(top + rows, height))))
    return grey


def _luma(image: Image.Image) -> NDArray[uint8]:
    return np.asarray(image if image.mode == "L" else image.convert("L"))


def _from_16_bit(image: Image.Image) -> NDArray[uint8]:
    """Scale 16-bit greyscale to 8 bits, where Pillow would clip it; one level may mean transparent."""
    levels = np.asarray(image)
    grey = (levels // 257).astype(uint8)
    return np.where(levels == image.info.get("transparency", -1), uint8(255), grey)


def _on_paper(image: Image.Image, paper: str) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, paper), image.convert("RGBA"))
