"""Request bodies from image files, Pillow images and NumPy arrays."""

from __future__ import annotations

import io
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Picture = bytes | str | PathLike[str] | BinaryIO | Image.Image | NDArray[np.generic]
    Images = Picture | Sequence[Picture]

# Modes of Pillow images with colours that PNG has none of.
_NOT_IN_PNG = frozenset({"CMYK", "YCbCr", "HSV"})


def body_of(images: Images) -> dict[str, Any]:
    """Return the arguments of a `Request` with `images` as its body.

    Args:
        images: A PNG, JPEG, WebP or `.npy` file as bytes, as a path or opened for reading bytes, a Pillow image, an
            array, or a list or tuple of these. An array is one image (height, width) or several (n, height, width) or
            (n, 784), with 1, 3 or 4 channels as its last axis or without, of integers 0-255 or of floats in [0, 1].

    Raises:
        OSError: A file cannot be read.
        TypeError: Something is no image.
    """
    if isinstance(images, (list, tuple)):
        return {"files": [("file", (f"{index}", _bytes(image))) for index, image in enumerate(images)]}
    return {"content": _bytes(images)}


def _bytes(image: Any) -> bytes:  # noqa: ANN401 (see Images; NumPy and Pillow may not be imported yet)
    if isinstance(image, (str, PathLike)):
        return Path(image).read_bytes()
    content = image.read() if hasattr(image, "read") else image
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content)
    file = io.BytesIO()
    if hasattr(image, "save"):
        _upright(image).save(file, "PNG")
    elif hasattr(image, "__array_interface__"):
        import numpy as np

        np.save(file, image, allow_pickle=False)
    else:
        raise TypeError(
            f"{type(image).__name__} is no image; pass bytes, a path, a file opened for reading bytes, a Pillow image, "
            "an array, or a list of these"
        )
    return file.getvalue()


def _upright(image: Image.Image) -> Image.Image:
    """Return a Pillow image as PNG can hold it, turned as its EXIF data says, which a PNG file is saved without."""
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    return upright.convert("RGB") if upright.mode in _NOT_IN_PNG else upright
