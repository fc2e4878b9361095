"""Texts set in fonts by HarfBuzz, and painted by FreeType."""

import io
import math
from typing import NamedTuple

import freetype
import numpy as np
import uharfbuzz as hb
from numpy.typing import NDArray

UNIT = 35


class Set(NamedTuple):
    """A glyph in its place; lengths in font units."""

    name: str
    number: int
    x: int


def shaped(content: bytes, text: str, **features: bool) -> list[Set]:
    """Set a text in one line."""
    font = hb.Font(hb.Face(content))
    buffer = hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    hb.shape(font, buffer, features)
    found, x = [], 0
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        found.append(Set(font.glyph_to_string(info.codepoint), info.codepoint, x + position.x_offset))
        x += position.x_advance
    return found


def painted(
    content: bytes, glyphs: list[Set], like: NDArray[np.uint8], baseline: int, left: float
) -> NDArray[np.uint8]:
    """Paint glyphs at 8 pixels per glyph pixel into a picture as large as another, the first ink at `left`."""
    face = freetype.Face(io.BytesIO(content))
    face.set_char_size(round(1000 / UNIT * 8 * 64), 0, 72, 72)
    face.load_glyph(glyphs[0].number, freetype.FT_LOAD_NO_SCALE)
    start = left - face.glyph.outline.get_bbox().xMin * 8 / UNIT
    picture = np.zeros_like(like)
    for glyph in glyphs:
        x = start + glyph.x * 8 / UNIT
        part = freetype.Vector(round((x - math.floor(x)) * 64), 0)
        face.set_transform(freetype.Matrix(0x10000, 0, 0, 0x10000), part)
        face.load_glyph(glyph.number, freetype.FT_LOAD_NO_HINTING | freetype.FT_LOAD_RENDER)
        bitmap, slot = face.glyph.bitmap, face.glyph
        if bitmap.rows:
            ink = np.array(bitmap.buffer, np.uint8).reshape(bitmap.rows, bitmap.pitch)[:, : bitmap.width]
            top, edge = baseline - slot.bitmap_top, math.floor(x) + slot.bitmap_left
            place = picture[top : top + bitmap.rows, edge : edge + bitmap.width]
            np.maximum(place, ink, out=place)
    return picture
