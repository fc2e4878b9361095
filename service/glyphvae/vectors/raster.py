"""Pictures of pen strokes, by FreeType: the area of each pixel that a stroke covers.

https://freetype.org/freetype2/docs/reference/ft2-outline_processing.html
"""

import ctypes
from contextlib import closing

import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from glyphvae.scheduling.deadline import checkpoint
from glyphvae.vectors.outlines import Outlines, outlines
from glyphvae.vectors.strokes import SIDE, Floats, Lines, Strokes, place

# Glyphs whose polylines, and strokes whose outlines are in memory at a time.
GLYPHS, STROKES = 32, 128
# FreeType counts pixels in 16 bits. A stroke may extend this far from where it begins, and its pen be half as wide;
# what is further out, which no model means, is moved there.
REACH = 8000
# Of pictures: further right, float32 does not tell an eighth of a pixel.
_FARTHEST = 1 << 20
# FreeType's coordinates are 64ths of a pixel.
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
    points = np.clip(np.nan_to_num(points), -_FARTHEST, _FARTHEST)
    first = points[:, :1]
    return Lines(np.clip(points, first - REACH, first + REACH), np.clip(np.nan_to_num(radii), 0, REACH // 2))


def _fill(picture: NDArray[uint8], shapes: Outlines) -> None:
    """Add the ink of outlines to a picture."""
    counts = shapes.counts
    starts = np.cumsum(counts) - counts
    low = np.maximum(np.floor(np.minimum.reduceat(shapes.corners, starts)), 0).astype(int)
    high = np.minimum(np.ceil(np.maximum.reduceat(shapes.corners, starts)), picture.shape[::-1]).astype(int)
    sizes = np.maximum(high - low, 0)
    # From the lower left corner of each box, y going up.
    origins = np.repeat(np.stack([low[:, 0], high[:, 1]], axis=1), counts, axis=0)
    corners = np.rint((shapes.corners - origins) * (_PARTS, -_PARTS)).astype(_COORDINATE)
    boxes = zip(starts.tolist(), counts.tolist(), low.tolist(), sizes.tolist(), strict=True)
    with closing(_Filler(corners, counts.max(), sizes.prod(axis=1).max())) as filler:
        for start, count, (left, top), (width, height) in boxes:
            part = picture[top : top + height, left : left + width]
            np.maximum(part, filler.fill(start, count, width, height), out=part)


class _Filler:
    """FreeType, filling one outline after the other by the non-zero rule, for one thread.

    Args:
        corners: (n, 2), of all outlines, in 64ths of a pixel.
        most: Corners of the longest outline.
        largest: Pixels of the largest box.
    """

    def __init__(self, corners: NDArray[np.signedinteger], most: int, largest: int) -> None:
        # Imported here, because it takes 45 ms and 3 MB, and models without strokes do not need it.
        from freetype import raw  # noqa: PLC0415
        from freetype.ft_structs import FT_Bitmap, FT_Outline  # noqa: PLC0415

        self._raw, self._library = raw, raw.FT_Library()
        raw.FT_Init_FreeType(ctypes.byref(self._library))
        self._corners, self._tags = corners, np.full(most, _ON_THE_CURVE, uint8)
        self._ink, self._last = np.empty(largest, uint8), ctypes.c_short()
        self._outline, self._bitmap = FT_Outline(n_contours=1), FT_Bitmap(num_grays=256, pixel_mode=_GREY)
        types = dict(FT_Outline._fields_)
        self._points = types["points"]
        self._outline.tags = ctypes.cast(self._tags.ctypes.data, types["tags"])
        self._outline.contours = ctypes.cast(ctypes.byref(self._last), types["contours"])
        self._bitmap.buffer = ctypes.cast(self._ink.ctypes.data, types["tags"])
        self._references = ctypes.byref(self._outline), ctypes.byref(self._bitmap)
        self._address, self._stride = corners.ctypes.data, corners.strides[0]

    def fill(self, start: int, count: int, width: int, height: int) -> NDArray[uint8]:
        """Return the ink (height, width) of `count` corners from `start`, until the next call."""
        outline, bitmap = self._outline, self._bitmap
        outline.points = ctypes.cast(self._address + start * self._stride, self._points)
        outline.n_points, self._last.value = count, count - 1
        bitmap.rows, bitmap.width, bitmap.pitch = height, width, width
        ink = self._ink[: width * height]
        ink[:] = 0
        self._raw.FT_Outline_Get_Bitmap(self._library, *self._references)
        return ink.reshape(height, width)

    def close(self) -> None:
        """Give the library back, which threads must not share."""
        self._raw.FT_Done_FreeType(self._library)


def prepare() -> None:
    """Load what painting needs, so that the first picture need not wait for it."""
    paint(Lines(np.zeros((1, 2, 2), np.float32), np.zeros((1, 2), np.float32)), 1, 1)
