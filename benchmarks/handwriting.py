"""Digits and other shapes to draw pictures with: real handwriting, fonts, polylines, and the pen of the service."""

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Coverage = NDArray[Any]  # (h, w) from 0 to 1
Points = NDArray[Any]  # (n, 2)
Rng = np.random.Generator

# Height in pixels of the masks that are scaled down to the size of a picture's digit.
HIGH = 256
# A source whose index is 0 modulo this is held out: no threshold of the service was chosen on it.
HELD_OUT = 3

# The digits as they are taught, in several forms: strokes of points (x, y) from 0 to 1, which are joined smoothly.
_FORMS: Mapping[str, tuple[tuple[tuple[tuple[float, float], ...], ...], ...]] = {
    "0": ((((0.5, 0), (0.12, 0.22), (0.05, 0.6), (0.4, 1), (0.85, 0.75), (0.92, 0.3), (0.5, 0)),),),
    "1": ((((0.45, 0), (0.48, 0.5), (0.45, 1)),), (((0.25, 0.2), (0.5, 0), (0.5, 0), (0.5, 0.5), (0.5, 1)),)),
    "2": (
        (((0.08, 0.28), (0.3, 0.02), (0.75, 0.05), (0.85, 0.35), (0.5, 0.7), (0.05, 1), (0.05, 1), (0.95, 0.97)),),
        (((0.1, 0.2), (0.5, 0), (0.88, 0.25), (0.6, 0.65), (0.1, 0.98), (0.1, 0.98), (0.5, 0.98), (0.92, 1)),),
    ),
    "3": (
        (((0.1, 0.1), (0.6, 0), (0.8, 0.2), (0.35, 0.46), (0.35, 0.47), (0.9, 0.68), (0.6, 0.98), (0.08, 0.9)),),
        (((0.1, 0.15), (0.5, 0), (0.82, 0.22), (0.4, 0.46), (0.4, 0.46), (0.88, 0.75), (0.5, 1), (0.05, 0.82)),),
    ),
    "4": (
        (((0.3, 0), (0.05, 0.6), (0.05, 0.6), (0.95, 0.58)), ((0.65, 0.3), (0.62, 1))),
        (((0.15, 0), (0.1, 0.5), (0.1, 0.5), (0.8, 0.5)), ((0.75, 0.05), (0.7, 0.5), (0.72, 1))),
    ),
    "5": (
        (
            ((0.2, 0.03), (0.17, 0.42), (0.17, 0.42), (0.75, 0.5), (0.8, 0.85), (0.4, 1), (0.05, 0.9)),
            ((0.2, 0.03), (0.85, 0)),
        ),
        (((0.85, 0.02), (0.25, 0.03), (0.25, 0.03), (0.2, 0.42), (0.2, 0.42), (0.8, 0.5), (0.75, 0.9), (0.1, 0.95)),),
    ),
    "6": ((((0.7, 0), (0.25, 0.35), (0.1, 0.75), (0.45, 1), (0.85, 0.78), (0.5, 0.55), (0.15, 0.75)),),),
    "7": (
        (((0.05, 0.03), (0.92, 0), (0.92, 0), (0.5, 0.5), (0.35, 1)),),
        (((0.05, 0.03), (0.92, 0), (0.92, 0), (0.55, 0.5), (0.4, 1)), ((0.3, 0.5), (0.8, 0.48))),
    ),
    "8": ((((0.8, 0.12), (0.4, 0), (0.2, 0.25), (0.75, 0.65), (0.6, 0.98), (0.15, 0.8), (0.55, 0.45), (0.8, 0.12)),),),
    "9": (
        (((0.85, 0.2), (0.4, 0), (0.1, 0.3), (0.5, 0.52), (0.85, 0.2), (0.85, 0.2), (0.8, 0.6), (0.72, 1)),),
        (((0.82, 0.15), (0.3, 0.05), (0.15, 0.4), (0.65, 0.42), (0.82, 0.12), (0.85, 0.55), (0.6, 0.95), (0.2, 0.95)),),
    ),
}


@dataclass(frozen=True)
class Glyph:
    """A character to draw: lines of a pen, or a mask.

    Attributes:
        character: What it shows.
        lines: Polylines (n, 2) in a box that is 1 high, None of a mask.
        mask: (HIGH, w) from 0 to 1, None of lines.
    """

    character: str
    lines: tuple[Points, ...] | None = None
    mask: Coverage | None = None

    @property
    def aspect(self) -> float:
        """Width over height."""
        if self.mask is not None:
            return float(self.mask.shape[1] / self.mask.shape[0])
        return float(max(line[:, 0].max() for line in self.lines or ()))

    def drawn(self, height: float, pen: float, angle: float = 0, stroke: float = 0) -> Coverage:
        """Draw it.

        Args:
            height: Of the character, in pixels.
            pen: Width of the pen in pixels, for lines.
            angle: Degrees that it is turned by, anticlockwise.
            stroke: Pixels by which a mask is widened.

        Returns:
            (h, w) from 0 to 1, as tight as the character is.
        """
        if self.lines is not None:
            return cropped(_stroked(self.lines, height, pen, angle))
        mask = self.mask if self.mask is not None else np.zeros((HIGH, 1), np.float32)
        if stroke > 0:
            side = 2 * round(stroke * HIGH / height / 2) + 1
            mask = cv2.dilate(np.pad(mask, side), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
        if angle:
            side = 2 * max(mask.shape)
            matrix = cv2.getRotationMatrix2D((mask.shape[1] / 2, mask.shape[0] / 2), angle, 1)
            matrix[:, 2] += [(side - mask.shape[1]) / 2, (side - mask.shape[0]) / 2]
            mask = cv2.warpAffine(mask, matrix, (side, side))
        scale = height / HIGH
        size = max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        return cropped(np.clip(cv2.resize(mask, size, interpolation=how), 0, 1).astype(np.float32))


def _stroked(lines: tuple[Points, ...], height: float, pen: float, angle: float) -> Coverage:
    turn = np.deg2rad(-angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    placed = [line @ rotation.T * height for line in lines]
    low = np.min([line.min(axis=0) for line in placed], axis=0) - pen - 2
    size = np.max([line.max(axis=0) for line in placed], axis=0) - low + pen + 2
    more = 4 if height < 300 else 2
    field = np.zeros((int(size[1] * more) + 1, int(size[0] * more) + 1), np.uint8)
    for line in placed:
        points = np.rint((line - low) * more * 16).astype(np.int32)
        cv2.polylines(field, [points], False, 255, max(1, round(pen * more)), cv2.LINE_AA, 4)
    size_ = -(-field.shape[1] // more), -(-field.shape[0] // more)
    reduced = cv2.resize(field, size_, interpolation=cv2.INTER_AREA)
    return (reduced / 255).astype(np.float32)


def cropped(mask: Coverage) -> Coverage:
    """Cut off the paper around ink."""
    return mask[inked(mask)]


def inked(mask: Coverage) -> tuple[slice, slice]:
    """Return the rows and columns from the first to the last that has ink."""
    rows, columns = np.flatnonzero(mask.max(axis=1) > 0.2), np.flatnonzero(mask.max(axis=0) > 0.2)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


Source = Callable[[Rng, str], Glyph]


def polylines(rng: Rng, character: str) -> Glyph:
    """Draw a digit by hand: the form as it is taught, with points moved, slanted and joined smoothly."""
    form = chosen_by(rng, _FORMS[character])
    aspect, slant = rng.uniform(0.5, 0.8), rng.normal(0, 0.12)
    lines = []
    shift: dict[tuple[float, float], Points] = {}
    for stroke in form:
        points = np.array([np.array(one) + shift.setdefault(one, rng.normal(0, 0.025, 2)) for one in stroke])
        lines.append(_smooth(points))
    for line in lines:
        line[:, 0] = line[:, 0] * aspect - slant * line[:, 1]
    low = np.min([line.min(axis=0) for line in lines], axis=0)
    high = np.max([line.max(axis=0) for line in lines], axis=0)
    return Glyph(character, tuple((line - low) / (high[1] - low[1]) for line in lines))


def _smooth(points: Points) -> Points:
    """Join points by Catmull-Rom curves; a point that is there twice is a corner."""
    ends = np.concatenate([points[:1], points, points[-1:]])
    t = np.linspace(0, 1, 12, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        if not np.array_equal(b, c):
            # At a corner the tangent is along the one side.
            a, d = (b if np.array_equal(a, b) else a), (c if np.array_equal(c, d) else d)  # noqa: PLW2901
            pieces.append(
                0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
            )
    return np.concatenate([*pieces, points[-1:]])


def font(path: Path) -> Source:
    """Return a source of the characters of a font."""
    face = ImageFont.truetype(str(path), 2 * HIGH)

    def draw(_: Rng, character: str) -> Glyph:
        left, top, right, bottom = face.getbbox(character)
        image = Image.new("L", (int(right - left) + 8, int(bottom - top) + 8))
        ImageDraw.Draw(image).text((4 - left, 4 - top), character, fill=255, font=face)
        return Glyph(character, mask=_high(np.asarray(image)))

    return draw


def _high(image: NDArray[np.uint8]) -> Coverage:
    mask = cropped((image / 255).astype(np.float32))
    width = max(1, round(mask.shape[1] * HIGH / mask.shape[0]))
    return np.clip(cv2.resize(mask, (width, HIGH), interpolation=cv2.INTER_AREA), 0, 1).astype(np.float32)


def chosen_by(rng: Rng, among: Sequence[Any]) -> Any:  # noqa: ANN401 (of any kind)
    """Return one of several, at random."""
    return among[int(rng.integers(len(among)))]


def mnist(folder: Path, part: str) -> Source:
    """Return a source of real digits: MNIST's, enlarged until their pixels cannot be seen."""
    with gzip.open(folder / f"{part}-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)

    def draw(rng: Rng, character: str) -> Glyph:
        image = images[rng.choice(np.flatnonzero(labels == int(character)))]
        return Glyph(character, mask=enlarged(image))

    return draw


def enlarged(image: NDArray[np.uint8], level: float = 110) -> Coverage:
    """Return the mask (HIGH, w) of a character of 28x28 pixels, see `sharpened`."""
    return _high((sharpened(image, level) * 255).astype(np.uint8))


def sharpened(image: NDArray[np.uint8], level: float = 110) -> Coverage:
    """Enlarge a character of 28x28 pixels until its pixels cannot be seen; its ink begins at a level."""
    large = cv2.resize(image.astype(np.float32), None, fx=16, fy=16, interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip((cv2.GaussianBlur(large, (0, 0), 5) - level) / 24 + 0.5, 0, 1), np.float32)


def written(writer: Any, seed: int) -> Source:  # noqa: ANN401 (`glyphvae.Writer`, which is imported late)
    """Return a source of digits that the service writes, in many hands."""

    def draw(rng: Rng, character: str) -> Glyph:
        chosen = seed + int(rng.integers(1 << 20))
        picture = writer.generate_picture(
            character, seed=chosen, scale=10, ink="white", paper="black", temperature=0.8, format="png"
        )
        return Glyph(character, mask=_high(np.asarray(picture.image.convert("L"))))

    return draw


def sources(data: Path, *, held_out: bool) -> list[Source]:
    """Return where digits come from: polylines, the service's pen, MNIST, and fonts if there are any.

    Args:
        data: Folder with `mnist`, and with `fonts` or without.
        held_out: Whether to use only those that nothing was tuned on.
    """
    from glyphvae.writer import Writer  # noqa: PLC0415 (loads the models)

    real = mnist(data / "mnist", "t10k" if held_out else "train")
    found = [polylines, real, written(Writer(), 1 << 20 if held_out else 0)]
    fonts = sorted((data / "fonts").glob("*.woff2"))
    chosen = [path for number, path in enumerate(fonts) if (number % HELD_OUT == 0) == held_out]
    if chosen:
        found.append(lambda rng, character: font(chosen_by(rng, chosen))(rng, character))
    return found
