"""Font files of a design: TrueType, CFF and WOFF2."""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from fontTools.agl import UV2AGL
from fontTools.cu2qu.cu2qu import curve_to_quadratic
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import newTable
from fontTools.ttLib.tables import ttProgram
from numpy import float64, int64
from numpy.typing import NDArray

from glyphvae.fonts import features
from glyphvae.fonts.design import Component, Design
from glyphvae.fonts.forms import FORMS
from glyphvae.fonts.names import STYLE, VERSION, Names, file_name
from glyphvae.fonts.outlines import UNIT, UNITS_PER_EM, Outline
from glyphvae.scheduling.deadline import checkpoint

# Glyphs before those of characters: for characters that the font has not, a space and one that breaks no line.
_NOTDEF, _SPACES = ".notdef", ("space", "uni00A0")
_EXTRA = (_NOTDEF, *_SPACES)
_SPACE_CHARACTERS = {0x20: "space", 0xA0: "uni00A0"}
# Of the space between words, as of a text.
_SPACE = 12 * UNIT
# The frame that stands for other characters: advance, height, paper beside it and width of its line.
_FRAME = (500, 700, 50, 50)
# Font units that a quadratic curve may be away from the cubic one in its place.
_QUADRATIC = 0.5
# Seconds from 1904 to 2025: the same request makes the same file, whenever.
_MADE = 3_818_534_400
# Lines of a text are as far apart as these characters need; others may reach further.
_LAST_OF_LATIN_1 = "\u00ff"
_USE_TYPOGRAPHIC_METRICS, _REGULAR = 1 << 7, 1 << 6
_NO_VENDOR = "NONE"
_PACKED_BY_HARFBUZZ = "fontTools.ttLib.tables.otBase:USE_HARFBUZZ_REPACKER"


def build(design: Design, names: Names, kind: str) -> bytes:
    """Build a font file; the same design and names always make the same bytes.

    Args:
        design: Its glyphs.
        names: What it says of itself.
        kind: `ttf` has quadratic curves, `otf` cubic ones, and `woff2` is the former, compressed.

    Raises:
        Problem: As `checkpoint`.
    """
    glyphs = _glyph_names(design.repertoire.characters)
    drawn = glyphs[len(_EXTRA) :]
    builder = FontBuilder(UNITS_PER_EM, isTTF=kind != "otf")
    builder.setupGlyphOrder(glyphs)
    code_points = zip(map(ord, design.repertoire.characters), drawn, strict=False)
    builder.setupCharacterMap(_SPACE_CHARACTERS | dict(code_points))
    advances = [_FRAME[0], *[_SPACE] * len(_SPACES), *design.advance.tolist()]
    if kind == "otf":
        builder.setupCFF(names.postscript, *_charstrings(design, glyphs, advances, names))
    else:
        builder.setupGlyf(_quadratic_glyphs(design, glyphs))
        builder.font["prep"] = _smooth()
    edges = zip(advances, _left_edges(builder, glyphs), strict=True)
    builder.setupHorizontalMetrics(dict(zip(glyphs, edges, strict=True)))
    _set_heights(builder, design)
    builder.updateHead(created=_MADE, modified=_MADE, fontRevision=float(VERSION))
    builder.setupNameTable(names.records(), mac=False)
    builder.setupPost(isFixedPitch=0, underlinePosition=-100, underlineThickness=50)
    builder.font["OS/2"].recalcCodePageRanges(builder.font)
    _set_features(builder, design, drawn)
    return _saved(builder, kind)


def _glyph_names(characters: Sequence[str]) -> list[str]:
    """Return the names of all glyphs: those of Adobe's list or by code point, with the number of an alternate."""
    usual = [UV2AGL.get(ord(character)) or _name_by_code(ord(character)) for character in characters]
    alternates = [f"{name}.alt{form}" for form in range(1, FORMS) for name in usual]
    return [*_EXTRA, *usual, *alternates]


def _name_by_code(code: int) -> str:
    return f"uni{code:04X}" if code <= 0xFFFF else f"u{code:X}"


def _quadratic_glyphs(design: Design, glyphs: Sequence[str]) -> dict[str, Any]:
    """Return the glyphs of a TrueType font."""
    found: dict[str, Any] = {}
    for number, name in enumerate(glyphs):
        checkpoint()
        pen = TTGlyphPen(found)
        if number - len(_EXTRA) in design.components:
            for part in design.components[number - len(_EXTRA)]:
                pen.addComponent(glyphs[len(_EXTRA) + part.glyph], (1, 0, 0, 1, part.x, part.y))
        else:
            _draw(pen, _outline(design, number), _quadratic)
        found[name] = pen.glyph()
    return found


def _smooth() -> Any:  # noqa: ANN401 (untyped)
    """Return the program that keeps thin strokes whole at every size; fonts without hints need no more."""
    table = newTable("prep")
    table.program = ttProgram.Program()
    table.program.fromAssembly(["PUSHW[ ]", "511", "SCANCTRL[ ]", "PUSHB[ ]", "4", "SCANTYPE[ ]"])
    return table


def _outline(design: Design, number: int) -> Outline:
    """Return the outline of a glyph that has no components, by its number in the file."""
    if number < len(_EXTRA):
        return _frame() if number == 0 else []
    return design.outlines[number - len(_EXTRA)]


def _draw(pen: Any, outline: Outline, curve: Callable[[Any, Sequence[Any]], None]) -> None:  # noqa: ANN401 (untyped)
    """Draw closed contours, with `curve` for what is no line."""
    for contour in outline:
        pieces = [[tuple(point) for point in piece] for piece in contour.tolist()]
        pen.moveTo(pieces[0][0])
        for begin, handle, other, end in pieces:
            if (handle, other) != (begin, end):
                curve(pen, (begin, handle, other, end))
            elif end not in (begin, pieces[0][0]):
                pen.lineTo(end)
        pen.closePath()


def _quadratic(pen: Any, piece: Sequence[Any]) -> None:  # noqa: ANN401
    pen.qCurveTo(*curve_to_quadratic(piece, _QUADRATIC)[1:])


def _cubic(pen: Any, piece: Sequence[Any]) -> None:  # noqa: ANN401
    pen.curveTo(*piece[1:])


def _frame() -> Outline:
    width, height, beside, line = _FRAME
    found = []
    for inset, step in ((0, 1), (line, -1)):
        left, right, low, high = beside + inset, width - beside - inset, inset, height - inset
        corners = np.array([(left, low), (left, high), (right, high), (right, low)])[::step]
        ends = np.roll(corners, -1, axis=0)
        found.append(np.stack([corners, corners, ends, ends], axis=1))
    return found


def _charstrings(
    design: Design, glyphs: Sequence[str], advances: Sequence[int], names: Names
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the facts, the glyphs and the private facts of a CFF font."""
    found: dict[str, Any] = {}
    for number, name in enumerate(glyphs):
        checkpoint()
        pen = T2CharStringPen(advances[number], None)
        for part in design.components.get(number - len(_EXTRA), [Component(number - len(_EXTRA), 0, 0)]):
            # PostScript turns outer contours the other way round.
            outline = _outline(design, part.glyph + len(_EXTRA))
            _draw(pen, [contour[::-1, ::-1] + (part.x, part.y) for contour in outline], _cubic)
        found[name] = pen.getCharString()
    # What CFF says has Latin letters only; the names that are shown come from the table `name`.
    facts = {"version": VERSION, "FullName": names.postscript, "FamilyName": file_name(names), "Weight": STYLE}
    return facts, found, {}


def _left_edges(builder: FontBuilder, glyphs: Sequence[str]) -> list[int]:
    """Return the left edge of each glyph, which must be that of its outline."""
    font = builder.font
    if "glyf" in font:
        table = font["glyf"]
        for name in glyphs:
            table[name].recalcBounds(table)
        return [getattr(table[name], "xMin", 0) for name in glyphs]
    strings = font["CFF "].cff.topDictIndex[0].CharStrings
    bounds = [strings[name].calcBounds(None) for name in glyphs]
    return [int(np.floor(box[0])) if box else 0 for box in bounds]


def _set_heights(builder: FontBuilder, design: Design) -> None:
    """Set what says how far lines are apart, the same in all tables, and what reaches highest and lowest."""
    characters = design.repertoire.characters
    usual = np.tile([character <= _LAST_OF_LATIN_1 for character in characters], FORMS)
    ascent, descent = _rounded(design.heights[usual])
    highest, lowest = _rounded(design.heights)
    heights = dict(zip(characters, np.rint(design.heights[:, 0]).astype(int64).tolist(), strict=False))
    builder.setupHorizontalHeader(ascent=ascent, descent=-descent, lineGap=0)
    builder.setupOS2(
        version=4,
        achVendID=_NO_VENDOR,
        fsSelection=_REGULAR | _USE_TYPOGRAPHIC_METRICS,
        fsType=0,
        sTypoAscender=ascent,
        sTypoDescender=-descent,
        sTypoLineGap=0,
        usWinAscent=highest,
        usWinDescent=lowest,
        sxHeight=heights.get("x", 0),
        sCapHeight=heights.get("H", 0),
        usWeightClass=400,
    )


def _rounded(heights: NDArray[float64]) -> list[int]:
    """Return how far glyphs reach up and down together, at least as far as the frame for other characters."""
    most = np.vstack([heights, [_FRAME[1], 0]]).max(axis=0)
    rounded: list[int] = (10 * np.ceil(most / 10)).astype(int64).tolist()
    return rounded


def _set_features(builder: FontBuilder, design: Design, drawn: Sequence[str]) -> None:
    """Add alternates and kerning."""
    font, stands = builder.font, np.flatnonzero(design.kind >= 0)
    names = [drawn[number] for number in stands.tolist()]
    count = len(names) // FORMS
    forms = [names[form * count : (form + 1) * count] for form in range(FORMS)]
    font["GSUB"] = features.substitutions(font, forms, _SPACES)

    kinds = dict(zip(names, design.kind[stands].tolist(), strict=True))
    exact = {drawn[number]: int(design.form[number]) for number in np.flatnonzero(design.form >= 0).tolist()}
    spaces = dict.fromkeys(_SPACES, 0)
    # A space is as wide as the paper between the ink of two words, without what letters leave at their sides.
    (left, before), (right, after) = (_by_value(names, -edge) for edge in design.edges[stands].T)
    font["GPOS"] = features.positions(
        [
            features.pairs(font, kinds, kinds, design.spacing.classes),
            features.pairs(font, exact, exact, design.spacing.forms),
            [
                *features.pairs(font, right, spaces, after[:, None]),
                *features.pairs(font, spaces, left, before[None]),
            ],
        ],
    )


def _by_value(names: Sequence[str], values: NDArray[int64]) -> tuple[dict[str, int], NDArray[int64]]:
    """Return the class of each glyph among those with the same value, and the value of each class."""
    found, number = np.unique(values, return_inverse=True)
    return dict(zip(names, number.tolist(), strict=True)), found


def _saved(builder: FontBuilder, kind: str) -> bytes:
    font, file = builder.font, BytesIO()
    font.recalcTimestamp = False
    # The same bytes, whether HarfBuzz is installed or not.
    font.cfg[_PACKED_BY_HARFBUZZ] = False
    font.flavor = "woff2" if kind == "woff2" else None
    font.save(file)
    return file.getvalue()
