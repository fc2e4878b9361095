"""Where the glyphs of a text go, apart from how they are drawn.

The unit is the glyph pixel: a cell is 28x28 of them and a capital is nominally 20 high.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from numpy import int64, uint8
from numpy.typing import NDArray

from service.script import Script

Alignment = Literal["left", "centre", "right", "justify"]


class LayoutError(ValueError):
    """The text cannot be set like that; the message says what can."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How text is set; lengths in glyph pixels.

    Attributes:
        width: Width of the picture, margins included, to which lines are wrapped; None for as wide as the text.
        align: Where lines shorter than the widest go.
        letter_gap: Paper between the ink of two letters.
        word_space: Width of a space, between the ink of two words.
        line_height: Distance of two baselines.
        margin: Paper around the text.
    """

    width: int | None = None
    align: Alignment = "left"
    letter_gap: int = 3
    word_space: int = 12
    line_height: int = 32
    margin: int = 8


@dataclass(frozen=True)
class Layout:
    """The place of every glyph.

    Attributes:
        width: Width of the picture in glyph pixels.
        height: Height of the picture in glyph pixels.
        x: (n,) left edge of each glyph's 28x28 cell; cells may overlap and reach over the picture's edge.
        y: (n,) upper edge of each glyph's cell.
        line: (n,) index of each glyph's line.
        baselines: (lines,) the row on which each line's ink stands: the first row below it.
    """

    width: int
    height: int
    x: NDArray[int64]
    y: NDArray[int64]
    line: NDArray[int64]
    baselines: NDArray[int64]

    def size(self, scale: int) -> tuple[int, int]:
        """(width, height) in pixels of the picture drawn at `scale`."""
        return self.width * scale, self.height * scale


def layout(script: Script, pixels: NDArray[uint8], labels: Sequence[str], setting: Setting) -> Layout:
    """Sets `script` with the glyphs `pixels`.

    Args:
        script: What is written.
        pixels: (n, 28, 28), one image for each of `script.labels`.
        labels: The model's labels.
        setting: How it is set.

    Raises:
        LayoutError: `setting.width` leaves no room for a single glyph.
    """
    raise NotImplementedError
