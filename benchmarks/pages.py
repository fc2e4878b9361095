"""Pages of several lines, composed of characters with the spacing and sizes of fonts, read by `POST /read`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from benchmarks.handwriting import Coverage, Glyph, Rng, chosen_by, cropped, enlarged
from benchmarks.scenes import KINDS, Scene, png
from glyphvae_training.measures.measure import SAME_SHAPE

Images = Mapping[str, NDArray[np.uint8]]  # (n, 28, 28) of each character
Box = tuple[float, float, float, float]

# Pixels of a capital in a block, before it is scaled to a picture, and the fewest that it is scaled to.
CAP, LEAST_CAP = 64, 32
# Lines of a block, and cap heights from one baseline to the next.
_LINES, _PITCH = (3, 5), (1.8, 2.3)
# Least distance of the ink of two characters, in cap heights: what touches is not read.
_APART = 0.1
# Words that together have all letters.
_WORDS = (
    "the quick brown fox jumps over a lazy dog pack my box with five dozen liquor jugs sphinx of black quartz judge vow"
)
# A picture has sides this many times as long as that of a single character, and of at least so many pixels.
_LARGER, _LEAST_SIDES = 2, (1200, 2000)
# A box of a form has room for a character that is this wide, in shares of its height.
_AS_WIDE = 0.6
# The width of a block, of the shorter side of its picture.
_WIDEST = 0.9
# The kind that has no room for a line is a plain drawing with the smallest capitals.
_NATIVE = "native 28x28"
MERGED = {character: group[0] for group in SAME_SHAPE for character in group}


@dataclass(frozen=True)
class Placed:
    """A character of a block.

    Attributes:
        character: What it shows.
        image: (28, 28) as it was in the data.
        outline: (n, 2) x and y of the convex hull of its ink.
    """

    character: str
    image: NDArray[np.uint8]
    outline: NDArray[np.float64]


@dataclass(frozen=True)
class Block(Glyph):
    """Lines of characters, to be placed as one.

    Attributes:
        placed: The characters of each line.
        text: What they say.
        drawings: The matrix of each drawing, from the block to what was drawn.
    """

    placed: Sequence[Sequence[Placed]] = ()
    text: str = ""
    drawings: list[NDArray[np.float64]] = field(default_factory=list)

    def drawn(self, height: float, pen: float, angle: float = 0, stroke: float = 0) -> Coverage:  # noqa: ARG002
        """Draw it in `height` pixels, or in as many as its smallest capitals need."""
        mask = self.mask
        assert mask is not None  # noqa: S101 (a block has one)
        scale = max(height / mask.shape[0], LEAST_CAP / CAP)
        high, wide = mask.shape
        turn = cv2.getRotationMatrix2D((wide / 2, high / 2), angle, scale)
        corners = np.array([[0, wide, wide, 0], [0, 0, high, high], [1, 1, 1, 1]]) * 1.0
        around = turn @ corners
        turn[:, 2] -= around.min(axis=1)
        size = np.ceil(np.ptp(around, axis=1)).astype(int) + 1
        # Smoothed first, because warping takes no mean of the pixels that it skips.
        smooth = cv2.GaussianBlur(mask, (0, 0), 0.35 / scale) if scale < 1 else mask
        drawn = np.clip(cv2.warpAffine(smooth, turn, size.tolist(), flags=cv2.INTER_LINEAR), 0, 1)
        rows, columns = np.flatnonzero(drawn.max(axis=1) > 0.2), np.flatnonzero(drawn.max(axis=0) > 0.2)
        turn[:, 2] -= columns[0], rows[0]
        self.drawings.append(np.vstack([turn, [0, 0, 1]]))
        return drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]

    def boxes(self, matrix: NDArray[np.float64]) -> list[Box]:
        """Return the box of each character in a picture, whose matrix leads from what was drawn last to it."""
        return [_box_of(one.outline, matrix @ self.drawings[-1]) for line in self.placed for one in line]


def _box_of(outline: NDArray[np.float64], matrix: NDArray[np.float64]) -> Box:
    points = np.column_stack([outline, np.ones(len(outline))]) @ matrix.T
    x, y = (points[:, :2] / points[:, 2:]).T
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


class Page(Scene):
    """A scene with room for lines."""

    def size(self, low: int = 240, high: int = 640) -> tuple[int, int]:
        """Return the height and width of a picture."""
        return super().size(max(_LARGER * low, _LEAST_SIDES[0]), max(_LARGER * high, _LEAST_SIDES[1]))

    def side(self, low: int, high: int) -> int:  # noqa: ARG002 (of a single character)
        """Return the side of a square picture."""
        return super().side(_LEAST_SIDES[0], max(_LARGER * high, _LEAST_SIDES[1]))

    def place(
        self,
        size: tuple[int, int],
        share: tuple[float, float] = (0.35, 0.62),
        pen: tuple[float, float] = (0.035, 0.09),
        angle: float | None = None,
        spread: float = 0.06,
    ) -> Coverage:
        """Draw the block, which is wider than a character where one fills a box."""
        room = min(1.0, (_AS_WIDE if spread == 0 else _WIDEST / share[1]) / self.glyph.aspect)
        return super().place(size, (room * share[0], room * share[1]), pen, angle, spread)


class Font:
    """The sizes and the spacing of a font's characters, in cap heights."""

    def __init__(self, path: Path) -> None:
        self._face = ImageFont.truetype(str(path), 200)
        _, top, _, _ = self._face.getbbox("H", anchor="ls")
        self._cap = -top

    def box(self, character: str) -> tuple[float, float, float, float, float]:
        """Return left, top, right and bottom of a character, from its origin on the baseline down, and its advance."""
        left, top, right, bottom = (value / self._cap for value in self._face.getbbox(character, anchor="ls"))
        return left, top, right, bottom, self._face.getlength(character) / self._cap


def words(rng: Rng, count: int) -> list[str]:
    """Draw words: small, capitalised, all capitals, or a number."""
    drawn = []
    for _ in range(count):
        kind = rng.random()
        word = str(chosen_by(rng, _WORDS.split()))
        number = str(rng.integers(10 ** int(rng.integers(1, 5))))
        drawn.append(word if kind < 0.45 else word.title() if kind < 0.65 else word.upper() if kind < 0.8 else number)
    return drawn


def compose(rng: Rng, images: Images, font: Font) -> Block:
    """Compose a block, about as wide as high, of characters at random and with the sizes of a font."""
    pitch, count = rng.uniform(*_PITCH), int(rng.integers(_LINES[0], _LINES[1] + 1))
    width = rng.uniform(0.9, 1.25) * count * pitch * CAP
    lines: list[list[Placed]] = []
    texts: list[str] = []
    field_ = np.zeros((round((count + 1.5) * pitch * CAP), round(width) + 4 * CAP), np.float32)
    for row in range(count):
        line: list[Placed] = []
        text, x = "", 0.0
        for word in words(rng, 40):
            advance = sum(font.box(character)[4] for character in word) * CAP
            if text and x + advance > width:
                break
            for character in word:
                x = _write(field_, line, rng, images, font, character, x, (row + 1.2) * pitch * CAP)
            text += f" {word}" if text else word
            x += max(font.box(" ")[4], 0.3) * CAP
        lines.append(line)
        texts.append(text)
    rows, columns = np.flatnonzero(field_.max(axis=1) > 0.2), np.flatnonzero(field_.max(axis=0) > 0.2)
    top, left = int(rows[0]), int(columns[0])
    mask = field_[top : rows[-1] + 1, left : columns[-1] + 1]
    moved = [[Placed(one.character, one.image, one.outline - (left, top)) for one in line] for line in lines]
    return Block("", mask=mask, placed=moved, text="\n".join(texts))


def _write(  # noqa: PLR0917 (a character has as many facts)
    page: Coverage, line: list[Placed], rng: Rng, images: Images, font: Font, character: str, x: float, base: float
) -> float:
    """Write a character at `x` on a baseline, and return the place of the next one."""
    image = images[character][int(rng.integers(len(images[character])))]
    left, top, right, bottom, advance = font.box(character)
    shape = cropped(enlarged(image))
    height = max(4, round((bottom - top) * CAP))
    size = max(2, round(height * shape.shape[1] / shape.shape[0])), height
    ink = cropped(cv2.resize(shape, size, interpolation=cv2.INTER_AREA))
    y, column = round(base + top * CAP), round(x + left * CAP) + CAP
    around = np.ones((2 * round(_APART * CAP) + 1,) * 2, np.uint8)
    wide = cv2.dilate((page > 0.2).astype(np.uint8), around)
    part = slice(y, y + ink.shape[0])
    while (wide[part, column : column + ink.shape[1]] * (ink > 0.2)).any():
        column += 1
    page[part, column : column + ink.shape[1]] = np.maximum(page[part, column : column + ink.shape[1]], ink)
    points = np.argwhere(ink > 0.5)[:, ::-1].astype(np.int32)
    hull = cv2.convexHull(points).reshape(-1, 2).astype(np.float64)
    # The pixels on the edges are whole.
    hull = np.concatenate([hull + corner for corner in ((0, 0), (1, 0), (0, 1), (1, 1))]) + np.array([column, y])
    line.append(Placed(character, image, hull))
    return float(column - CAP + ink.shape[1] + (advance - right) * CAP)


def draw(kind: str, rng: Rng, block: Block, *, held_out: bool) -> tuple[bytes, list[Box]]:
    """Return a picture of a block, and where its characters are in it."""
    scene = Page(rng, block, held_out)
    if kind == _NATIVE:
        return png(255 * scene.padded(block.drawn(1, 1), 8, 8, 8, 8)), block.boxes(scene.matrix)
    content = KINDS[kind](scene)
    return content, block.boxes(scene.matrix)
