"""Pictures as responses: their colours, their limit and their encoding."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from numpy import uint8
from numpy.typing import NDArray

from glyphvae.api.parameters import value_of
from glyphvae.errors import InvalidParameter
from glyphvae.formats import gif, grid
from glyphvae.formats.colours import Colour, parse_ink, parse_paper
from glyphvae.formats.npy import npy_bytes
from glyphvae.formats.registry import GIF, NPY, PICTURES
from glyphvae.models.registry import Pixels
from glyphvae.scheduling.cost import Cost, drawing, painting, together
from glyphvae.scheduling.steps import Offload, Program
from glyphvae.settings import Settings
from glyphvae.vectors.raster import paint_grid
from glyphvae.vectors.strokes import SIDE, Strokes

# Decoded glyphs: pixels (n, 28, 28), or strokes where a picture is painted from these.
Glyphs = Pixels | Strokes


@dataclass(frozen=True)
class Style:
    """The look of a picture.

    Attributes:
        scale: Picture pixels per glyph pixel.
        ink: Colour of the ink.
        paper: Colour of the paper, None where transparent.
    """

    scale: int
    ink: Colour
    paper: Colour | None

    @classmethod
    def parse(cls, where: str, scale: int, ink: str, paper: str) -> "Style":
        """Return the style that a request's parameters ask for.

        Args:
            where: Where they stood, `query` or `body`.
            scale: Picture pixels per glyph pixel.
            ink: A colour in words.
            paper: A colour in words, or `transparent`.

        Raises:
            InvalidParameter: A colour is none.
        """
        return cls(scale, value_of(f"{where}.ink", parse_ink, ink), value_of(f"{where}.paper", parse_paper, paper))


@dataclass(frozen=True)
class Canvas:
    """A picture before it is drawn; made by `plan`, the only place that holds a picture against the limit.

    Attributes:
        width: Pixels across.
        height: Pixels down.
        style: Its look.
        media: The media type that it is sent as.
        painted: Glyphs that are painted from their strokes; 0 where pixels are enlarged.
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
            painted: Glyphs that are painted from their strokes.

        Raises:
            InvalidParameter: It has more pixels than are allowed, or drawing it would take more memory.
        """
        canvas = cls(width * style.scale, height * style.scale, style, media, painted)
        wanted = f"the picture would have {canvas.width}×{canvas.height} pixels"
        less = "a smaller scale, or less to show"
        if canvas.pixels > settings.max_output_pixels:
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

    def draw_glyphs(self, glyphs: Glyphs, rows: int, columns: int) -> Program[bytes]:
        """Draw glyphs: a single one, several in a grid, or as an animation where that is asked for."""
        style = self.style
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
        strokes: Whether the model draws strokes. At scale 1 its pixels are used, as they take less time.
    """
    painted = rows * columns if strokes and style.scale > 1 else 0
    return Canvas.plan(field, columns * SIDE, rows * SIDE, style, media, settings, painted)


def drawn(glyphs: Glyphs, rows: int, columns: int, scale: int) -> NDArray[uint8]:
    """Draw glyphs in a grid, row by row: (28 scale rows, 28 scale columns), paper 0, ink 255."""
    if isinstance(glyphs, Strokes):
        return paint_grid(glyphs, rows, columns, scale)
    whole = glyphs[0] if len(glyphs) == 1 else grid.compose(glyphs, rows, columns)
    return grid.upscale(whole, scale)


def _frames(glyphs: Glyphs, scale: int) -> Iterator[NDArray[uint8]]:
    """Draw one glyph after the other."""
    return (drawn(glyphs[index : index + 1], 1, 1, scale) for index in range(len(glyphs)))
