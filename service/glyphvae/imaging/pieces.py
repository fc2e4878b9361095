"""Connected pieces of ink, and which of them are the character."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy import uint8
from numpy.typing import NDArray

Mask = NDArray[Any]  # uint8; OpenCV's annotations know no types of pixels
Numbers = NDArray[Any]  # int32
Box = tuple[int, int, int, int]

# Smaller pieces are noise, in pixels.
LEAST_AREA = 6


@dataclass(frozen=True)
class Piece:
    """A connected piece of ink.

    Attributes:
        number: Its number in the picture of numbers.
        box: Left, top, right and bottom, both exclusive.
        area: Pixels.
        ink: Sum of grey levels.
        strength: The level of its strongest ink.
        width: Width of its strokes in pixels: of the widest circle in it.
        borders: Number of sides of the picture that it touches.
    """

    number: int
    box: Box
    area: int
    ink: float
    strength: float
    width: float
    borders: int

    @property
    def size(self) -> int:
        """The longer side of its box."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)

    @property
    def fill(self) -> float:
        """The share of its box that it fills."""
        left, top, right, bottom = self.box
        return self.area / ((right - left) * (bottom - top))


def find_pieces(mask: Mask, ink: NDArray[uint8]) -> tuple[Numbers, list[Piece]]:
    """Return the number of the piece that each pixel (h, w) belongs to, 0 for paper, and the pieces."""
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    far = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    whole = [number for number in range(1, count) if stats[number, cv2.CC_STAT_AREA] >= LEAST_AREA]
    return numbers, [piece_of(number, stats[number], numbers, ink, far) for number in whole]


def piece_of(number: int, stats: Numbers, numbers: Numbers, ink: NDArray[uint8], far: NDArray[Any]) -> Piece:
    """Measure a piece.

    Args:
        number: Its number.
        stats: (5,) left, top, width, height and area.
        numbers: (h, w) the number of the piece that each pixel belongs to.
        ink: (h, w).
        far: (h, w) distance of each pixel to paper.
    """
    left, top, wide, high, area = (int(value) for value in stats)
    height, width = numbers.shape
    rows, columns = slice(top, top + high), slice(left, left + wide)
    own = numbers[rows, columns] == number
    levels = ink[rows, columns][own]
    return Piece(
        number,
        (left, top, left + wide, top + high),
        area,
        float(levels.sum()),
        float(np.percentile(levels, 90)),
        2 * float(far[rows, columns][own].max()),
        (left == 0) + (top == 0) + (left + wide == width) + (top + high == height),
    )


def main_piece(pieces: Sequence[Piece], shape: tuple[int, int]) -> Piece | None:
    """Return the piece that is most likely the character or most of it; None if there is no piece."""
    return max(pieces, key=lambda piece: _likelihood(piece, shape), default=None)


def _likelihood(piece: Piece, shape: tuple[int, int]) -> float:
    height, width = shape
    left, top, right, bottom = piece.box
    off = np.hypot((left + right) / width - 1, (top + bottom) / height - 1)
    likely = piece.ink * (1.3 - min(float(off), 1.0))
    if piece.borders:
        likely *= 0.1 if piece.borders == 1 else 0.03
    if is_solid(piece):
        likely *= 0.15
    return likely


def is_solid(piece: Piece) -> bool:
    """Return whether a piece is a disc, a hole or a blot rather than strokes."""
    left, top, right, bottom = piece.box
    return piece.fill > 0.6 and piece.width > 0.6 * min(right - left, bottom - top) and piece.size < 3 * piece.width


def character_of(pieces: Sequence[Piece], main: Piece) -> list[Piece]:
    """Return the main piece and those that belong to it, such as the dot of an i and the parts of a broken stroke."""
    chosen, rest = [main], [piece for piece in pieces if piece is not main]
    while True:
        near = [piece for piece in rest if any(_belongs(piece, one, main) for one in chosen)]
        if not near:
            return chosen
        chosen += near
        rest = [piece for piece in rest if not any(piece is one for one in near)]


# Characters of a row are at least this share as high as the highest, and this share of its height apart.
_LEAST_HEIGHT, _LEAST_GAP = 0.5, 0.04
# Two that are no wider than this share of their height are the halves of one that is broken, unless they are this far
# apart; if their sides differ by no more than that, of one such as a quotation mark, unless they are farther apart.
_NARROW, _BROKEN, _EQUAL, _FAR = 0.62, 0.12, 0.2, 0.9


def row_of(pieces: Sequence[Piece], main: Piece) -> list[list[Piece]]:
    """Return the characters of a row from left to right, each as its pieces: that of the main piece and its like."""
    own = character_of(pieces, main)
    groups = _columns([*own, *(piece for piece in pieces if piece not in own and _is_alike(piece, main))], main)
    highest = max(map(_height, groups))
    tall = [group for group in groups if _height(group) >= _LEAST_HEIGHT * highest]
    for group in groups:
        if group not in tall:
            min(tall, key=lambda other: _gap(_around(group), _around(other))).extend(group)
    if len(tall) == 2 and _are_halves(_around(tall[0]), _around(tall[1])):
        return [[*tall[0], *tall[1]]]
    return tall


def _columns(pieces: Sequence[Piece], main: Piece) -> list[list[Piece]]:
    """Return pieces in groups between which there are gaps, from left to right."""
    highest = max(piece.box[3] - piece.box[1] for piece in pieces)
    least = max(_LEAST_GAP * highest, 0.35 * main.width + 2)
    groups: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: piece.box[0]):
        if groups and piece.box[0] - _around(groups[-1])[2] < least:
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return groups


def _is_alike(piece: Piece, main: Piece) -> bool:
    """Return whether a piece seems to be another character of the row, with the same pen."""
    overlap = min(piece.box[3], main.box[3]) - max(piece.box[1], main.box[1])
    return (
        not piece.borders
        and not is_solid(piece)
        and 2 * overlap > min(_height([piece]), _height([main]))
        and 0.5 < piece.size / main.size < 2
        and 0.5 < piece.width / main.width < 2
        and piece.strength > 0.7 * main.strength
        and piece.size > 2 * piece.width
    )


def _are_halves(a: Box, b: Box) -> bool:
    height = max(a[3], b[3]) - min(a[1], b[1])
    widths = [box[2] - box[0] for box in (a, b)]
    differences = abs(widths[0] - widths[1]), abs(a[1] - b[1]), abs(a[3] - b[3])
    far = _FAR if max(differences) <= _EQUAL * height else _BROKEN
    return max(widths) <= _NARROW * height and b[0] - a[2] < far * height


def _height(pieces: Sequence[Piece]) -> int:
    _, top, _, bottom = _around(pieces)
    return bottom - top


def _around(pieces: Sequence[Piece]) -> Box:
    """Return the box around pieces."""
    left, top, right, bottom = zip(*(piece.box for piece in pieces), strict=True)
    return min(left), min(top), max(right), max(bottom)


def _belongs(piece: Piece, other: Piece, main: Piece) -> bool:
    gap = _gap(piece.box, other.box)
    if piece.borders > main.borders and (gap > 0.35 * main.width + 2 or not 0.5 < piece.width / main.width < 2):
        return False
    if piece.strength < 0.5 * main.strength or piece.size > 1.6 * main.size:
        return False
    # A dot is above or below; what is beside is a hole or a blot.
    if is_solid(piece) and not is_solid(main) and (piece.width > 2.2 * main.width or not _above(piece.box, main)):
        return False
    if gap <= 0.35 * main.width + 2 and piece.area > 0.05 * main.width**2:
        return True
    return gap <= 0.3 * main.size and piece.width > 0.55 * main.width and piece.area >= 0.5 * main.width**2


def _above(box: Box, main: Piece) -> bool:
    """Return whether a box is above or below the main piece."""
    more = 0.15 * main.size
    return (
        box[0] < main.box[2] + more and box[2] > main.box[0] - more and (box[1] >= main.box[3] or box[3] <= main.box[1])
    )


def _gap(a: Box, b: Box) -> float:
    """Return the distance of two boxes."""
    return float(np.hypot(max(a[0] - b[2], b[0] - a[2], 0), max(a[1] - b[3], b[1] - a[3], 0)))
