"""SVG documents of pen strokes: one path a glyph, restyled by a page, read aloud, selected, animated; no scripts.

Format: https://www.w3.org/TR/SVG2/
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from math import isnan
from operator import attrgetter
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from glyphvae.formats.colours import Colour
from glyphvae.formats.path_data import UNITS, path_data
from glyphvae.scheduling.deadline import checkpoint
from glyphvae.vectors.paths import Curves, Paths, centres, outlines
from glyphvae.vectors.strokes import Floats

MEDIA_TYPE = "image/svg+xml"

# Glyphs whose paths are made at a time.
GLYPHS = 64
# Pixels by which the pen's radius may differ from that of a line that takes the place of an outline.
CONSTANT = 0.05
# Characters of a glyph's path that keep it below 1,000 bytes, and together with the rest of a document of its own. The
# few with more, of strokes that bend often, get fewer curves.
_LONGEST_PATH, _LONGEST_ALONE, _COARSER = 970, 640, (0.7, 0.4, 0.25, 0.15)
# Of text that is selected but not seen, in glyph pixels: about the height of what is written.
_FONT_SIZE = 24
# Pixels a second, pauses between strokes in seconds, and the most seconds that any text takes.
_SPEED, _PAUSE, _LONGEST = 150, 0.06, 20
# Pixels by which a line that is clipped is wider than its outline.
_WIDER = 0.5
_MILLIMETRES = 25.4 / 96  # of a CSS pixel
# Characters that XML cannot hold, even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# Only browsers know custom properties: without the condition, other viewers would take the fill to be wrong. A property
# that is not set leaves the colour of the parent.
_PAPER = ".glyphvae rect{fill:var(--paper)}"
_FILLED = ".glyphvae path{fill:var(--ink)}"
_STROKED = ".glyphvae path{stroke:var(--ink)}"
_BOTH = f"{_FILLED}.glyphvae [stroke] path{{fill:none;stroke:var(--ink)}}"
# A dash longer than the path shows it whole, and one that is moved by more than its length shows nothing.
_ANIMATED = (
    "@media(prefers-reduced-motion:no-preference){.glyphvae [pathLength]{stroke-dasharray:1.1 2;"
    "animation:glyphvae linear both}}@keyframes glyphvae{from{stroke-dashoffset:1.12}}"
)


@dataclass(frozen=True)
class Look:
    """The look of a document.

    Attributes:
        scale: CSS pixels per glyph pixel.
        ink: Colour of the ink.
        paper: Colour of the paper, None where there is none.
        centre: Whether strokes are single thin lines, for plotters, in millimetres and without paper.
        animate: Whether the strokes are written one after the other.
    """

    scale: int
    ink: Colour
    paper: Colour | None
    centre: bool = False
    animate: bool = False


class Word(NamedTuple):
    """A word of a text, which can be selected.

    Attributes:
        text: With the space behind it, if any.
        x: Its left edge in glyph pixels.
        y: Its baseline.
        width: Up to the next word, or to its own end.
    """

    text: str
    x: float
    y: float
    width: float


class _Ink(NamedTuple):
    """Elements of a glyph.

    Attributes:
        filled: Its outline.
        stroked: Its lines.
    """

    filled: str
    stroked: str


class Frame:
    """A document without its glyphs.

    Args:
        width: In glyph pixels.
        height: In glyph pixels.
        look: Its look.
        title: What it says.

    Attributes:
        look: As there.
    """

    def __init__(self, width: int, height: int, look: Look, title: str) -> None:
        self.look = look
        name = _escaped(title)
        scale, unit = (look.scale * _MILLIMETRES, "mm") if look.centre else (look.scale, "")
        paper = None if look.centre else look.paper
        self._start = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="glyphvae" width="{_number(width * scale)}{unit}" '
            f'height="{_number(height * scale)}{unit}" viewBox="0 0 {width} {height}" role="img" aria-label="{name}"'
            f"{f' fill={_quoted(paper)}' if paper else ''}><title>{name}</title><style>@supports(--a:0){{"
            f"{_PAPER if paper else ''}"
        )
        self._styled = f"}}{_ANIMATED if look.animate else ''}</style>"
        if paper:
            self._styled += f'<rect width="{width}" height="{height}"/>'
        ink, zoom = _quoted(look.ink), f'transform="scale({_number(1 / UNITS)})"'
        thin = f' stroke-width="{_number(UNITS / look.scale)}"' if look.centre else ""
        self._fill = f"<g fill={ink} {zoom}>"
        self._stroke = f'<g fill="none" stroke={ink}{thin} stroke-linecap="round" stroke-linejoin="round" {zoom}>'

    def around(self, filled: str, stroked: str, words: str = "") -> bytes:
        """Return the document with the elements of outlines and of lines, and the text that can be selected."""
        ink = (_BOTH if filled else _STROKED) if stroked else _FILLED
        parts = [self._start, ink, self._styled]
        parts += [self._fill, filled, "</g>"] if filled else []
        parts += [self._stroke, stroked, "</g>"] if stroked else []
        return "".join([*parts, words, "</svg>"]).encode()

    def around_each(self, curves: Curves) -> list[bytes]:
        """Return a document for each of a few glyphs, which are not animated."""
        return [self.around(*ink) for ink in _drawn(curves, self.look, _LONGEST_ALONE)]


def document(frame: Frame, curves: Curves, words: Sequence[Word] = ()) -> bytes:
    """Return a document of any number of glyphs.

    Args:
        frame: All but the glyphs.
        curves: The strokes of all glyphs in their places.
        words: The words of a text, line by line; of anything else none.

    Raises:
        Problem: As `checkpoint`.
    """
    look = frame.look
    times = _times(curves) if look.animate else None
    inks, drawn = list[_Ink](), 0
    longest = _LONGEST_ALONE if curves.glyphs == 1 else _LONGEST_PATH
    for first in range(0, curves.glyphs, GLYPHS):
        checkpoint()
        part = curves.part(first, min(first + GLYPHS, curves.glyphs))
        rows = slice(drawn, drawn + len(part.glyph))
        inks += _drawn(part, look, longest) if times is None else _written(part, look, times[rows])
        drawn = rows.stop
    text = "" if look.centre else _selectable(words)
    return frame.around("".join([ink.filled for ink in inks]), "".join([ink.stroked for ink in inks]), text)


def _drawn(curves: Curves, look: Look, longest: int) -> list[_Ink]:
    """Draw each glyph as one path: lines where the pen's width is the same all over it, else an outline.

    Args:
        curves: The strokes.
        look: The look of the document.
        longest: Characters of a path above which it gets fewer curves.
    """
    if not len(curves.glyph):
        return [_Ink("", "")] * curves.glyphs
    if look.centre:
        return [_Ink("", _path(data)) for data in _data(curves, centres(curves))]
    widths = _constant_widths(curves)
    varies = np.isnan(widths)[curves.glyph]
    data = _data(curves, _mixed(curves, varies))
    for fineness in _COARSER:
        is_long = np.array([len(one) > longest for one in data])
        if not is_long.any():
            break
        rows = is_long[curves.glyph]
        coarse = _data(curves.of(rows), outlines(curves.of(rows), fineness))
        data = [new or old for new, old in zip(coarse, data, strict=True)]
    return [
        _Ink(_path(one), "") if isnan(width) else _Ink("", _path(one, f' stroke-width="{_number(width)}"'))
        for one, width in zip(data, (UNITS * widths).tolist(), strict=True)
    ]


def _mixed(curves: Curves, varies: NDArray[np.bool]) -> Paths:
    """Return the outlines of the strokes (k,) whose width varies, and the centres of the others."""
    if varies.all():
        return outlines(curves)
    lines = centres(curves.of(~varies))
    lines = lines._replace(stroke=np.flatnonzero(~varies))
    ink = outlines(curves.of(varies))
    return ink._replace(stroke=np.flatnonzero(varies)[ink.stroke]).and_also(lines)


def _path(data: str, attributes: str = "") -> str:
    return f'<path{attributes} d="{data}"/>' if data else ""


def _data(curves: Curves, paths: Paths) -> list[str]:
    """Return the path data of each glyph, empty for one without ink."""
    found = [""] * curves.glyphs
    for glyph, data in zip(curves.glyph[paths.stroke].tolist(), path_data(paths), strict=True):
        found[glyph] += data
    return found


def _constant_widths(curves: Curves) -> Floats:
    """Return (glyphs,) the width of the pen in pixels, NaN where it varies by more than `CONSTANT`."""
    thinnest, thickest = np.full(curves.glyphs, np.inf), np.zeros(curves.glyphs)
    np.minimum.at(thinnest, curves.glyph, curves.radius.min(axis=1))
    np.maximum.at(thickest, curves.glyph, curves.radius.max(axis=1))
    return np.where(thickest - thinnest <= 2 * CONSTANT, thinnest + thickest, np.nan)


def _times(curves: Curves) -> NDArray[np.float64]:
    """Return (k, 2) when the pen begins each stroke, and how long it takes, in seconds."""
    steps = np.diff(curves.control, axis=1)
    takes = np.hypot(steps[..., 0], steps[..., 1]).sum(axis=1, dtype=float) / _SPEED
    ends = np.cumsum(takes + _PAUSE) - _PAUSE
    times = np.stack([ends - takes, takes], axis=1)
    times *= min(1, _LONGEST / ends[-1]) if ends.size else 1
    return times


def _written(curves: Curves, look: Look, times: NDArray[np.float64]) -> list[_Ink]:
    """Draw each stroke as a line that grows; where the pen's width varies, it is wide and clipped to the outline.

    Args:
        curves: The strokes.
        look: The look of the document.
        times: (k, 2) of these strokes, as of `_times`.
    """
    inks = [""] * curves.glyphs
    if not len(curves.glyph):
        return [_Ink("", "")] * curves.glyphs
    thinnest, thickest = curves.radius.min(axis=1), curves.radius.max(axis=1)
    varies = (thickest - thinnest > 2 * CONSTANT) & (not look.centre)
    widths = UNITS * np.where(varies, 2 * thickest + _WIDER, thinnest + thickest)
    clips = dict[int, str]()
    if varies.any():
        made = outlines(curves.of(varies))
        clips = dict(zip(np.flatnonzero(varies)[made.stroke].tolist(), path_data(made), strict=True))
    rows = zip(curves.glyph.tolist(), path_data(centres(curves)), widths.tolist(), times.tolist(), strict=True)
    for stroke, (glyph, line, width, (begins, takes)) in enumerate(rows):
        attributes = "" if look.centre else f' stroke-width="{_number(width)}"'
        if stroke in clips:
            outline = clips[stroke]
            name = f"g{crc32(outline.encode()):x}"  # the same name is the same outline, in all documents of a page
            inks[glyph] += f'<clipPath id="{name}">{_path(outline)}</clipPath>'
            attributes += f' clip-path="url(#{name})"'
        style = f"animation-delay:{_number(begins)}s;animation-duration:{_number(takes)}s"
        inks[glyph] += _path(line, f'{attributes} pathLength="1" style="{style}"')
    return [_Ink("", ink) for ink in inks]


def _selectable(words: Sequence[Word]) -> str:
    """Return the elements of text that is not seen but can be selected, one for each line."""
    if not words:
        return ""
    lines = []
    for y, line in groupby(words, key=attrgetter("y")):
        spans = [f'<tspan x="{word.x}" textLength="{word.width}">{_escaped(word.text)}</tspan>' for word in line]
        lines.append(f'<text y="{y}">{"".join(spans)}</text>')
    return f'<g fill-opacity="0" font-family="sans-serif" font-size="{_FONT_SIZE}">{"".join(lines)}</g>'


def _quoted(colour: Colour) -> str:
    digits = bytes(colour).hex()
    short = digits[::2]
    return f'"#{short if short == digits[1::2] else digits}"'


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".").removeprefix("0") or "0"


def _escaped(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))
