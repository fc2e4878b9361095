"""Ink and paper colours."""

import re
from dataclasses import dataclass

from PIL import ImageColor

from glyphvae.wording import quoted

_HEX = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_RGB = re.compile(r"rgb\( *([0-9]{1,3}) *, *([0-9]{1,3}) *, *([0-9]{1,3}) *\)", re.IGNORECASE)
_ALLOWED = "a colour name such as navy, #rgb, #rrggbb (the # may be left out) or rgb(r, g, b) with 0-255"


class UnknownColourError(ValueError):
    """The text is no colour; the message says what is allowed."""


@dataclass(frozen=True, slots=True)
class Colour:
    """An opaque sRGB colour, each part 0-255."""

    red: int
    green: int
    blue: int

    @property
    def is_grey(self) -> bool:
        """Whether the three parts are equal."""
        return self.red == self.green == self.blue


BLACK = Colour(0, 0, 0)
WHITE = Colour(255, 255, 255)


def parse_ink(text: str) -> Colour:
    """The colour that `text` names.

    Args:
        text: A CSS colour name, `#rgb`, `#rrggbb`, the same without `#`, or `rgb(r, g, b)`, in either case.
            A name wins over hexadecimal digits.

    Raises:
        UnknownColourError: `text` is none of these.
    """
    colour = _parse(text)
    if colour is None:
        raise UnknownColourError(f"{quoted(text)} is not a colour; allowed is {_ALLOWED}.")
    return colour


def parse_paper(text: str) -> Colour | None:
    """Like `parse_ink`, and None for `transparent`.

    Raises:
        UnknownColourError: `text` is none of these.
    """
    if text.lower() == "transparent":
        return None
    colour = _parse(text)
    if colour is None:
        raise UnknownColourError(f"{quoted(text)} is not a colour; allowed is transparent, {_ALLOWED}.")
    return colour


def _parse(text: str) -> Colour | None:
    if text.lower() in ImageColor.colormap:
        return Colour(*ImageColor.getrgb(text)[:3])
    if digits := _HEX.fullmatch(text):
        return Colour(*ImageColor.getrgb(f"#{digits[1]}")[:3])
    if (parts := _RGB.fullmatch(text)) and all(int(part) <= 255 for part in parts.groups()):
        return Colour(*map(int, parts.groups()))
    return None
