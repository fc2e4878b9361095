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
# In shares of its size, a circle is at least this far from the character in it, which is at least that large.
_AROUND, _LARGE = 0.08, 0.3


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
        breadth: Its extent in pixels across its longest direction, as of a straight stroke that spreads as far.
        borders: Number of sides of the picture that it touches.
    """

    number: int
    box: Box
    area: int
    ink: float
    strength: float
    width: float
    breadth: float
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
        _breadth(own),
        (left == 0) + (top == 0) + (left + wide == width) + (top + high == height),
    )


def _breadth(own: NDArray[np.bool]) -> float:
    """Return the breadth of a piece (h, w)."""
    moments = cv2.moments(own.view(uint8), binaryImage=True)
    xx, xy, yy = (moments[name] / moments["m00"] for name in ("mu20", "mu11", "mu02"))
    # The smaller eigenvalue of the covariance: across a straight stroke, a twelfth of the square of its width.
    return float(np.sqrt(12 * max(0.0, (xx + yy) / 2 - np.hypot((xx - yy) / 2, xy))))


def main_piece(pieces: Sequence[Piece], shape: tuple[int, int]) -> Piece | None:
    """Return the piece that is most likely the character or most of it; None if there is no piece."""
    main = max(pieces, key=lambda piece: _likelihood(piece, shape), default=None)
    if main is None:
        return None
    # A character may be circled.
    return main_piece([piece for piece in pieces if _surrounds(main, piece)], shape) or main


def _surrounds(piece: Piece, other: Piece) -> bool:
    """Return whether a piece is drawn around another that is large enough for a character."""
    left, top, right, bottom = other.box
    outer, more = piece.box, _AROUND * piece.size
    is_within = min(left - outer[0], top - outer[1], outer[2] - right, outer[3] - bottom) > more
    is_alike = other.size > _LARGE * piece.size and other.strength > 0.5 * piece.strength
    return is_within and is_alike and not is_solid(other)


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


# Characters of a row are at least this share as high as the highest.
_LEAST_HEIGHT = 0.5
# A stroke is nearly straight if its breadth is no more than this many times its width.
_STRAIGHT = 1.3
# Neighbours are parts of one that is broken if they are no farther apart than the first of these widths of the pen, or
# than the second where one of them is a single stroke. Two single strokes are a quotation mark, unless they are farther
# apart than this share of their height.
_BROKEN, _BROKEN_STROKE, _FAR = 0.1, 0.3, 0.9

# A line under a character is longer on both sides by at least this share of its width.
_LONGER = 0.05
# Of characters whose sizes differ by less than the first of these ratios, the widest places in the strokes, which
# may be crossings, differ by less than the second.
_AS_LARGE, _OTHER_WIDTH = 1.5, 3.3


def row_of(pieces: Sequence[Piece], main: Piece) -> list[list[Piece]]:
    """Return the characters of a row from left to right, each as its pieces: that of the main piece and its like."""
    own = character_of(pieces, main)
    groups = _columns([*own, *(piece for piece in pieces if piece not in own and _is_alike(piece, main))])
    highest = max(map(_height, groups))
    tall = [group for group in groups if _height(group) >= _LEAST_HEIGHT * highest]
    for group in groups:
        if group not in tall:
            min(tall, key=lambda other: _gap(_around(group), _around(other))).extend(group)
    row = tall[:1]
    for group in tall[1:]:
        if _are_parts(row[-1], group):
            row[-1].extend(group)
        else:
            row.append(group)
    return row


def _columns(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Return pieces in groups between which there are gaps, from left to right."""
    groups: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: piece.box[0]):
        if groups and piece.box[0] <= _around(groups[-1])[2]:
            groups[-1].append(piece)
        else:
            groups.append([piece])
    return groups


def _are_parts(left: Sequence[Piece], right: Sequence[Piece]) -> bool:
    """Return whether two neighbours in a row are parts of one character."""
    gap = _around(right)[0] - _around(left)[2]
    strokes = _is_stroke(left) + _is_stroke(right)
    if strokes == 2:
        return gap < _FAR * max(_height(left), _height(right))
    pen = min(max(piece.width for piece in group) for group in (left, right))
    return gap <= (_BROKEN_STROKE if strokes else _BROKEN) * pen


def _is_stroke(pieces: Sequence[Piece]) -> bool:
    """Return whether pieces are a single stroke that is nearly straight, perhaps with a dot."""
    return all(piece.breadth <= _STRAIGHT * piece.width for piece in pieces)


def _is_alike(piece: Piece, main: Piece) -> bool:
    """Return whether a piece seems to be another character of the row, with the same pen."""
    overlap = min(piece.box[3], main.box[3]) - max(piece.box[1], main.box[1])
    return (
        not piece.borders
        and not is_solid(piece)
        and 2 * overlap > min(_height([piece]), _height([main]))
        and _is_near(piece.size / main.size, 2)
        and _is_near(piece.width / main.width, _OTHER_WIDTH if _is_as_large(piece, main) else 2)
        and piece.strength > 0.7 * main.strength
        and piece.size > 2 * piece.width
    )


def _is_as_large(piece: Piece, main: Piece) -> bool:
    """Return whether a piece is about as large as the main one, and not the remains of a line."""
    return _is_near(piece.size / main.size, _AS_LARGE) and not _is_stroke([piece])


def _is_near(ratio: float, most: float) -> bool:
    return 1 / most < ratio < most


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
    if piece.strength < 0.5 * main.strength or piece.size > 1.6 * main.size or _surrounds(piece, main):
        return False
    # A dot is above or below; what is beside is a hole or a blot.
    if is_solid(piece) and not is_solid(main) and (piece.width > 2.2 * main.width or not _above(piece.box, main)):
        return False
    is_near = gap <= 0.35 * main.width + 2
    # The base of a 1 is near the stroke that it may be broken from.
    if _is_underline(piece, main) and not (is_near and _is_stroke([main])):
        return False
    if is_near and piece.area > 0.05 * main.width**2:
        return True
    return gap <= 0.3 * main.size and piece.width > 0.55 * main.width and piece.area >= 0.5 * main.width**2


def _is_underline(piece: Piece, main: Piece) -> bool:
    """Return whether a piece is a straight line under the main piece, longer than that is wide."""
    left, top, right, bottom = main.box
    more = _LONGER * (right - left)
    is_level = 3 * (piece.box[3] - piece.box[1]) < piece.size and _is_stroke([piece])
    is_under = piece.box[1] >= bottom and piece.box[0] < left - more and piece.box[2] > right + more
    # The lower stroke of = is no longer than the upper one.
    return is_level and is_under and right - left < 2 * (bottom - top)


def _above(box: Box, main: Piece) -> bool:
    """Return whether a box is above or below the main piece."""
    more = 0.15 * main.size
    return (
        box[0] < main.box[2] + more and box[2] > main.box[0] - more and (box[1] >= main.box[3] or box[3] <= main.box[1])
    )


def _gap(a: Box, b: Box) -> float:
    """Return the distance of two boxes."""
    return float(np.hypot(max(a[0] - b[2], b[0] - a[2], 0), max(a[1] - b[3], b[1] - a[3], 0)))
