"""Conversion of an image of one character to the models' input, in MNIST's convention.

MNIST's characters are scaled, with their aspect kept, to fit a box of 20x20 pixels with antialiasing, and placed so
that their centre of mass is the centre of a field of 28x28 (http://yann.lecun.com/exdb/mnist/). The models' manifests
call that `mnist-20x20-mass`.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy import float64, uint8
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from glyphvae.imaging.decode import SMALL_SIDE
from glyphvae.imaging.ink_extraction import lift_ink

Mode = Literal["auto", "none"]
# Which characters of a picture that shows several beside each other.
Several = Literal["first", "all"]
Box = tuple[int, int, int, int]

SIDE = 28
BOX = 20
# In MNIST the centre of mass, in pixel indices, is 14.0 +- 0.5 in each direction.
CENTRE = 14
# Fainter pixels are the blur around a stroke and do not count for its extent, here and in the training data.
FAINTEST_INK = 40
# Ink is a speck if the pixels around it, within 1/64 of the image's side, hold less ink than those around the end of
# the thinnest line.
_SPECK = 64
# Mean level of ink, weighted by ink, that is exceeded by 99.9 % of MNIST. Thin strokes become fainter when reduced.
STRONG_INK = 150

_TRUE = b"\1"


class UnsuitableImageError(ValueError):
    """The image shows no ink, or has another size than 28x28 and is not to be preprocessed."""


class SeveralCharactersError(UnsuitableImageError):
    """The image shows several characters.

    Args:
        boxes: Of each, from left to right, in pixels of the image.
    """

    def __init__(self, boxes: Sequence[Box]) -> None:
        super().__init__(
            f"The image shows {len(boxes)} characters, at (left, top, right, bottom) {', '.join(map(str, boxes))}; "
            "send one in each image, or ask for the first or all of them by `several`, or in `/hand` by `sheet=true`."
        )


class Found(NamedTuple):
    """A character of an image.

    Attributes:
        glyph: (28, 28), paper 0, ink 255.
        box: The box in the image, in its pixels, that became the glyph.
        others: Pieces of ink that were left out.
    """

    glyph: NDArray[uint8]
    box: Box
    others: int


def preprocess(grey: NDArray[uint8], mode: Mode = "auto") -> NDArray[uint8]:
    """Convert an image of one character to MNIST's convention.

    Args:
        grey: (height, width) grey levels, or (height, width, 3) colours.
        mode: `auto` accepts dark ink on light paper or the reverse, drawn or photographed, and makes the ink bright,
            crops it, fits it into 20x20 and centres it by mass in 28x28. An image that is like that already is
            unchanged. `none` takes 28x28 pixels of bright ink unchanged.

    Returns:
        (28, 28), paper 0, ink 255.

    Raises:
        UnsuitableImageError: There is no ink or there are several characters (`auto`), or the size is not 28x28
            (`none`).
    """
    return find_glyphs(grey, mode)[0].glyph


def find_glyphs(
    grey: NDArray[uint8], mode: Mode = "auto", several: Several | None = None, reduction: float = 1
) -> list[Found]:
    """Convert an image as `preprocess` does, and say what was found where.

    Args:
        grey: The image, as for `preprocess`.
        mode: As for `preprocess`.
        several: Which characters to take of several, from left to right; None to refuse them.
        reduction: Pixels of the file, which boxes are in, for each of the image.

    Raises:
        UnsuitableImageError: As for `preprocess`.
    """
    if mode == "none":
        return [Found(_unchanged(grey), (0, 0, SIDE, SIDE), 0)]
    if max(grey.shape[:2]) <= SMALL_SIDE:
        ink = lift_ink(grey)
        return [Found(ink, (0, 0, SIDE, SIDE), 0) if _is_placed(ink) else _found(ink, None, 0, reduction)]
    from glyphvae.imaging.page import find_characters  # noqa: PLC0415 (loads a library that small images spare)

    characters, others = find_characters(grey)
    if several == "first":
        others += len(characters) - 1
        del characters[1:]
    found = [_found(character.ink, character.matrix, others, reduction) for character in characters]
    if len(found) > 1 and several is None:
        raise SeveralCharactersError([one.box for one in found])
    return found


def _found(ink: NDArray[uint8], matrix: NDArray[float64] | None, others: int, reduction: float) -> Found:
    box, glyph = _boxed(ink)
    left, top, right, bottom = (
        round(place * reduction) for place in (box if matrix is None else _seen_from(box, matrix))
    )
    return Found(glyph, (left, top, right, bottom), others)


def glyph_in(ink: NDArray[uint8]) -> NDArray[uint8]:
    """Convert ink (h, w) to MNIST's convention.

    Raises:
        UnsuitableImageError: There is none.
    """
    return _boxed(ink)[1]


def _boxed(ink: NDArray[uint8]) -> tuple[Box, NDArray[uint8]]:
    box = _ink_box(ink)
    glyph = None if box is None else _fitted(ink, box)
    if box is None or glyph is None or not np.count_nonzero(glyph):
        raise UnsuitableImageError("The image shows no ink: it needs a character with enough contrast to its paper.")
    return box, _placed(strengthened(glyph))


def _seen_from(box: Box, matrix: NDArray[float64]) -> Box:
    """Return the box that surrounds a box after a projection."""
    left, top, right, bottom = box
    corners = matrix @ np.array([[left, right, right, left], [top, top, bottom, bottom], [1, 1, 1, 1]])
    x, y = corners[:2] / corners[2]
    return math.floor(x.min()), math.floor(y.min()), math.ceil(x.max()), math.ceil(y.max())


def _unchanged(grey: NDArray[uint8]) -> NDArray[uint8]:
    if grey.shape != (SIDE, SIDE):
        height, width = grey.shape[:2]
        raise UnsuitableImageError(f"The image is {width}x{height}; without preprocessing it must be {SIDE}x{SIDE}.")
    return grey


def _is_placed(ink: NDArray[uint8]) -> bool:
    """Return whether the ink has MNIST's size and place already, so that converting it would only lose faint pixels."""
    if ink.shape != (SIDE, SIDE):
        return False
    left, top, right, bottom = _box_of(ink > 0) or (0, 0, 0, 0)
    size = max(right - left, bottom - top)
    return size == BOX and all(abs(place - CENTRE) <= 0.5 for place in _centre_of_mass(ink))


def _ink_box(ink: NDArray[uint8]) -> Box | None:
    """Return left, top, right and bottom (both exclusive) of the ink without specks; None if there is no ink."""
    mask = ink >= FAINTEST_INK
    reach = max(ink.shape) // _SPECK
    if reach:
        # Padded with paper, because the filter would repeat the pixels at the edge.
        padded = np.pad(mask.astype(uint8) * uint8(255), reach)
        share = np.asarray(Image.fromarray(padded).filter(ImageFilter.BoxBlur(reach)))
        mask &= share[reach:-reach, reach:-reach] > 255 * reach / (2 * reach + 1) ** 2
    return _box_of(mask)


def _box_of(mask: NDArray[np.bool]) -> Box | None:
    """Return left, top, right and bottom (both exclusive) of the true pixels; None if there are none."""
    height, width = mask.shape
    # Faster than NumPy for small arrays.
    rows, columns = mask.tobytes(), mask.T.tobytes()
    first = rows.find(_TRUE)
    if first < 0:
        return None
    left, right = columns.find(_TRUE) // height, columns.rfind(_TRUE) // height
    return left, first // width, right + 1, rows.rfind(_TRUE) // width + 1


def _fitted(ink: NDArray[uint8], box: Box) -> NDArray[uint8]:
    """Crop the ink and scale its longer side to 20."""
    left, top, right, bottom = box
    scale = BOX / max(right - left, bottom - top)
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    # Like `Image.fromarray`, but without a copy.
    image = Image.frombuffer("L", ink.shape[::-1], np.ascontiguousarray(ink), "raw", "L", 0, 1)
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=box))


def strengthened(ink: NDArray[uint8]) -> NDArray[uint8]:
    """Make the ink of thin strokes, which became faint when they were reduced, as strong as that of others."""
    # Widening thin strokes too was tried, but did not help a classifier on letters that were made thin.
    levels = ink.astype(float64)  # sums of integers are exact in any order
    strength = float(np.vdot(levels, levels) / levels.sum()) / STRONG_INK
    return ink if strength >= 1 else np.minimum(levels / strength, 255).astype(uint8)


def _placed(ink: NDArray[uint8]) -> NDArray[uint8]:
    """Place the ink in 28x28 with its centre of mass at the centre, as nearly as whole pixels and the edges allow."""
    field = np.zeros((SIDE, SIDE), uint8)
    places = zip(ink.shape, _centre_of_mass(ink), strict=True)
    top, left = (max(0, min(round(CENTRE - place), SIDE - side)) for side, place in places)
    height, width = ink.shape
    field[top : top + height, left : left + width] = ink
    return field


def _centre_of_mass(ink: NDArray[uint8]) -> tuple[float, float]:
    """Return the row and column of the centre of mass, in pixel indices."""
    # Sums of integers below 2^53 are exact in any order.
    down, across, mass = (moments(*ink.shape) @ ink.ravel().astype(float64)).tolist()
    return down / mass, across / mass


@lru_cache(maxsize=64)
def moments(height: int, width: int) -> NDArray[float64]:
    """Return (3, height·width) the weights of each pixel in the first moments, down and across, and in the mass."""
    down, across = np.indices((height, width), float64).reshape(2, -1)
    return np.stack([down, across, np.ones(height * width)])
