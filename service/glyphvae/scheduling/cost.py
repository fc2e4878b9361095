"""The cost model: what a step of a request costs, computed before it begins from what is known by then.

A file of a few kilobytes can hold megapixels, and a pixel can take one byte or thirty, so neither bytes nor pixels as
they arrive bound anything. Two measures do:

- *Work* is time, in units of what it takes to look at one byte of an upload, about 40 ns. Steps of little work run on
  the event loop and others in a worker thread, whose queue counts it.
- *Held* is the memory that a step holds at its peak, in bytes: all buffers, with their copies. What the steps in
  worker threads hold together is bounded, and a request with a step that exceeds the bound alone is refused.

The factors were measured as the growth of the peak resident set, with noise, which compresses worst.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from glyphvae.settings import MEBIBYTE, Settings

# A step of more work takes longer than a thread takes to wake.
INLINE = 1 << 14

# Work of pixels in sixteenths: to decode one, and for each pass over its coefficient or its bytes.
_DECODED, _PASS = 3, 1
# A pixel drawn costs an eighth of a unit.
_DRAWN = 8
# Bytes of a decoded grey level, and of its copy where the image is turned or reduced.
_GREY = 2
# Finding the ink takes float32 arrays, of at most 512 x 512 pixels, because larger images are reduced first.
_LIFTED, _LARGEST_LIFTED = 64, 512 * 512
# Finding lines takes so much work and so many bytes for each pixel of a sheet, which is reduced to 2048 x 2048 pixels.
_SOUGHT, _SHEET, _LARGEST_SHEET = 8, 48, 2048 * 2048
# A float array becomes float32, once scaled and once rounded, and then grey levels.
_FLOATS = 9
# Colours of an array become bytes, and Pillow's pixels of four bytes.
_COLOURS = 8
# Bytes per pixel while a picture is drawn and encoded. WebP's encoder keeps hash chains and references. The frames of
# an animation are drawn one at a time, so only the file counts, in which noise takes more than a byte, forth and back.
_PICTURE: Mapping[str, int] = {"image/webp": 30, "image/gif": 3}
_OTHER_PICTURE = 3
# Characters of a number in JSON; integers have a third of it.
_WRITTEN = 11
# Work of a glyph that is painted from its strokes, and bytes of its outlines at a scale of 64, for as many glyphs as
# are in memory at a time. Its pixels cost what others do.
_PAINTED, _OUTLINES, _PAINTED_AT_A_TIME = 1 << 9, 1 << 17, 32
# Work of a glyph whose strokes become the paths of a document; and bytes of these paths, with their copies, and of what
# they are made from, for as many glyphs as are in memory at a time.
_TRACED, _TRACE, _TRACED_AT_A_TIME, _TRACING = 3 << 8, 1 << 13, 64, 1 << 16
# Bytes of the places of a glyph's curves, in each row of a line, while they are measured.
_MEASURED = 5 << 10
# Pixels that a letter is compared with cost a quarter of a unit each, and bytes as grey levels, slopes and copies.
_COMPARED, _COMPARED_BYTES = 4, 17
# Work of a label of a font, which is fitted with curves in all its forms, spaced and written; bytes of it, most of them
# of kerning; and bytes of the libraries that are loaded for the first font.
_FONT_LABEL, _FONT_GLYPHS, _FONT_LIBRARIES = 1 << 19, 1 << 19, 32 * MEBIBYTE
# A frame is set up and compressed on its own.
_FRAME = 1 << 10

# What a process holds besides what settings bound: Python and its libraries, a model, batches on their way.
OWN = 160 * MEBIBYTE
# Addresses that it takes and does not fill: mapped libraries, and what glibc reserves for the heap of each thread.
_ADDRESSES = 512 * MEBIBYTE


def ceiling(settings: Settings) -> int:
    """Return the most bytes of memory that a process with one model shall hold, 512 MiB with the defaults."""
    return OWN + settings.max_held_bytes + settings.max_queued_bytes + settings.max_unsent_bytes


def addresses(settings: Settings) -> int:
    """Return the bytes of address space that a process needs in order to hold the most that it may."""
    return ceiling(settings) + _ADDRESSES


class Cost(NamedTuple):
    """The cost of a step.

    Attributes:
        work: Units of about 40 ns.
        held: Bytes of memory at the peak.
    """

    work: int
    held: int = 0


NOTHING = Cost(0)


def parsing(size: int, copies: int = 0) -> Cost:
    """Return the cost of finding the parts of `size` bytes, which are copied `copies` times."""
    return Cost(size, copies * size)


def decoding(size: int, pixels: int, per_pixel: int, scans: int = 1) -> Cost:
    """Return the cost of converting an image file to a glyph.

    Args:
        size: Bytes of the file.
        pixels: Width x height.
        per_pixel: Bytes of a pixel in the decoder's buffers and in its result.
        scans: Passes over all pixels.
    """
    work = size + pixels * (_DECODED + _PASS * scans) // 16
    return Cost(work, pixels * (per_pixel + _GREY) + min(pixels, _LARGEST_LIFTED) * _LIFTED)


def finding(decode: Cost, pixels: int) -> Cost:
    """Return the cost of decoding a picture of so many pixels, which alone costs `decode`, and finding its lines."""
    seen = min(pixels, _LARGEST_SHEET)
    return Cost(decode.work + seen * _SOUGHT, max(decode.held + seen * _COLOURS, seen * _SHEET))


def converting(size: int, pixels: int, *, channels: int = 1, floats: bool) -> Cost:
    """Return the cost of converting an array of `size` bytes, with so many channels, to glyphs."""
    per_pixel = _GREY + (channels * _FLOATS if floats else 0) + (_COLOURS if channels > 1 else 0)
    return Cost(size + channels * pixels // 4, pixels * per_pixel + min(pixels, _LARGEST_LIFTED) * _LIFTED)


def one_by_one(costs: Iterable[Cost]) -> Cost:
    """Return the cost of steps of which each gives its memory back before the next."""
    work, held = 0, 0
    for cost in costs:
        work, held = work + cost.work, max(held, cost.held)
    return Cost(work, held)


def drawing(media: str, pixels: int, frames: int = 1) -> Cost:
    """Return the cost of drawing and encoding a picture.

    Args:
        media: Its media type.
        pixels: Of all frames together.
        frames: Frames of an animation.
    """
    return Cost(pixels // _DRAWN + (frames - 1) * _FRAME, pixels * _PICTURE.get(media, _OTHER_PICTURE))


def painting(glyphs: int) -> Cost:
    """Return the cost of painting glyphs from their strokes, apart from that of their picture."""
    return Cost(glyphs * _PAINTED, min(glyphs, _PAINTED_AT_A_TIME) * _OUTLINES)


def tracing(glyphs: int) -> Cost:
    """Return the cost of a document of glyphs' strokes."""
    return Cost(glyphs * _TRACED, glyphs * _TRACE + min(glyphs, _TRACED_AT_A_TIME) * _TRACING)


def together(*costs: Cost) -> Cost:
    """Return the cost of steps whose memory is held at the same time."""
    return Cost(sum(cost.work for cost in costs), sum(cost.held for cost in costs))


def typesetting(characters: int, *, strokes: bool = False) -> Cost:
    """Return the cost of setting a text, of pixels or of strokes, whose curves are measured."""
    return Cost(characters << 9, characters * _MEASURED) if strokes else Cost(characters << 8)


def fitting(pixels: int) -> Cost:
    """Return the cost of comparing letters with what a model draws in as many `pixels`."""
    return Cost(pixels // _COMPARED, pixels * _COMPARED_BYTES)


def font_building(labels: int) -> Cost:
    """Return the cost of building a font of the labels of a model."""
    return Cost(labels * _FONT_LABEL, labels * _FONT_GLYPHS + _FONT_LIBRARIES)


def writing(values: int) -> Cost:
    """Return the cost of writing numbers as JSON."""
    return Cost(values, values * _WRITTEN)
