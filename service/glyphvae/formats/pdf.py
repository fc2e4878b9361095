"""PDF documents of pen strokes on paper, with text that is not seen and can be selected.

Strokes of one width are lines with round ends, and others outlines, filled by the non-zero rule. The same pages give
the same bytes: there are neither dates nor random numbers.

Format: ISO 32000-1:2008, https://opensource.adobe.com/dc-acrobat-sdk-docs/pdfstandards/PDF32000_2008.pdf
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from isal import isal_zlib
from numpy import uint8
from numpy.typing import NDArray

from glyphvae.formats.colours import Colour
from glyphvae.formats.path_data import UNITS
from glyphvae.formats.pdf_fonts import WIDTH, Fonts, text_string
from glyphvae.formats.svg import CONSTANT, GLYPHS, Word
from glyphvae.scheduling.deadline import checkpoint
from glyphvae.vectors.paths import Curves, Doubles, Indices, Paths, centres, outlines

MEDIA_TYPE = "application/pdf"

# Points of a side, beyond which viewers need not show a page.
MAX_SIDE = 14_400
# Size of the font of text that is not seen, in glyph pixels, about the height of what is written; and how far from left
# to right a character of it is.
_FONT_SIZE = 24
# Digits of a coordinate, which counts from the corner of its glyph. No usual glyph is a third of that wide.
_DIGITS = 4
# Glyph pixels by which curves may reach beyond their control points, because they approximate the outline.
_BEYOND = 2
_LEVEL = 2
_HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"


class Page(NamedTuple):
    """The content of a page, in glyph pixels from its upper left corner.

    Attributes:
        curves: Makes the strokes of its glyphs.
        words: Its words, line by line.
    """

    curves: Callable[[], Curves]
    words: Sequence[Word]


class Paper(NamedTuple):
    """The paper of all pages of a document; lengths are in points, y down.

    Attributes:
        width: Of a page.
        height: Of a page.
        unit: Of a glyph pixel.
        ink: Colour of the ink.
        paper: Colour of the paper, None where there is none.
        rule: Colour of the rules.
        thickness: Of the rules.
        rows: y of each horizontal rule.
        columns: x of each vertical rule.
    """

    width: float
    height: float
    unit: float
    ink: Colour
    paper: Colour | None
    rule: Colour
    thickness: float = 0
    rows: Sequence[float] = ()
    columns: Sequence[float] = ()


class _Objects:
    """The numbered objects of a file."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []

    def reserve(self) -> int:
        """Return the number of an object that is set later."""
        self._bodies.append(b"")
        return len(self._bodies)

    def set(self, number: int, body: str) -> None:
        """Set an object that is reserved."""
        self._bodies[number - 1] = body.encode("ascii")

    def add(self, body: str) -> int:
        """Add an object and return its number."""
        number = self.reserve()
        self.set(number, body)
        return number

    def add_stream(self, content: bytes) -> int:
        """Add a stream, compressed, and return its number."""
        packed = isal_zlib.compress(content, _LEVEL)
        head = b"<</Length %d/Filter/FlateDecode>>\nstream\n" % len(packed)
        self._bodies.append(head + packed + b"\nendstream")
        return len(self._bodies)

    def file(self, root: int, info: int) -> bytes:
        """Return the file of these objects, with the catalogue and the description of the document."""
        parts, offsets, at = [_HEADER], list[int](), len(_HEADER)
        for number, body in enumerate(self._bodies, 1):
            part = b"%d 0 obj\n%b\nendobj\n" % (number, body)
            parts.append(part)
            offsets.append(at)
            at += len(part)
        count = len(offsets) + 1
        parts.append(b"xref\n0 %d\n0000000000 65535 f \n" % count)
        parts += [b"%010d 00000 n \n" % offset for offset in offsets]
        parts.append(b"trailer\n<</Size %d/Root %d 0 R/Info %d 0 R>>\n" % (count, root, info))
        parts.append(b"startxref\n%d\n%%%%EOF\n" % at)
        return b"".join(parts)


def document(paper: Paper, pages: Iterable[Page], title: str) -> bytes:
    """Return a document.

    Args:
        paper: What all pages share.
        pages: At least one.
        title: Its title.

    Raises:
        Problem: As `checkpoint`.
    """
    objects, fonts, kids = _Objects(), Fonts(), list[int]()
    tree, resources = objects.reserve(), objects.reserve()
    background = objects.add_stream(_background(paper))
    box = f"/MediaBox[0 0 {_number(paper.width)} {_number(paper.height)}]"
    for page in pages:
        content = objects.add_stream(_content(paper, page, fonts))
        body = (
            f"<</Type/Page/Parent {tree} 0 R{box}/Resources {resources} 0 R/Contents[{background} 0 R {content} 0 R]>>"
        )
        kids.append(objects.add(body))
    names = [f"/F{index} {objects.add(font)} 0 R" for index, font in enumerate(fonts.objects(objects.add_stream))]
    objects.set(resources, f"<</Font<<{''.join(names)}>>>>")
    objects.set(tree, f"<</Type/Pages/Count {len(kids)}/Kids[{' '.join(f'{kid} 0 R' for kid in kids)}]>>")
    # An empty language is an unknown one.
    root = objects.add(f"<</Type/Catalog/Pages {tree} 0 R/Lang()/ViewerPreferences<</DisplayDocTitle true>>>>")
    return objects.file(root, objects.add(f"<</Title {text_string(title)}>>"))


def _background(paper: Paper) -> bytes:
    """Return the content that is below the ink: paper and rules."""
    width, height = paper.width, paper.height
    parts = ["q\n"]
    if paper.paper:
        parts.append(f"{_colour(paper.paper)} rg 0 0 {_number(width)} {_number(height)} re f\n")
    if paper.rows or paper.columns:
        parts.append(f"{_colour(paper.rule)} RG {_number(paper.thickness)} w\n")
        parts += [f"0 {_number(height - y)} m {_number(width)} {_number(height - y)} l\n" for y in paper.rows]
        parts += [f"{_number(x)} 0 m {_number(x)} {_number(height)} l\n" for x in paper.columns]
        parts.append("S\n")
    return "".join([*parts, "Q\n"]).encode()


def _content(paper: Paper, page: Page, fonts: Fonts) -> bytes:
    """Return the content of a page but for its background."""
    unit, colour = f"{paper.unit / UNITS:.9f}", _colour(paper.ink)
    parts = [f"q {unit} 0 0 -{unit} 0 {_number(paper.height)} cm {colour} rg {colour} RG 1 J 1 j\n".encode()]
    curves = page.curves()
    for first in range(0, curves.glyphs, GLYPHS):
        checkpoint()
        parts += _drawn(curves.part(first, min(first + GLYPHS, curves.glyphs)))
    return b"".join([*parts, b"Q\n", _selectable(paper, page.words, fonts)])


def _drawn(curves: Curves) -> Iterable[bytes]:
    """Yield what draws some glyphs: an outline a glyph, and a line for each stroke whose width is the same all over."""
    varies = np.ptp(curves.radius, axis=1) > 2 * CONSTANT
    filled, stroked = curves.of(varies), curves.of(~varies)
    if len(filled.glyph):
        yield from _painted(filled, outlines(filled), filled.glyph, b"f")
    if len(stroked.glyph):
        widths = np.rint(UNITS * (stroked.radius.min(axis=1) + stroked.radius.max(axis=1))).astype(int).tolist()
        yield from _painted(
            stroked, centres(stroked), np.arange(len(stroked.glyph)), b"S", [b"%d w " % width for width in widths]
        )


def _painted(
    curves: Curves, paths: Paths, group: Indices, operator: bytes, heads: Sequence[bytes] = ()
) -> Iterable[bytes]:
    """Yield what draws groups of strokes, each with coordinates of its own, which are shorter.

    Args:
        curves: k strokes.
        paths: Of these strokes.
        group: (k,) the group of each, which rises.
        operator: What draws a group's paths.
        heads: What is set before, for each group that has strokes; empty for nothing.
    """
    reach = curves.radius.max(axis=1)[:, None] + _BEYOND
    groups, first = np.unique(group, return_index=True)
    low = np.floor(UNITS * np.minimum.reduceat(curves.control.min(axis=1) - reach, first)).astype(np.int64)
    number = np.searchsorted(groups, group)[paths.stroke]  # (c,) of each path
    corner = low[number]
    starts = _texts(np.rint(UNITS * paths.start) - corner)
    rows = _rows(np.rint(UNITS * paths.curves) - np.repeat(corner, paths.counts, axis=0)[:, None])
    stops = np.cumsum(paths.counts)
    begins = (stops - paths.counts).tolist()
    drawn: list[list[bytes]] = [[] for _ in groups]
    close = np.where(paths.closed, b"h\n", b"").tolist()
    for path, (index, begin, stop, end) in enumerate(zip(number.tolist(), begins, stops.tolist(), close, strict=True)):
        drawn[index] += [starts[path].tobytes(), b"m\n", rows[begin:stop].tobytes(), end]
    for index, ((x, y), parts) in enumerate(zip(low.tolist(), drawn, strict=True)):
        yield b"q 1 0 0 1 %d %d cm %b" % (x, y, heads[index] if heads else b"")
        yield from parts
        yield operator + b" Q\n"


def _rows(points: Doubles) -> NDArray[uint8]:
    """Return (m, bytes) what draws each curve (m, 3, 2)."""
    texts = _texts(points.reshape(-1, 6))
    end = np.frombuffer(b"c\n", uint8)
    return np.hstack([texts, np.broadcast_to(end, (len(texts), len(end)))])


def _texts(numbers: Doubles) -> NDArray[uint8]:
    """Return (m, bytes) rows of whole numbers as text, each with its space."""
    texts: NDArray[uint8] = _written().take(numbers.astype(np.int64), mode="clip").view(uint8)
    return texts


@lru_cache(1)
def _written() -> NDArray[np.bytes_]:
    """Return all numbers that a coordinate can have as text."""
    # Zeros in front cost little in compressed files, and looking up texts of one length is fast.
    return np.array([b"%0*d " % (_DIGITS, number) for number in range(10**_DIGITS)])


def _selectable(paper: Paper, words: Sequence[Word], fonts: Fonts) -> bytes:
    """Return the text that is not seen, each word stretched to its width."""
    unit, size = paper.unit, _FONT_SIZE * paper.unit
    parts = ["BT 3 Tr\n"]
    for word in words:
        runs = fonts.runs(word.text)
        count = sum(len(code) for _, code in runs)
        stretch = 100 * word.width / (count * WIDTH / 1000 * _FONT_SIZE)
        parts.append(
            f"{_number(stretch)} Tz 1 0 0 1 {_number(unit * word.x)} {_number(paper.height - unit * word.y)} Tm "
        )
        parts += [f"/F{font} {_number(size)} Tf <{code.hex()}> Tj\n" for font, code in runs]
    return "".join([*parts, "ET\n"]).encode()


def _colour(colour: Colour) -> str:
    return " ".join(_number(level / 255) for level in colour)


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
