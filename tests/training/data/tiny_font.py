"""Fonts of rectangles, whose sizes, places and bearings are known."""

import io

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

# Left, bottom, right and top in font units: an em has 1000 of them, the cap height 700.
Box = tuple[int, int, int, int]
CAP_HEIGHT = 700

H, TALL, SMALL = (100, 0, 500, 700), (50, 0, 150, 700), (50, 0, 350, 350)
# A square with a leg at each corner but one, as no character has.
LEGS: list[Box] = [(100, 200, 600, 500), (100, 0, 200, 200), (500, 0, 600, 200), (100, 500, 200, 700)]
BOXES: dict[str, tuple[int, list[Box]]] = {
    "H": (600, [H]),
    "l": (200, [TALL]),
    "e": (400, [SMALL]),
    "é": (400, [SMALL, (200, 450, 300, 600)]),
    "c": (400, [SMALL]),
    "ç": (400, [SMALL, (100, -150, 200, -50)]),
    "i": (200, [(50, 0, 150, 400), (50, 500, 150, 600)]),
    ".": (200, [(50, 0, 150, 100)]),
    "|": (200, [(50, -300, 150, 600)]),
    "—": (1200, [(0, 300, 1200, 350)]),
    "_": (2000, [(0, -100, 2000, -50)]),
    "?": (400, []),
}


def font_bytes(boxes: dict[str, tuple[int, list[Box]]] | None = None) -> bytes:
    """Return a WOFF2 file; of each character its advance and its rectangles."""
    boxes = BOXES if boxes is None else boxes
    names = {character: f"u{ord(character):04X}" for character in boxes}
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap({ord(character): name for character, name in names.items()})
    outlines = {".notdef": TTGlyphPen(None).glyph()}
    for character, (_, rectangles) in boxes.items():
        pen = TTGlyphPen(None)
        for left, bottom, right, top in rectangles:
            pen.moveTo((left, bottom))
            for point in ((left, top), (right, top), (right, bottom)):
                pen.lineTo(point)
            pen.closePath()
        outlines[names[character]] = pen.glyph()
    builder.setupGlyf(outlines)
    advances = {names[character]: advance for character, (advance, _) in boxes.items()} | {".notdef": 500}
    lefts = {name: builder.font["glyf"][name].xMin if outlines[name].numberOfContours else 0 for name in advances}
    builder.setupHorizontalMetrics({name: (advance, lefts[name]) for name, advance in advances.items()})
    builder.setupHorizontalHeader(ascent=900, descent=-300)
    builder.setupNameTable({"familyName": "Rectangles", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.font.flavor = "woff2"
    file = io.BytesIO()
    builder.save(file)
    return file.getvalue()
