"""Pictures of pen strokes, by FreeType: the area of each pixel that a stroke covers.

https://freetype.org/freetype2/docs/reference/ft2-outline_processing.html
"""

import ctypes

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
    # Imported here, because it takes 45 ms and 3 MB, and models without strokes do not need it.
    from freetype import raw  # noqa: PLC0415
    from freetype.ft_structs import FT_Bitmap, FT_Outline  # noqa: PLC0415

    starts = np.cumsum(shapes.counts) - shapes.counts
    low = np.maximum(np.floor(np.minimum.reduceat(shapes.corners, starts)), 0).astype(int)
    high = np.minimum(np.ceil(np.maximum.reduceat(shapes.corners, starts)), picture.shape[::-1]).astype(int)
    sizes = np.maximum(high - low, 0)
    # From the lower left corner of each box, y going up.
    origins = np.repeat(np.stack([low[:, 0], high[:, 1]], axis=1), shapes.counts, axis=0)
    corners = np.rint((shapes.corners - origins) * (_PARTS, -_PARTS)).astype(_COORDINATE)
    tags = np.full(shapes.counts.max(), _ON_THE_CURVE, uint8)
    ink = np.empty(sizes.prod(axis=1).max(), uint8)
    last = ctypes.c_short()
    pointers = dict(FT_Outline._fields_)
    outline, bitmap = FT_Outline(n_contours=1), FT_Bitmap(num_grays=256, pixel_mode=_GREY)
    outline.tags = ctypes.cast(tags.ctypes.data, pointers["tags"])
    outline.contours = ctypes.cast(ctypes.byref(last), pointers["contours"])
    bitmap.buffer = ctypes.cast(ink.ctypes.data, pointers["tags"])
    address = corners.ctypes.data
    library = raw.FT_Library()  # one for each call, because threads must not share one
    raw.FT_Init_FreeType(ctypes.byref(library))
    by_reference = ctypes.byref(outline), ctypes.byref(bitmap)
    boxes = zip(starts.tolist(), shapes.counts.tolist(), low.tolist(), sizes.tolist(), strict=True)
    for start, count, (left, top), (width, height) in boxes:
        outline.points = ctypes.cast(address + start * corners.strides[0], pointers["points"])
        outline.n_points, last.value = count, count - 1
        bitmap.rows, bitmap.width, bitmap.pitch = height, width, width
        part = ink[: width * height]
        part[:] = 0
        raw.FT_Outline_Get_Bitmap(library, *by_reference)
        field = picture[top : top + height, left : left + width]
        np.maximum(field, part.reshape(height, width), out=field)
    raw.FT_Done_FreeType(library)
