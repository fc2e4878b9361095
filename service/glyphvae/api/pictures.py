"""Pictures as responses: their colours, their limit and their encoding."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from glyphvae.api.parameters import PictureParameters, value_of
from glyphvae.errors import InvalidParameter
from glyphvae.formats import gif, grid, png, svg
from glyphvae.formats.colours import parse_ink, parse_paper
from glyphvae.formats.npy import npy_bytes
from glyphvae.formats.registry import GIF, NPY, PICTURES, SVG, VECTORS
from glyphvae.models.registry import Pixels
from glyphvae.scheduling.cost import Cost, drawing, painting, together, tracing
from glyphvae.scheduling.steps import Offload, Program
from glyphvae.settings import Settings
from glyphvae.vectors.paths import Curves, placed
from glyphvae.vectors.raster import paint_grid
from glyphvae.vectors.strokes import SIDE, Numbers, Strokes

# Decoded glyphs: pixels (n, 28, 28), or strokes where a picture is painted from these.
Glyphs = Pixels | Strokes


@dataclass(frozen=True)
class Style(svg.Look):
    """The look of a picture; what pixels cannot show is for SVG only."""

    @classmethod
    def parse(cls, where: str, asked: PictureParameters) -> "Style":
        """Return the style that a request's parameters ask for.

        Args:
            where: Where they stood, `query` or `body`.
            asked: The parameters.

        Raises:
            InvalidParameter: A colour is none.
        """
        ink = value_of(f"{where}.ink", parse_ink, asked.ink)
        paper = value_of(f"{where}.paper", parse_paper, asked.paper)
        return cls(asked.scale, ink, paper, asked.strokes == "centre", asked.animate)

    def check(self, where: str, media: str) -> None:
        """Check that a media type can show this look.

        Raises:
            InvalidParameter: It cannot.
        """
        for name, is_asked in (("strokes", self.centre), ("animate", self.animate)):
            if is_asked and media != SVG:
                raise InvalidParameter.of(f"{where}.{name}", f"the response is {media}", f"{SVG} only; see `Accept`")


@dataclass(frozen=True)
class Canvas:
    """A picture before it is drawn; made by `plan`, the only place that holds a picture against the limit.

    Attributes:
        width: Pixels across.
        height: Pixels down.
        style: Its look.
        media: The media type that it is sent as.
        painted: Glyphs that are made from their strokes; 0 where pixels are enlarged.
    """

    width: int
    height: int
    style: Style
    media: str
    painted: int = 0

    @classmethod
    def plan(  # noqa: PLR0917 (a picture has as many facts)
        cls, field: str, width: int, height: int, style: Style, media: str, settings: Settings, painted: int = 0
    ) -> "Canvas":
        """Return the canvas for a picture.

        Args:
            field: The parameter that an error names.
            width: Glyph pixels across.
            height: Glyph pixels down.
            style: The look of the picture.
            media: The media type that it is sent as.
            settings: Holds the limit.
            painted: Glyphs that are made from their strokes.

        Raises:
            InvalidParameter: It has more pixels than are allowed, which SVG and PDF have none of, or drawing it would
                take more memory.
        """
        canvas = cls(width * style.scale, height * style.scale, style, media, painted)
        wanted = f"the picture would have {canvas.width}×{canvas.height} pixels"
        less = f"a smaller {field.rpartition('.')[2]}, or less to show"
        if canvas.pixels > settings.max_output_pixels and media not in VECTORS:
            raise InvalidParameter.of(field, wanted, f"at most {settings.max_output_pixels} pixels; {less}")
        if canvas.cost.held > settings.max_held_bytes:
            detail = f"{wanted}, and drawing it as {media} would take {canvas.cost.held} bytes of memory"
            raise InvalidParameter.of(field, detail, f"at most {settings.max_held_bytes}; {less}")
        return canvas

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.width * self.height

    @property
    def cost(self) -> Cost:
        """The cost of drawing and encoding it."""
        return self._cost(1)

    def _cost(self, frames: int) -> Cost:
        if self.media in VECTORS:
            return tracing(self.painted)
        return together(drawing(self.media, self.pixels, frames), painting(self.painted))

    def encode(self, pixels: NDArray[uint8]) -> bytes:
        """Encode the drawn picture, (height, width) with paper 0 and ink 255."""
        if self.media == NPY:
            return npy_bytes(pixels)
        return PICTURES[self.media](pixels, self.style.ink, self.style.paper)

    def draw(self, draw: Callable[[], NDArray[uint8]]) -> Program[bytes]:
        """Draw and encode, in a thread where the picture is large."""
        content: bytes = yield Offload(self.cost, lambda: self.encode(draw()))
        return content

    def trace(
        self, curves: Callable[[], Curves], title: str, words: Callable[[], Sequence[svg.Word]] = list
    ) -> Program[bytes]:
        """Make an SVG of strokes, and of words that can be selected, in a thread where there are many."""
        content: bytes = yield Offload(self.cost, lambda: svg.document(self._frame(title), curves(), words()))
        return content

    def _frame(self, title: str) -> svg.Frame:
        scale = self.style.scale
        return svg.Frame(self.width // scale, self.height // scale, self.style, title)

    def each(self, title: str) -> Callable[[Glyphs], Sequence[bytes]]:
        """Return a function that makes a picture of each of some glyphs, as PNG or as SVG without animation."""
        if self.media == SVG:
            document = self._frame(title)
            return lambda glyphs: document.around_each(_cells(glyphs, np.zeros(len(glyphs)), 1))
        style = self.style
        frame = png.frame(self.height, self.width, style.ink, style.paper)
        return lambda glyphs: frame.around_each(np.stack([*_frames(glyphs, style.scale)]))

    def draw_glyphs(self, glyphs: Glyphs, rows: int, columns: int, title: str) -> Program[bytes]:
        """Draw glyphs: a single one, several in a grid, or as an animation where that is asked for."""
        style = self.style
        if self.media == SVG:
            return (yield from self.trace(partial(_cells, glyphs, np.arange(len(glyphs)), columns), title))
        if self.media == GIF:
            side = SIDE * style.scale
            arguments = (_frames(glyphs, style.scale), side, side, style.ink, style.paper)
            content: bytes = yield Offload(self._cost(len(glyphs)), gif.animate, arguments)
            return content
        return (yield from self.draw(partial(drawn, glyphs, rows, columns, style.scale)))


def plan_grid(  # noqa: PLR0917 (as there)
    field: str, rows: int, columns: int, style: Style, media: str, settings: Settings, *, strokes: bool = False
) -> Canvas:
    """Return the canvas for a grid of glyphs.

    Args:
        field: See `Canvas.plan`, as for what follows and for what is raised.
        rows: Rows of the grid.
        columns: Columns of the grid.
        style: The look of the picture.
        media: The media type that it is sent as.
        settings: Holds the limit.
        strokes: Whether the model draws strokes. At scale 1 its pixels are used, as they take less time, but for SVG.
    """
    painted = rows * columns if strokes and (style.scale > 1 or media == SVG) else 0
    return Canvas.plan(field, columns * SIDE, rows * SIDE, style, media, settings, painted)


def drawn(glyphs: Glyphs, rows: int, columns: int, scale: int) -> NDArray[uint8]:
    """Draw glyphs in a grid, row by row: (28 scale rows, 28 scale columns), paper 0, ink 255."""
    if isinstance(glyphs, Strokes):
        return paint_grid(glyphs, rows, columns, scale)
    whole = glyphs[0] if len(glyphs) == 1 else grid.compose(glyphs, rows, columns)
    return grid.upscale(whole, scale)


def _cells(glyphs: Glyphs, cells: Numbers, columns: int) -> Curves:
    """Return the strokes of glyphs in some cells of a grid, counted row by row."""
    assert isinstance(glyphs, Strokes)  # noqa: S101 (SVG is made of them)
    return placed(glyphs, cells % columns * SIDE, cells // columns * SIDE, np.ones(len(glyphs)))


def _frames(glyphs: Glyphs, scale: int) -> Iterator[NDArray[uint8]]:
    """Draw one glyph after the other."""
    return (drawn(glyphs[index : index + 1], 1, 1, scale) for index in range(len(glyphs)))
