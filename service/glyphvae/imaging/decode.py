"""Decoding of untrusted image files to grey levels."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import numpy as np
from numpy import uint8
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin

FORMATS = ("PNG", "JPEG", "WEBP")

# Above its own size limit Pillow only warns, and raises an error above twice the limit; here both are errors.
warnings.simplefilter("error", Image.DecompressionBombWarning)
# Pillow's other warnings, of broken EXIF data and the like, need not be logged.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# Pillow decompresses the text of a PNG before its pixels, although the service does not use it.
PngImagePlugin.MAX_TEXT_CHUNK = 1 << 16
PngImagePlugin.MAX_TEXT_MEMORY = 1 << 20


# A PNG may have one colour profile, but Pillow decompresses any number of them, each up to `MAX_TEXT_CHUNK`. The whole
# file is searched for the chunk's name, which appears by chance at one in four billion places.
MAX_PROFILES = 8

# Keys of Pillow's metadata that may hold an orientation: EXIF or XMP.
_ORIENTED = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}


class MalformedImageError(ValueError):
    """The bytes are not a complete PNG, JPEG or WebP file."""


class ImageTooLargeError(ValueError):
    """The image has more pixels or frames than allowed; the message states the limit."""


class Picture:
    """An image file whose header is within the limits; no pixel has been decoded yet.

    Attributes:
        pixels: Width x height.
    """

    def __init__(self, image: Image.Image, max_pixels: int) -> None:
        self.pixels = image.width * image.height
        self._image = image
        self._max_pixels = max_pixels

    def grey(self) -> NDArray[uint8]:
        """Decode the pixels; may be called once.

        Returns:
            (height, width) luma (ITU-R 601), rotated according to the EXIF orientation. Transparent parts become
            white, or black if nothing would be visible on white.

        Raises:
            MalformedImageError: The file is broken or truncated.
        """
        with _refusals(self._max_pixels), self._image as image:
            image.load()
            # Looking for an orientation takes as long as decoding a small image, and few images have one.
            if not image.info.keys().isdisjoint(_ORIENTED):
                ImageOps.exif_transpose(image, in_place=True)
            return _grey(image)


def open_image(data: bytes, *, max_pixels: int, max_frames: int = 1) -> Picture:
    """Open an image file and check its size, without decoding the pixels.

    Args:
        data: A PNG, JPEG or WebP file.
        max_pixels: Upper limit of width x height.
        max_frames: Upper limit of frames.

    Raises:
        MalformedImageError: The format is another one, or the header is broken.
        ImageTooLargeError: A limit is exceeded.
    """
    if data.count(b"iCCP") > MAX_PROFILES:
        raise MalformedImageError("The image has more colour profiles than a PNG file may have.")
    with _refusals(max_pixels):
        image = Image.open(BytesIO(data), formats=FORMATS)
        _check_limits(image, max_pixels, max_frames)
        return Picture(image, max_pixels)


@contextmanager
def _refusals(max_pixels: int) -> Iterator[None]:
    """Turn everything that Pillow raises into one of two errors."""
    try:
        yield
    except ImageTooLargeError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ImageTooLargeError(f"The image has more than the {max_pixels} pixels that are allowed.") from None
    except Exception:  # noqa: BLE001 (Pillow's decoders raise nearly any exception for a broken file)
        raise MalformedImageError("The image is not a complete PNG, JPEG or WebP file.") from None


def _check_limits(image: Image.Image, max_pixels: int, max_frames: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageTooLargeError(f"The image has {width}x{height} pixels; at most {max_pixels} are allowed.")
    # A JPEG file may hold further images (MPO), such as a preview or the second view of a stereo image.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > max_frames:
        raise ImageTooLargeError(f"The image has {frames} frames; at most {max_frames} are allowed.")


def _grey(image: Image.Image) -> NDArray[uint8]:
    if image.mode.startswith("I"):
        return _from_16_bit(image)
    if image.has_transparency_data:
        return np.asarray(_on_paper(image.convert("RGBA")))
    return np.asarray(image if image.mode == "L" else image.convert("L"))


def _from_16_bit(image: Image.Image) -> NDArray[uint8]:
    """Scale 16-bit greyscale to 8 bits, where Pillow would clip it; one level may mean transparent."""
    levels = np.asarray(image)
    grey = (levels // 257).astype(uint8)
    return np.where(levels == image.info.get("transparency", -1), uint8(255), grey)


def _on_paper(image: Image.Image) -> Image.Image:
    papers = (Image.new("RGBA", image.size, paper) for paper in ("white", "black"))
    on_white, on_black = (Image.alpha_composite(paper, image).convert("L") for paper in papers)
    darkest, brightest = on_white.getextrema()
    return on_black if darkest == brightest else on_white
