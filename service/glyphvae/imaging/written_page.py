"""The characters of a sheet with lines of separated characters, in reading order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy import uint8
from numpy.typing import NDArray

from glyphvae.imaging.page import Page, alone, read_page
from glyphvae.imaging.pieces import LEAST_AREA, Numbers, Piece, is_solid, piece_of
from glyphvae.imaging.preprocess import Box, UnsuitableImageError, glyph_in
from glyphvae.imaging.text_lines import lines_of, tilt_of
from glyphvae.scheduling.deadline import checkpoint

Ink = NDArray[Any]  # uint8; OpenCV's annotations know no types of pixels
Matrix = NDArray[np.float64]

_BLANK = "The image shows no ink: it needs characters with enough contrast to their paper."
# Pictures of sheets are reduced to this side.
PAGE_SIDE = 2048
# Pieces of ink, of which a character has one or two; a sheet with more is noise.
_MOST_PIECES = 4
# Share of a side, at each end, in which a table may be seen.
_MARGIN = 0.15
# Ink is at least this share of the usual strength.
_WEAKEST = 0.4
# In usual heights: the least root of a dot's area, the most height and width of a piece, and of one at the edge, which
# may be the edge of the sheet or of a shadow.
_LEAST, _HIGHEST, _WIDEST = 0.05, 3.5, 14
_EDGE_HIGHEST, _EDGE_WIDEST = 1.7, 2.5
# What is taller than this, in usual heights, has at least this share of its height as its width.
# And what is wider than that is at least this high.
_TALL, _THIN, _FLAT = 2.2, 0.25, 0.4
# A frame or the outline of a shadow fills less of its box.
_HOLLOW = 0.06
# A blot is larger than this, in usual heights, and no longer than this, in its widths; and strokes are at most so many
# times as wide as usual.
_BLOT, _ROUND, _BOLD = 0.42, 1.7, 4.0
# In shares of the usual width of strokes, and of the usual strength of ink.
_FINE, _FAINT = 0.6, 0.7
# Slants that are tried, in pixels to the right for each upwards. The slant is that of the narrowest characters; they
# have to be narrower by this share, or the writing counts as upright.
_SLANTS, _NARROWER = np.arange(-4, 10) / 10, 0.05
# Lines that are tilted by less, in degrees, are read as they are.
_LEVEL = 0.8
# Paper around a character's ink, in pixels, which has the faint edges of strokes.
_BORDER = 4


@dataclass(frozen=True)
class Character:
    """A character of a sheet.

    Attributes:
        ink: (h, w) its ink alone, stretched to 255.
        glyph: (28, 28) as models read it, its longer side 20 pixels.
        place: Left, top, right and bottom of the ink on the sheet, whose lines are level.
        corner: x and y of the upper left pixel of `ink` there.
        box: The box in the picture, in its pixels.
        pieces: How many pieces of ink it has.
    """

    ink: Ink
    glyph: NDArray[uint8]
    place: tuple[float, float, float, float]
    corner: tuple[int, int]
    box: Box
    pieces: int


@dataclass(frozen=True)
class WrittenPage:
    """The lines of a sheet.

    Attributes:
        lines: From top to bottom, each its characters from left to right.
        size: The usual height of a character, in pixels of the sheet.
        others: Pieces of ink that are in no line.
    """

    lines: Sequence[Sequence[Character]]
    size: float
    others: int

    @property
    def count(self) -> int:
        """The number of its characters."""
        return sum(map(len, self.lines))


class TooManyCharactersError(ValueError):
    """A picture shows more characters than are read."""


def find_page(picture: NDArray[uint8], reduction: float, most: int) -> WrittenPage:
    """Find the characters of a picture (h, w) or (h, w, 3).

    Args:
        picture: The picture, upright.
        reduction: Pixels of the file, which boxes are in, for each of the picture.
        most: Characters that it may show.

    Raises:
        UnsuitableImageError: There is no ink.
        TooManyCharactersError: There are more characters.
    """
    page = read_page(picture, PAGE_SIDE)
    page, numbers, pieces, size = _pieces_of(page, most)
    tilt = tilt_of(_boxes_of(pieces), size)
    if abs(tilt) >= _LEVEL:
        page, numbers, pieces, size = _pieces_of(_levelled(page, tilt), most)
    blots = np.array([_is_blot(piece, size) for piece in pieces])
    lines = lines_of(_boxes_of(pieces), _upright(numbers, pieces), blots, size)
    # The end of the edge of a shadow, or of another sheet, is no line.
    is_cut = [len(line) == 1 and any(pieces[one].borders for one in line[0]) for line in lines]
    lines = [line for line, cut in zip(lines, is_cut, strict=True) if not cut] or lines
    count = sum(map(len, lines))
    if count > most:
        raise TooManyCharactersError(f"the picture shows {count} characters; at most {most} are read")
    found = [[_character(page, numbers, [pieces[one] for one in group], reduction) for group in line] for line in lines]
    used = sum(len(group) for line in lines for group in line)
    return WrittenPage(found, size, len(pieces) - used)


def _pieces_of(page: Page, most: int) -> tuple[Page, Numbers, list[Piece], float]:
    """Return the page without faint ink, its pieces that may be of characters, and the usual height of these."""
    strength = _strength(page)
    # What is faint may join characters, and these with the edge.
    mask = np.where(page.ink > _WEAKEST * strength, page.mask, uint8(0))
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    is_edge = _is_along_edge(stats, mask.shape)
    mask, stats[is_edge, cv2.CC_STAT_AREA] = np.asarray(mask * ~is_edge[numbers], uint8), 0
    return replace(page, mask=mask), numbers, *_likely(mask, page.ink, numbers, stats, most)


def _strength(page: Page) -> float:
    """Return the usual level of strong ink, away from the edges, where a table may be seen."""
    height, width = page.mask.shape
    within = (
        slice(round(_MARGIN * height), height - round(_MARGIN * height)),
        slice(round(_MARGIN * width), width - round(_MARGIN * width)),
    )
    # Weighted by the square, because there may be far more of what is faint.
    weights = np.square(np.arange(256.0))
    total = np.cumsum(np.bincount(page.ink[within][page.mask[within] > 0], minlength=256) * weights)
    return float(np.searchsorted(total, total[-1] / 2))


def _is_along_edge(stats: Numbers, shape: tuple[int, ...]) -> NDArray[np.bool]:
    """Return which pieces reach along more than half of an edge: that of the sheet, and what it lies on."""
    return _is_at_edge(stats, shape) & ((2 * stats[:, 2] > shape[1]) | (2 * stats[:, 3] > shape[0]))


def _is_at_edge(stats: Numbers, shape: tuple[int, ...]) -> NDArray[np.bool]:
    """Return which pieces, of the numbers (n, 5) that OpenCV has of them, touch an edge."""
    left, top, wide, high = stats[:, :4].T
    return np.asarray((left == 0) | (top == 0) | (left + wide == shape[1]) | (top + high == shape[0]))


def _likely(mask: NDArray[uint8], ink: Ink, numbers: Numbers, stats: Numbers, most: int) -> tuple[list[Piece], float]:
    """Find the pieces that may be of characters, and the usual height of these.

    Args:
        mask: (h, w) 255 where there is ink.
        ink: (h, w) its levels.
        numbers: (h, w) the number of the piece that each pixel belongs to.
        stats: (pieces, 5) as OpenCV has them; an area of 0 leaves a piece out.
        most: Characters that there may be.

    Raises:
        UnsuitableImageError: There are none.
        TooManyCharactersError: There are too many.
    """
    boxes, areas = stats[1:, :4].astype(float), stats[1:, 4].astype(float)
    is_edge = _is_at_edge(stats[1:], mask.shape)
    filled = areas / (boxes[:, 2] * boxes[:, 3])
    usual = (areas >= LEAST_AREA) & (filled >= _HOLLOW)
    if not usual.any():
        raise UnsuitableImageError(_BLANK)
    size = _weighted_median(boxes[usual, 3], areas[usual])
    kept = usual & (areas >= (_LEAST * size) ** 2) & (boxes[:, 3] <= _HIGHEST * size) & (boxes[:, 2] <= _WIDEST * size)
    # What is long and thin is left of a rule or of the edge of a shadow.
    kept &= (boxes[:, 3] <= _TALL * size) | (boxes[:, 2] >= _THIN * boxes[:, 3])
    kept &= (boxes[:, 2] <= _TALL * size) | (boxes[:, 3] >= _FLAT * size)
    kept &= ~is_edge | ((boxes[:, 3] <= _EDGE_HIGHEST * size) & (boxes[:, 2] <= _EDGE_WIDEST * size))
    if not kept.any():
        raise UnsuitableImageError(_BLANK)
    if np.count_nonzero(kept) > _MOST_PIECES * most:
        raise TooManyCharactersError(
            f"the picture shows {np.count_nonzero(kept)} pieces of ink; at most {most} characters are read"
        )
    far = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    pieces = []
    for number in (np.flatnonzero(kept) + 1).tolist():
        checkpoint()
        pieces.append(piece_of(number, stats[number], numbers, ink, far))
    stroke = _weighted_median(np.array([piece.width for piece in pieces]), areas[kept])
    strength = _weighted_median(np.array([piece.strength for piece in pieces]), areas[kept])
    # What is both fine and faint is left of a rule.
    pieces = [
        piece
        for piece in pieces
        if piece.width <= _BOLD * stroke and (piece.width >= _FINE * stroke or piece.strength >= _FAINT * strength)
    ]
    return pieces, size


def _is_blot(piece: Piece, size: float) -> bool:
    """Return whether a piece may be a hole or a stain: it is larger than a dot, solid and round."""
    return is_solid(piece) and piece.size > _BLOT * size and piece.size < _ROUND * piece.width


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(total, total[-1] / 2))])


def _boxes_of(pieces: Sequence[Piece]) -> NDArray[np.float64]:
    return np.array([piece.box for piece in pieces], float)


def _upright(numbers: Numbers, pieces: Sequence[Piece]) -> NDArray[np.float64]:
    """Return the boxes (n, 4) of pieces as they were if the writing did not slant.

    In slanted writing the box of a letter reaches over the one before, and a comma lies under its letter.
    """
    boxes = _boxes_of(pieces)
    sides = np.array([_sides(numbers, piece) for piece in pieces])  # (n, slants, 2)
    widths = np.ptp(sides, axis=2).sum(axis=0)
    upright, best = int(np.argmin(np.abs(_SLANTS))), int(np.argmin(widths))
    if widths[best] < (1 - _NARROWER) * widths[upright]:
        boxes[:, [0, 2]] = sides[:, best]
    return boxes


def _sides(numbers: Numbers, piece: Piece) -> NDArray[np.float64]:
    """Return left and right of a piece, sheared upright from each of `_SLANTS`: (slants, 2)."""
    left, top, right, bottom = piece.box
    x, y = _hull(numbers[top:bottom, left:right] == piece.number, left, top).T
    sheared = x + np.outer(_SLANTS, y)  # (slants, points)
    return np.stack([sheared.min(axis=1), sheared.max(axis=1) + 1], axis=1)


def _hull(own: NDArray[np.bool], left: int, top: int) -> NDArray[np.float64]:
    """Return x and y of the pixels (n, 2) in the corners of the convex hull of ink (h, w), which is at a place."""
    points = cv2.findNonZero(own.astype(uint8)).reshape(-1, 2)
    return np.asarray(cv2.convexHull(points).reshape(-1, 2).astype(float) + np.array([left, top]))


def _levelled(page: Page, tilt: float) -> Page:
    """Turn a page so that its lines are level."""
    height, width = page.mask.shape
    turn = np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), tilt, 1), [0, 0, 1]])
    corners = turn @ np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]], float)
    turn[:2, 2] -= corners[:2].min(axis=1)
    size = [int(side) for side in np.ceil(np.ptp(corners[:2], axis=1))]
    ink = cv2.warpAffine(page.ink, turn[:2], size, flags=cv2.INTER_LINEAR)
    mask = cv2.warpAffine(page.mask, turn[:2], size, flags=cv2.INTER_LINEAR)
    matrix = page.matrix @ np.linalg.inv(turn)
    return replace(page, ink=ink, mask=np.where(mask >= 128, uint8(255), uint8(0)), matrix=matrix)


def _character(page: Page, numbers: Numbers, pieces: Sequence[Piece], reduction: float) -> Character:
    """Cut out a character."""
    checkpoint()
    boxes = np.array([piece.box for piece in pieces])
    (left, top), (right, bottom) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    height, width = page.mask.shape
    rows = slice(max(0, top - _BORDER), min(height, bottom + _BORDER))
    columns = slice(max(0, left - _BORDER), min(width, right + _BORDER))
    part = replace(page, ink=page.ink[rows, columns], mask=page.mask[rows, columns])
    ink = alone(part, numbers[rows, columns], pieces)
    own = np.isin(numbers[rows, columns], [piece.number for piece in pieces])
    return Character(
        ink,
        glyph_in(ink),
        (float(left), float(top), float(right), float(bottom)),
        (columns.start, rows.start),
        _seen(_hull(own, columns.start, rows.start), page.matrix, reduction),
        len(pieces),
    )


def _seen(hull: NDArray[np.float64], matrix: Matrix, reduction: float) -> Box:
    """Return the box around ink, of whose pixels `hull` (n, 2) has the outermost, as it is in the picture."""
    x, y, depth = matrix @ np.vstack([(hull + 0.5).T, np.ones(len(hull))])
    half = 0.5 * float(np.abs(np.linalg.det(matrix[:2, :2])) ** 0.5)
    x, y = x / depth, y / depth
    sides = x.min() - half, y.min() - half, x.max() + half, y.max() + half
    left, top, right, bottom = (round(float(side) * reduction) for side in sides)
    return left, top, right, bottom
