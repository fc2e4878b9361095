"""Image files of strangers, decoded to grey levels."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import numpy as np
from numpy import uint8
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin

FORMATS = ("PNG", "JPEG", "WEBP")

# Pillow warns of images that are larger than any limit set here should be, and raises only from twice that size on.
warnings.simplefilter("error", Image.DecompressionBombWarning)
# What else it warns of, broken EXIF and the like, is no news for the log.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# Compressed text in a PNG is inflated before its pixels are; nobody reads it here.
PngImagePlugin.MAX_TEXT_CHUNK = 1 << 16
PngImagePlugin.MAX_TEXT_MEMORY = 1 << 20


# Pillow inflates each colour profile of a PNG file, of which there may be one, up to `MAX_TEXT_CHUNK`, and keeps no
# account of them. The name of that chunk comes about by chance in one of a billion places.
MOST_PROFILES = 8

# Where the formats offered keep an orientation: EXIF, or XMP.
_ORIENTED = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}


class MalformedImageError(ValueError):
    """The bytes are not a complete PNG, JPEG or WebP file."""


class ImageTooLargeError(ValueError):
    """The image has more pixels or frames than are allowed; the message says how many are."""


class Picture:
    """An image file whose head has been read and found within the limits; no pixel has been decoded.

    Attributes:
        pixels: Width x height.
    """

    def __init__(self, image: Image.Image, max_pixels: int) -> None:
        self.pixels = image.width * image.height
        self._image = image
        self._max_pixels = max_pixels

    def grey(self) -> NDArray[uint8]:
        """The pixels; to be called once.

        Returns:
            (height, width) luma (ITU-R 601), turned upright by its EXIF orientation. What is transparent shows white
            paper, or black paper if nothing could be seen on white.

        Raises:
            MalformedImageError: The file is broken or truncated.
        """
        with _refusals(self._max_pixels), self._image as image:
            image.load()
            # To look for an orientation takes as long as to decode a small image; few have one.
            if not image.info.keys().isdisjoint(_ORIENTED):
                ImageOps.exif_transpose(image, in_place=True)
            return _grey(image)


def open_image(data: bytes, *, max_pixels: int, max_frames: int = 1) -> Picture:
    """An image file, ready to be decoded.

    Args:
        data: A PNG, JPEG or WebP file.
        max_pixels: Upper limit of width x height.
        max_frames: Upper limit of frames.

    Raises:
        MalformedImageError: Another format, or a broken head.
        ImageTooLargeError: Over a limit.
    """
    if data.count(b"iCCP") > MOST_PROFILES:
        raise MalformedImageError("The image has more colour profiles than a PNG file can.")
    with _refusals(max_pixels):
        image = Image.open(BytesIO(data), formats=FORMATS)
        _check_limits(image, max_pixels, max_frames)
        return Picture(image, max_pixels)


@contextmanager
def _refusals(max_pixels: int) -> Iterator[None]:
    """Whatever Pillow makes of a strange file, in two kinds."""
    try:
        yield
    except ImageTooLargeError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ImageTooLargeError(f"The image has more than the {max_pixels} pixels that are allowed.") from None
    except Exception:  # noqa: BLE001 (a strange file makes Pillow's decoders raise nearly anything)
        raise MalformedImageError("The image is not a complete PNG, JPEG or WebP file.") from None


def _check_limits(image: Image.Image, max_pixels: int, max_frames: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageTooLargeError(f"The image has {width}x{height} pixels; at most {max_pixels} are allowed.")
    # A JPEG file may carry more pictures behind the one it shows (MPO): a preview, the other eye's view.
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
    """16-bit greyscale, which Pillow would clip instead of scale; one level of it may mean transparent."""
    levels = np.asarray(image)
    grey = (levels // 257).astype(uint8)
    return np.where(levels == image.info.get("transparency", -1), uint8(255), grey)


def _on_paper(image: Image.Image) -> Image.Image:
    shown = [
        Image.alpha_composite(Image.new("RGBA", image.size, paper), image).convert("L") for paper in ("white", "black")
    ]
    darkest, brightest = shown[0].getextrema()
    return shown[darkest == brightest]
