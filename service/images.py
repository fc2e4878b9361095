"""Image files of strangers, decoded to grey levels."""

import warnings
from io import BytesIO

import numpy as np
from numpy import uint8
from numpy.typing import NDArray
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP")

# Pillow warns of images that are larger than any limit set here should be, and raises only from twice that size on.
warnings.simplefilter("error", Image.DecompressionBombWarning)


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
        (height, width) luma (ITU-R 601), turned upright by its EXIF orientation. What is transparent shows white
        paper, or black paper if nothing could be seen on white.

    Raises:
        MalformedImageError: Another format, broken or truncated.
        ImageTooLargeError: Over a limit.
    """
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            _check_limits(image, max_pixels, max_frames)
            return _grey(ImageOps.exif_transpose(image))
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
    return np.asarray(image.convert("L"))


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
