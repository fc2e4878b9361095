"""Drawings of a 2 in surroundings, made without randomness."""

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

# The strokes of a 2, in a box that is 1 high and 0.75 wide.
TWO = [(0.06, 0.25), (0.2, 0.05), (0.5, 0.03), (0.66, 0.2), (0.6, 0.45), (0.3, 0.75), (0.03, 1.0), (0.72, 0.97)]


def paper(height: int = 300, width: int = 300, level: int = 235) -> Pixels:
    """Return paper of one colour that is not clean white."""
    return np.full((height, width, 3), level, np.uint8)


def write(  # noqa: PLR0917 (a drawing)
    picture: Pixels,
    ink: tuple[int, int, int] | int = 30,
    top: int = 90,
    left: int = 110,
    height: int = 120,
    pen: int = 10,
    points: list[tuple[float, float]] | None = None,
) -> Pixels:
    """Write a 2, or other strokes, on a picture; return the picture."""
    line = np.rint([(left + x * height, top + y * height) for x, y in points or TWO]).astype(np.int32)
    colour = (ink,) * 3 if isinstance(ink, int) else ink
    cv2.polylines(picture, [line], False, colour, pen, cv2.LINE_AA)
    return picture


def alike(one: Pixels, other: Pixels) -> float:
    """Return the correlation of two glyphs."""
    return float(np.corrcoef(one.ravel().astype(float), other.ravel().astype(float))[0, 1])


def print_lines(  # noqa: PLR0917 (a drawing)
    picture: Pixels, text: str, left: int = 40, base: int = 90, height: int = 50, gap: int = 8, ink: int = 30
) -> Pixels:
    """Print separate characters on a picture, each line two and a half heights below the last; return the picture."""
    scale = height / 21
    thick = max(2, height // 12)
    for number, line in enumerate(text.split("\n")):
        x = left
        for character in line:
            if character == " ":
                x += height // 2
                continue
            cell = np.zeros((4 * height, 3 * height), np.uint8)
            place = (height, 2 * height)
            cv2.putText(cell, character, place, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)
            columns = np.flatnonzero(cell.max(axis=0))
            part = cell[:, columns[0] : columns[-1] + 1, None] / 255
            top = base + round(2.5 * height * number) - 2 * height
            rows = slice(max(top, 0), top + len(cell))
            part = part[rows.start - top :][: picture.shape[0] - rows.start]
            target = picture[rows, x : x + part.shape[1]]
            target[:] = np.rint(target + (ink - target.astype(float)) * part[:, : target.shape[1]]).astype(np.uint8)
            x += part.shape[1] + gap
    return picture
