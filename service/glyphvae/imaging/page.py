"""The ink of a page without rules, frames, holes and edges, in connected pieces."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy import uint8
from numpy.typing import NDArray
from PIL import Image

from glyphvae.imaging.contrast import Contrast, find_contrast
from glyphvae.imaging.decode import MAX_COLOURED
from glyphvae.imaging.ink_extraction import MAX_SIDE, is_clean, lift_ink
from glyphvae.imaging.lines import RULE, Line, find_lines, rules_of, without
from glyphvae.imaging.pieces import LEAST_AREA, Numbers, Piece, find_pieces, is_solid, main_piece, row_of
from glyphvae.imaging.squaring import find_paper, squared_up

Ink = NDArray[Any]  # uint8; OpenCV's annotations know no types of pixels

# The service sets its own number of threads.
cv2.setNumThreads(1)

# Ink differs from paper by at least this many grey levels, and this many times the noise.
_LEAST_CONTRAST, _SIGNIFICANT = 14, 5
# Ink is at least this share of the character's strongest.
_WEAKEST = 0.3
# Ink in a shadow is at least this share of it.
_SHADED = 0.4
# Pixels of the faint edge around a stroke.
_EDGE = 2

# A character on a sheet has at least this share of its shorter side.
_LEAST_SIZE = 0.02

# A lone line is a stroke of what is nearly as long, in shares of the picture.
_AS_LONG = 0.65

# A character that was cut out without a margin comes this near all edges, in shares of the sides. Most of its strokes
# have at least this width and at most that, in shares of its size. It covers no more than this of the picture, and two
# of its corners.
_NEAR, _FAT, _FATTEST, _COVERED, _CORNERS = 0.08, 0.03, 0.3, 0.75, 2
_MOST = 0.8
# So many pixels are near an edge, too.
_FEW = 5
# All ink is at most this many times that of the character.
_ALONE = 1.05


@dataclass(frozen=True)
class Page:
    """The ink of a page.

    Attributes:
        ink: (h, w) grey levels of contrast to the paper.
        mask: (h, w) 255 where there is ink that is no rule or frame.
        lines: Number of rules that were taken out.
        matrix: (3, 3) homogeneous, from places (x, y) of the page to those of its picture.
        is_plain: Whether the picture shows neither rules nor the edges of its sheet.
    """

    ink: Ink
    mask: NDArray[uint8]
    lines: int
    matrix: NDArray[np.float64]
    is_plain: bool

    @cached_property
    def pieces(self) -> tuple[Numbers, list[Piece]]:
        """The pieces of the mask, as `find_pieces` returns them."""
        return find_pieces(self.mask, self.ink)


def read_page(picture: NDArray[uint8], side: int | None = None) -> Page:
    """Find the ink of a picture (h, w) or (h, w, 3), which is reduced to `side` pixels or to what a character needs."""
    shape = picture.shape
    if picture.ndim == 2 and is_clean(picture):
        ink = lift_ink(picture, side or MAX_SIDE)
        return _without_rules(Contrast(ink, 0), _scaled(ink.shape, shape), is_plain=False)
    factor = -(-max(shape[:2]) // (side or MAX_COLOURED))
    if factor > 1:
        picture = np.asarray(Image.fromarray(picture).reduce(factor))
    matrix = _scaled(picture.shape, shape)
    corners = find_paper(picture)
    if corners is None:
        return _without_rules(find_contrast(picture), matrix, is_plain=True)
    sheet, squaring = squared_up(picture, corners)
    page = _without_rules(find_contrast(sheet), matrix @ squaring, is_plain=False)
    if _is_written_on(page):
        return page
    # A shadow, such as that of a phone, may have the outline of a sheet.
    whole = _without_rules(find_contrast(picture), matrix, is_plain=False)
    return whole if _is_written_on(whole) else page


def _is_written_on(page: Page) -> bool:
    """Return whether there is ink that may be a whole character."""
    main = main_piece(page.pieces[1], page.mask.shape)
    if main is None or main.borders or is_solid(main):
        return False
    return bool(main.size > _LEAST_SIZE * min(page.mask.shape))


def _scaled(small: tuple[int, ...], large: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the matrix (3, 3) from the places of a reduced picture to those of the picture."""
    return np.diag([large[1] / small[1], large[0] / small[0], 1.0])


def _without_rules(found: Contrast, matrix: NDArray[np.float64], *, is_plain: bool) -> Page:
    least = max(_LEAST_CONTRAST, _SIGNIFICANT * found.noise)
    mask = np.where(found.ink > least, uint8(255), uint8(0))
    rules = rules_of(find_lines(mask), mask.shape)
    if rules:
        left = without(mask, found.ink, rules)
        if _is_left(left, mask, rules):
            return Page(found.ink, left, len(rules), matrix, is_plain=False)
    return Page(found.ink, mask, 0, matrix, is_plain)


def _is_left(left: NDArray[uint8], mask: NDArray[uint8], rules: Sequence[Line]) -> bool:
    """Return whether there is a character besides the lines, which is not a part of it."""
    if cv2.countNonZero(left) < 0.05 * cv2.countNonZero(mask):
        return False
    height, width = left.shape
    _, _, wide, high = cv2.boundingRect(left)
    along, across = (high / height, wide / width) if rules[0].upright else (wide / width, high / height)
    return len(rules) > 1 or (along < _AS_LONG and across < RULE)


@dataclass(frozen=True)
class Character:
    """A character that was found in a picture.

    Attributes:
        ink: (h, w) its ink alone, stretched to 255; all 0 if there is none.
        matrix: (3, 3) homogeneous, from places (x, y) of the ink to those of the picture.
    """

    ink: Ink
    matrix: NDArray[np.float64]


def find_characters(picture: NDArray[uint8]) -> tuple[list[Character], int]:
    """Find the most likely character of a picture (h, w) or (h, w, 3), and those beside it that seem to be others.

    Returns:
        Them, from left to right, at least one; and how many pieces of ink were left out.
    """
    if picture.ndim == 2 and is_clean(picture):
        ink = lift_ink(picture)
        if _is_one_piece(ink):
            return [Character(ink, _scaled(ink.shape, picture.shape))], 0
    page = read_page(picture)
    if page.is_plain:
        filling = _filling(picture)
        if filling is not None:
            return [Character(filling, _scaled(filling.shape, picture.shape))], 0
    (numbers, pieces), found, others = page.pieces, [np.zeros_like(page.ink)], 0
    for is_first in (True, False):
        main = main_piece(pieces, page.mask.shape)
        if main is not None:
            row = row_of(pieces, main)
            found, others = [alone(page, numbers, chosen) for chosen in row], len(pieces) - sum(map(len, row))
            if is_first:
                # What is far fainter may join the character with its surroundings, so pieces are found without that.
                strong = np.where(page.ink > _WEAKEST * main.strength, page.mask, uint8(0))
                numbers, pieces = find_pieces(strong, page.ink)
    return [Character(ink, page.matrix) for ink in found], others


def _is_one_piece(ink: Ink) -> bool:
    """Return whether there is a single piece of ink that is too small for a frame or a rule."""
    height, width = ink.shape
    mask = (ink > 0).astype(uint8)
    y, x = divmod(int(mask.argmax()), width)
    area, _, _, (_, _, wide, high) = cv2.floodFill(mask, None, (x, y), 2, flags=8)
    return area > cv2.countNonZero(mask) - LEAST_AREA and wide < RULE * width and high < RULE * height


def _filling(picture: NDArray[uint8]) -> Ink | None:
    """Return the ink of a character that fills the picture, None where there is none."""
    ink = lift_ink(np.asarray(picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), uint8))
    mask = np.where(ink > _WEAKEST * 255, uint8(255), uint8(0))
    height, width = mask.shape
    _, _, boxes, _ = cv2.connectedComponentsWithStats(mask)
    left, top, wide, high, area = max(boxes[1:].tolist(), key=lambda box: int(box[4]), default=[0] * 5)
    if cv2.countNonZero(mask) > _ALONE * area:
        return None
    far_across = max(left, width - left - wide) > max(_NEAR * width, _FEW)
    far_along = max(top, height - top - high) > max(_NEAR * height, _FEW)
    corners = sum(bool(mask[y, x].any()) for y in (slice(2), slice(-2, None)) for x in (slice(2), slice(-2, None)))
    if far_across or far_along or corners > _CORNERS or area > _COVERED * mask.size:
        return None
    size = max(wide, high)
    is_drawn = _wider(mask, _FAT * size) > _MOST * area and _wider(mask, _FATTEST * size) < (1 - _MOST) * area
    return ink if is_drawn else None


def _wider(mask: NDArray[uint8], width: float) -> int:
    """Count the pixels of what is wider than so many pixels."""
    side = max(3, round(width))
    return cv2.countNonZero(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((side, side), uint8)))


def alone(page: Page, numbers: Numbers, chosen: Sequence[Piece]) -> Ink:
    """Return the ink (h, w) of some pieces, as strong in a shadow as elsewhere."""
    own = np.isin(numbers, [piece.number for piece in chosen]).astype(uint8)
    around = cv2.dilate(own, np.ones((2 * _EDGE + 1,) * 2, uint8))
    # In a shadow, ink differs less from its paper.
    reach = 2 * round(max(piece.width for piece in chosen)) + 3
    strong = cv2.blur(cv2.dilate(page.ink * own, np.ones((reach, reach), uint8)), (reach, reach))
    strength = max(piece.strength for piece in chosen)
    scale = 255 / np.clip(strong.astype(np.float32), _SHADED * strength, strength)
    levels = np.minimum(page.ink * scale, 255).astype(uint8)
    # The edge of a line that was taken out is no edge of a stroke.
    other = cv2.dilate(page.mask, np.ones((3, 3), uint8)) == 0
    alone: Ink = levels * (own | (around & ~other))
    return alone
