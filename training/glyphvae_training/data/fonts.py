"""Characters of a font, drawn large, and other hands made of them by slant, width and weight."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import brotli
import numpy as np
from fontTools.pens.boundsPen import BoundsPen
from fontTools.ttLib import TTFont, TTLibError
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from glyphvae_training.errors import DataError

# Pixels of a cap height. In the cell it has 40, so that each of its pixels is an average of 16.
CAP = 160
# That of most fonts, in em.
CAP_OF_EM = 0.7
# The middle of an edge.
HALF = 128
# Specks of ink and paper below this, in pixels, are the texture of a brush and no parts of a character.
SPECK = 60
# Eight neighbours: a diagonal hairline is in one piece.
NEIGHBOURS = np.ones((3, 3), bool)
# Letters that stand on the baseline, which in some fonts is not where the file says.
STANDING = ("AEFHIKLMNPRTX", "hikmnrx")
# Pixels around the ink that transforms may need.
MARGIN = 2


@dataclass(frozen=True)
class Ink:
    """A large image of a character, and where it lies; all lengths are in its pixels.

    Attributes:
        pixels: uint8 (height, width), paper 0, ink 255.
        left: from the origin of the character to the left edge of the image, to the right.
        top: from the baseline to the upper edge of the image, upwards.
        advance: from the origin of the character to that of the next one.
        cap: of a cap height of this hand.
    """

    pixels: NDArray[np.uint8]
    left: float
    top: float
    advance: float
    cap: float = CAP

    def box(self, faintest: int = HALF) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom (exclusive) of the ink in the image; there has to be some."""
        ink = self.pixels >= faintest
        rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

    @property
    def bearings(self) -> tuple[float, float]:
        """Cap heights from the origin to the ink, and from the ink to the next origin."""
        left, _, right, _ = self.box()
        return (self.left + left) / self.cap, (self.advance - self.left - right) / self.cap

    @property
    def stroke(self) -> float:
        """Mean width of the strokes in cap heights."""
        inside = np.pad(self.pixels >= HALF, 1)
        # Across a stroke, the distance to its edge is a quarter of its width on average.
        return 4 * float(ndimage.distance_transform_edt(inside)[inside].mean()) / self.cap

    def above(self, height: float) -> Self | None:
        """Return the pieces whose middle is above a height over the baseline, in pixels; None if there are none."""
        pieces, count = ndimage.label(self.pixels >= HALF, NEIGHBOURS)
        numbers = np.arange(1, count + 1)
        middles = np.array(ndimage.center_of_mass(pieces > 0, pieces, numbers)).reshape(count, 2)[:, 0]
        chosen = np.isin(pieces, numbers[middles < self.top - height])
        # With their antialiased edges.
        pixels = np.where(ndimage.binary_dilation(chosen, NEIGHBOURS), self.pixels, 0).astype(np.uint8)
        return replace(self, pixels=pixels) if chosen.any() else None

    def below(self, height: float) -> Self | None:
        """Return the ink below a height over the baseline, in pixels; None if there is none."""
        pixels = self.pixels.copy()
        pixels[: max(round(self.top - height), 0)] = 0
        return replace(self, pixels=pixels) if (pixels >= HALF).any() else None


class Font:
    """A font, read for drawing.

    Args:
        name: for errors.
        content: of a file of any format that fontTools reads. The height of its H is the cap height; without an H, 0.7
            em is.
        cap: pixels of a cap height.

    Raises:
        DataError: it is damaged or no font.
    """

    def __init__(self, name: str, content: bytes, cap: float = CAP) -> None:
        try:
            self._font = TTFont(io.BytesIO(content))
        except (TTLibError, brotli.error) as error:
            raise DataError(f"the font {name} cannot be read: {error}") from error
        self._characters = self._font.getBestCmap()
        self._glyphs = self._font.getGlyphSet()
        self._cap = cap
        self._pixels_per_unit = cap / self._cap_units()
        capitals, small = (
            np.median(
                [self._bounds(character)[1] for character in letters if ord(character) in self._characters] or [0]
            )
            for letters in STANDING
        )
        # The file's own, 0, unless both stand off on one side.
        self._baseline = float(np.median([0, capitals, small])) * self._pixels_per_unit

    @property
    def characters(self) -> list[str]:
        """The characters that it has, by code point."""
        return [chr(code) for code in sorted(self._characters)]

    def _cap_units(self) -> float:
        if ord("H") not in self._characters:
            return CAP_OF_EM * float(self._font["head"].unitsPerEm)
        _, bottom, _, top = self._bounds("H")
        return top - bottom

    def _bounds(self, character: str) -> tuple[float, float, float, float]:
        """Return left, bottom, right and top of a character in font units."""
        pen = BoundsPen(self._glyphs)
        self._glyphs[self._characters[ord(character)]].draw(pen)
        left, bottom, right, top = pen.bounds
        return left, bottom, right, top

    @cached_property
    def _face(self) -> ImageFont.FreeTypeFont:
        plain = io.BytesIO()
        self._font.flavor = None  # FreeType may be built without Brotli
        self._font.save(plain)
        plain.seek(0)
        size = self._font["head"].unitsPerEm * self._pixels_per_unit
        return ImageFont.truetype(plain, size, layout_engine=ImageFont.Layout.BASIC)

    def draw(self, character: str) -> Ink | None:
        """Draw a character, or return None if the font does not have it or leaves it empty."""
        if ord(character) not in self._characters:
            return None
        left, top, right, bottom = self._face.getbbox(character, anchor="ls")
        left, top = int(left) - MARGIN, int(top) - MARGIN
        image = Image.new("L", (int(right) + MARGIN - left, int(bottom) + MARGIN - top))
        ImageDraw.Draw(image).text((-left, -top), character, fill=255, font=self._face, anchor="ls")
        pixels = np.asarray(image)
        if not (pixels >= HALF).any():
            return None
        advance = self._glyphs[self._characters[ord(character)]].width * self._pixels_per_unit
        return Ink(pixels, left, -top - self._baseline, advance, self._cap)


@dataclass(frozen=True)
class Variation:
    """Another hand of a font.

    Attributes:
        slant: by how many cap heights a cap height leans to the right.
        width: by which part a character becomes wider.
        weight: by how many cap heights a stroke grows on each side.
    """

    slant: float = 0.0
    width: float = 0.0
    weight: float = 0.0

    def apply(self, ink: Ink) -> Ink | None:
        """Return the character in this hand, or None if its strokes would break or its counters close.

        Slant and width leave the origin and the baseline where they are, weight the middle of strokes.
        """
        if self.slant or self.width:
            ink = sheared(ink, self.slant, 1 + self.width)
        return weighted(ink, self.weight * ink.cap) if self.weight else ink


def drawing_key(contents: Mapping[str, bytes], *modules: str) -> str:
    """Return a hash of fonts, by name, of this module and of the files of others that draw them."""
    digest = hashlib.sha256()
    for module in (*modules, __file__):
        digest.update(Path(module).read_bytes())
    for name, content in contents.items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()


def sheared(ink: Ink, slant: float, stretch: float) -> Ink:
    """Slant a character about the origin and stretch it along the baseline."""
    height, width = ink.pixels.shape
    bottom = ink.top - height
    corners = [stretch * x + slant * y for x in (ink.left, ink.left + width) for y in (ink.top, bottom)]
    left, right = int(np.floor(min(corners))), int(np.ceil(max(corners)))
    # Pillow wants the place in the old image of each point of the new one.
    origin = (left - slant * ink.top) / stretch - ink.left
    image = Image.fromarray(ink.pixels).transform(
        (right - left, height),
        Image.Transform.AFFINE,
        (1 / stretch, slant / stretch, origin, 0, 1, 0),
        Image.Resampling.BICUBIC,
    )
    return replace(ink, pixels=np.asarray(image), left=left, advance=ink.advance * stretch)


def weighted(ink: Ink, growth: float) -> Ink | None:
    """Move the edges of a character outwards by `growth` pixels; None if that changes its pieces or its counters."""
    margin = max(int(np.ceil(growth)), 0) + MARGIN
    before = np.pad(ink.pixels, margin)
    inside = before >= HALF
    # Distances are to the middle of the nearest pixel on the other side, half a pixel beyond the edge.
    distance = np.where(
        inside, 0.5 - ndimage.distance_transform_edt(inside), ndimage.distance_transform_edt(~inside) - 0.5
    )
    pixels = (255 * np.clip(0.5 + growth - distance, 0, 1)).round().astype(np.uint8)
    if parts(pixels >= HALF) != parts(inside):
        return None
    return replace(ink, pixels=pixels, left=ink.left - margin, top=ink.top + margin, cap=ink.cap + 2 * growth)


def parts(ink: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the number of pieces of the ink and of the paper, specks aside."""
    found = []
    for mask in (ink, ~ink):
        labels, _ = ndimage.label(mask, NEIGHBOURS)
        found.append(int((np.bincount(labels.ravel())[1:] >= SPECK).sum()))
    return found[0], found[1]
