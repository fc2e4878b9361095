"""Colours of ink and paper."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy import uint8
from numpy.typing import NDArray
from PIL import ImageColor

from glyphvae.wording import quoted

_HEX = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_RGB = re.compile(r"rgb\( *([0-9]{1,3}) *, *([0-9]{1,3}) *, *([0-9]{1,3}) *\)", re.IGNORECASE)
_ALLOWED = "a colour name such as navy, #rgb, #rrggbb (the # may be left out) or rgb(r, g, b) with 0-255"


class UnknownColourError(ValueError):
    """The text is not a colour; the message lists the allowed notations."""


class Colour(NamedTuple):
    """An opaque sRGB colour, each channel 0-255."""

    red: int
    green: int
    blue: int

    @property
    def is_grey(self) -> bool:
        """True if the three channels are equal."""
        return self.red == self.green == self.blue


BLACK = Colour(0, 0, 0)
WHITE = Colour(255, 255, 255)


def mixed(paper: int, ink: int) -> NDArray[uint8]:
    """Return the (256,) levels from `paper` to `ink`, each rounded to the nearest."""
    weight = np.arange(256)
    return ((paper * (255 - weight) + ink * weight + 127) // 255).astype(uint8)


# Of pictures with rules: levels of ink on paper, after which come as many of ink on a rule.
LEVELS = 128


def painted(pixels: NDArray[uint8], ink: Colour, paper: Colour | None, rule: Colour | None = None) -> NDArray[uint8]:
    """Paint a picture in its colours.

    Args:
        pixels: (height, width), paper 0, ink 255; of a picture with rules as `ruled` returns them.
        ink: The colour of 255.
        paper: The colour of 0; None for transparent.
        rule: The colour of rules; None for a picture without them.

    Returns:
        (height, width, 3) uint8 RGB, or (height, width, 4) uint8 RGBA on transparent paper.
    """
    return palette(ink, paper, rule)[pixels]


def ruled(pixels: NDArray[uint8], rows: Sequence[slice], columns: Sequence[slice]) -> NDArray[uint8]:
    """Return pixels that tell in whole which of them are on rules, each with half as many levels of ink.

    Args:
        pixels: (height, width), paper 0, ink 255; changed in place.
        rows: Those of horizontal rules.
        columns: Those of vertical rules.
    """
    pixels //= 2
    for row in rows:
        pixels[row] |= LEVELS
    for column in columns:
        pixels[:, column] |= LEVELS
    return pixels


def palette(ink: Colour, paper: Colour | None, rule: Colour | None = None) -> NDArray[uint8]:
    """Return (256, 3) the RGB colour of each pixel value, or (256, 4) RGBA on transparent paper.

    Args:
        ink: As of `painted`.
        paper: Likewise.
        rule: Likewise.
    """
    colours = _shades(ink, paper)
    if rule is None:
        return colours
    # Of 256 levels each second one, from none to all ink.
    levels = np.rint(np.linspace(0, 255, LEVELS)).astype(int)
    on_rule = _shades(ink, rule)[levels]
    opaque = np.full((LEVELS, colours.shape[1] - on_rule.shape[1]), 255, uint8)
    return np.concatenate([colours[levels], np.hstack([on_rule, opaque])])


def _shades(ink: Colour, paper: Colour | None) -> NDArray[uint8]:
    """Return the colour of each level from paper to ink, as `palette` does without rules."""
    channels = [mixed(*levels) for levels in zip(ink if paper is None else paper, ink, strict=True)]
    alpha = [np.arange(256, dtype=uint8)] if paper is None else []
    return np.stack(channels + alpha, axis=1)


def parse_ink(text: str) -> Colour:
    """Parse the colour of the ink.

    Args:
        text: A CSS colour name, `#rgb`, `#rrggbb`, the same without `#`, or `rgb(r, g, b)`, in upper or lower case.
            A name takes precedence over hexadecimal digits.

    Raises:
        UnknownColourError: `text` is none of these.
    """
    return _parse(text, _ALLOWED)


def parse_paper(text: str) -> Colour | None:
    """Parse the colour of the paper, like `parse_ink`; `transparent` gives None.

    Raises:
        UnknownColourError: `text` is none of these.
    """
    return None if text.lower() == "transparent" else _parse(text, f"transparent, {_ALLOWED}")


def _parse(text: str, allowed: str) -> Colour:
    if text.lower() in ImageColor.colormap:
        return Colour(*ImageColor.getrgb(text)[:3])
    if digits := _HEX.fullmatch(text):
        return Colour(*ImageColor.getrgb(f"#{digits[1]}")[:3])
    if (parts := _RGB.fullmatch(text)) and all(int(part) <= 255 for part in parts.groups()):
        return Colour(*map(int, parts.groups()))
    raise UnknownColourError(f"{quoted(text)} is not a colour; allowed is {allowed}.")
