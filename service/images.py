"""Image files of strangers, decoded to grey levels."""

from numpy import uint8
from numpy.typing import NDArray

FORMATS = ("PNG", "JPEG", "WEBP")


class MalformedImageError(ValueError):
    """The bytes are not a complete PNG, JPEG or WebP file."""


class ImageTooLargeError(ValueError):
    """The image has more pixels or frames than are allowed; the message says how many are."""


def decode_image(data: bytes, *, max_pixels: int, max_frames: int = 1) -> NDArray[uint8]:
    """The first frame of an image file in grey.

    Args:
        data: A PNG, JPEG or WebP file.
        max_pixels: Upper limit of width x height, checked before any pixel is decoded.
        max_frames: Upper limit of frames, checked likewise.

    Returns:
        (height, width) luma (ITU-R 601) on white paper, turned upright by its EXIF orientation.

    Raises:
        MalformedImageError: another format, broken or truncated.
        ImageTooLargeError: over a limit.
    """
    raise NotImplementedError
