"""Texts of a model that draws pen strokes."""

from dataclasses import dataclass

import numpy as np
from numpy import float32, int64, uint8
from numpy.typing import NDArray

from glyphvae.text.layout import Layout
from glyphvae.text.pen_metrics import sizes
from glyphvae.vectors.paths import Curves, placed
from glyphvae.vectors.raster import GLYPHS, add
from glyphvae.vectors.strokes import Numbers, Strokes, place, samples_at


@dataclass(frozen=True)
class StrokeText:
    """A text of glyphs that are strokes.

    Attributes:
        layout: The place of every glyph: the upper left corner of the picture that holds its ink.
        strokes: Of the n glyphs.
        cells: float32 (n, 2), x and y of the upper left corner of each glyph's cell, in glyph pixels.
        ends: int64 (n, 2), x and y of the lower right corner of each glyph's picture.
    """

    layout: Layout
    strokes: Strokes
    cells: NDArray[float32]
    ends: NDArray[int64]

    def curves(self) -> Curves:
        """Return its strokes in their places."""
        return placed(self.strokes, self.cells[:, 0], self.cells[:, 1], sizes(self.strokes))

    def draw(self, scale: int) -> NDArray[uint8]:
        """Paint it with `scale` image pixels per glyph pixel, as (height, width) of `layout.size(scale)`.

        Raises:
            Problem: As `checkpoint`.
        """
        width, height = self.layout.size(scale)
        picture = np.zeros((height, width), uint8)
        paint(picture, self.strokes, self.cells, scale)
        return picture

    def pictures(self, rows: slice) -> list[NDArray[uint8]]:
        """Paint some of its glyphs at scale 1, each in a picture of its own.

        Raises:
            Problem: As `checkpoint`.
        """
        starts = np.stack([self.layout.x, self.layout.y], axis=1)
        found = []
        for index in range(len(self.strokes))[rows]:
            width, height = self.ends[index] - starts[index]
            found.append(np.zeros((height, width), uint8))
            one = slice(index, index + 1)
            paint(found[-1], self.strokes[one], self.cells[one] - starts[index], 1)
        return found


def paint(picture: NDArray[uint8], strokes: Strokes, cells: Numbers, scale: float) -> None:
    """Paint glyphs into a picture (height, width) that may hold ink.

    Args:
        picture: Paper 0, ink 255.
        strokes: Of n glyphs.
        cells: (n, 2), x and y of the upper left corner of each glyph's cell, in glyph pixels of the picture.
        scale: Picture pixels per glyph pixel, more than 0.

    Raises:
        Problem: As `checkpoint`.
    """
    for start in range(0, len(strokes), GLYPHS):
        some = strokes[start : start + GLYPHS]
        x, y = (scale * cells[start : start + GLYPHS]).T
        # As many points for all, so that a glyph is the same by itself; no usual one is larger than twice the scale.
        add(picture, place(some, x, y, scale * sizes(some), samples_at(2 * scale)))
