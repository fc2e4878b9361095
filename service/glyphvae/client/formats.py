"""File formats of results, by the endings of their files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

PictureFormat = Literal["png", "webp", "svg"]
TextFormat = Literal["png", "webp", "svg", "pdf"]
FontFormat = Literal["ttf", "otf", "woff2"]

Name = TypeVar("Name", bound=str)

# What a text may be, an image, and a font; of each the first is the default.
TEXTS: Mapping[TextFormat, str] = {
    "png": "image/png",
    "webp": "image/webp",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
}
PICTURES: Mapping[PictureFormat, str] = {"png": TEXTS["png"], "webp": TEXTS["webp"], "svg": TEXTS["svg"]}
FONTS: Mapping[FontFormat, str] = {"ttf": "font/ttf", "otf": "font/otf", "woff2": "font/woff2"}
GIF = "image/gif"
_ENDINGS: Mapping[str, str] = {
    **{media: ending for ending, media in TEXTS.items()},
    **{media: ending for ending, media in FONTS.items()},
    GIF: "gif",
}


def media_type(name: Name | None, formats: Mapping[Name, str]) -> str:
    """Return the media type of a format, by default of the first one.

    Raises:
        ValueError: There is no such format.
    """
    chosen = next(iter(formats)) if name is None else name
    if chosen not in formats:
        raise ValueError(f"{chosen!r} is not a format; known are {', '.join(formats)}")
    return formats[chosen]


def check_ending(path: Path, media: str) -> None:
    """Check that a file's ending, if it has one, is that of its format.

    Raises:
        ValueError: It is another one.
    """
    ending = _ENDINGS.get(media)
    if path.suffix and ending and path.suffix.lower() != f".{ending}":
        raise ValueError(f"{path.name!r}: the file is {media}, so its ending is .{ending}; `format` asks for another")
