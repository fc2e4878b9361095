"""Pictures of pen strokes, by FreeType: the area of each pixel that a stroke covers.

https://freetype.org/freetype2/docs/reference/ft2-outline_processing.html
"""

import ctypes
import threading
from collections.abc import Callable
from functools import cached_property, partial

import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from glyphvae.scheduling.deadline import checkpoint
from glyphvae.vectors.outlines import Outlines, outlines
from glyphvae.vectors.strokes import SIDE, Floats, Lines, Strokes, clipped, place

# Glyphs whose polylines, and strokes whose outlines are in memory at a time.
GLYPHS, STROKES = 32, 128
# FreeType counts pixels in 16 bits. A stroke may extend this far from where it begins, and its pen be half as wide;
# what is further out, which no model means, is moved there.
REACH = 8000
# Of pictures: further right, float32 does not tell an eighth of a pixel.
_FARTHEST = 1 << 20
# FreeType's coordinates are 64ths of a pixel, y going up.
_PARTS = 64
_COORDINATE = np.dtype(ctypes.c_long)
_ON_THE_CURVE = 1
_GREY = 2


def paint(lines: Lines, width: int, height: int) -> NDArray[uint8]:
    """Paint strokes; where they overlap or cross, their inks unite.

    Args:
        lines: k strokes. What lies outside the picture is left out.
        width: Pixels of the picture.
        height: Likewise.

    Returns:
        (height, width), paper 0, ink 255.

    Raises:
        Problem: As `checkpoint`.
    """
    picture = np.zeros((height, width), uint8)
    add(picture, lines)
    return picture


def add(picture: NDArray[uint8], lines: Lines) -> None:
    """Paint strokes into a picture (height, width) that may hold ink; otherwise like `paint`."""
    for start in range(0, len(lines.points), STROKES):
        checkpoint()
        rows = slice(start, start + STROKES)
        _fill(picture, outlines(_finite(lines.points[rows], lines.radii[rows])))


def paint_grid(strokes: Strokes, rows: int, columns: int, scale: int) -> NDArray[uint8]:
    """Paint glyphs in a grid, row by row; otherwise like `paint`.

    Args:
        strokes: Of n <= rows x columns glyphs.
        rows: Rows of the grid, >= 1.
        columns: Columns of the grid, >= 1.
        scale: Pixels a unit, >= 1.

    Returns:
        (28 scale rows, 28 scale columns); empty cells are paper.
    """
    side = SIDE * scale
    picture = np.zeros((rows * side, columns * side), uint8)
    for start in range(0, len(strokes), GLYPHS):
        some = strokes[start : start + GLYPHS]
        cells = np.arange(start, start + len(some))
        add(picture, place(some, cells % columns * side, cells // columns * side, np.full(len(some), scale)))
    return picture


def _finite(points: Floats, radii: Floats) -> Lines:
    """Return strokes with every number finite and within reach of their first point."""
    points = clipped(points, -_FARTHEST, _FARTHEST)
    first = points[:, :1]
    return Lines(clipped(points, first - REACH, first + REACH), clipped(radii, 0, REACH // 2))


def _fill(picture: NDArray[uint8], shapes: Outlines) -> None:
    """Add the ink of outlines to a picture."""
    counts = shapes.counts
    starts = np.cumsum(counts) - counts
    low = np.maximum(np.floor(np.minimum.reduceat(shapes.corners, starts)), 0).astype(int)
    high = np.minimum(np.ceil(np.maximum.reduceat(shapes.corners, starts)), picture.shape[::-1]).astype(int)
    sizes = np.maximum(high - low, 0)
    # From the lower left corner of each box, y going up; x and y by themselves, because NumPy is slow with pairs.
    left, bottom = np.stack([low[:, 0], high[:, 1]]).repeat(counts, axis=1)
    corners = np.empty(shapes.corners.shape, _COORDINATE)
    corners[:, 0] = np.rint(_PARTS * (shapes.corners[:, 0] - left))
    corners[:, 1] = np.rint(_PARTS * (bottom - shapes.corners[:, 1]))
    boxes = zip(starts.tolist(), counts.tolist(), low.tolist(), sizes.tolist(), strict=True)
    filler = _Filler(_libraries.own, corners, counts.max(), sizes.prod(axis=1).max())
    for start, count, (left, top), (width, height) in boxes:
        part = picture[top : top + height, left : left + width]
        np.maximum(part, filler.fill(start, count, width, height), out=part)


class _Library:
    """FreeType."""

    def __init__(self) -> None:
        # Imported here, because it takes 45 ms and 3 MB, and models without strokes do not need it.
        from freetype import raw  # noqa: PLC0415
        from freetype.ft_structs import FT_Bitmap, FT_Outline  # noqa: PLC0415

        self.outline, self.bitmap = FT_Outline, FT_Bitmap
        self._draw, self._library = raw.FT_Outline_Get_Bitmap, raw.FT_Library()
        raw.FT_Init_FreeType(ctypes.byref(self._library))

    def drawing(self, outline: ctypes.Structure, bitmap: ctypes.Structure) -> Callable[[], int]:
        """Return the function that draws what an outline refers to then on what a bitmap refers to."""
        return partial(self._draw, self._library, ctypes.byref(outline), ctypes.byref(bitmap))


class _Libraries(threading.local):
    """The library of each thread: they must not share one, and to begin with a new one takes as long as a letter."""

    @cached_property
    def own(self) -> _Library:
        """The library of the calling thread."""
        return _Library()


_libraries = _Libraries()


class _Filler:
    """Fills one outline after the other by the non-zero rule.

    Args:
        library: Of this thread.
        corners: (n, 2), of all outlines, in 64ths of a pixel.
        most: Corners of the longest outline.
        largest: Pixels of the largest box.
    """

    def __init__(self, library: _Library, corners: NDArray[np.signedinteger], most: int, largest: int) -> None:
        self._corners, self._tags = corners, np.full(most, _ON_THE_CURVE, uint8)
        self._ink, self._last = np.empty(largest, uint8), ctypes.c_short()
        self._outline = library.outline(n_contours=1)
        self._bitmap = library.bitmap(num_grays=256, pixel_mode=_GREY)
        _address(self._outline, "tags").value = self._tags.ctypes.data
        _address(self._outline, "contours").value = ctypes.addressof(self._last)
        _address(self._bitmap, "buffer").value = self._ink.ctypes.data
        self._points = _address(self._outline, "points")
        self._draw = library.drawing(self._outline, self._bitmap)
        self._start, self._stride = corners.ctypes.data, corners.strides[0]

    def fill(self, start: int, count: int, width: int, height: int) -> NDArray[uint8]:
        """Return the ink (height, width) of `count` corners from `start`, until the next call."""
        self._points.value = self._start + start * self._stride
        self._outline.n_points, self._last.value = count, count - 1
        bitmap = self._bitmap
        bitmap.rows, bitmap.width, bitmap.pitch = height, width, width
        ink = self._ink[: width * height]
        ink.fill(0)
        self._draw()
        return ink.reshape(height, width)


def _address(structure: ctypes.Structure, name: str) -> ctypes.c_void_p:
    """Return a pointer of a structure, to be set as a number, which takes a tenth of the time of a cast."""
    return ctypes.c_void_p.from_buffer(structure, getattr(type(structure), name).offset)


def prepare() -> None:
    """Load what painting needs, so that the first picture need not wait for it."""
    paint(Lines(np.zeros((1, 2, 2), np.float32), np.zeros((1, 2), np.float32)), 1, 1)
