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
        for start in range(0, len(self.strokes), GLYPHS):
            self._add(picture, slice(start, start + GLYPHS), scale, np.zeros(2))
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
            self._add(found[-1], slice(index, index + 1), 1, starts[index])
        return found

    def _add(self, picture: NDArray[uint8], rows: slice, scale: int, corner: Numbers) -> None:
        """Paint some glyphs into a picture whose upper left corner is at `corner` of the text."""
        some = self.strokes[rows]
        x, y = (scale * (self.cells[rows] - corner)).T
        # As many points for all, so that a glyph is the same by itself; no usual one is larger than twice the scale.
        add(picture, place(some, x, y, scale * sizes(some), samples_at(2 * scale)))
