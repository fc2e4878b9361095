"""Request bodies from image files, Pillow images and NumPy arrays."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    Picture = bytes | Path | Image.Image
    Images = Picture | NDArray[np.generic] | Sequence[Picture]


def body_of(images: Images) -> dict[str, Any]:
    """Return the arguments of a `Request` with `images` as its body.

    Args:
        images: A PNG, JPEG or WebP file as bytes or as a path, a Pillow image, a list of these, or an array (28, 28),
            (n, 28, 28), (n, 784) or (n, height, width) of uint8 or of floats in [0, 1].

    Raises:
        OSError: A file cannot be read.
    """
    if isinstance(images, (list, tuple)):
        return {"files": [("file", (f"{index}", _bytes(image))) for index, image in enumerate(images)]}
    return {"content": _bytes(images)}


def _bytes(image: Any) -> bytes:  # noqa: ANN401 (see Images; NumPy and Pillow may not be imported yet)
    if isinstance(image, bytes):
        return image
    if isinstance(image, Path):
        return image.read_bytes()
    file = io.BytesIO()
    if hasattr(image, "__array_interface__") and not hasattr(image, "save"):
        import numpy as np

        np.save(file, image, allow_pickle=False)
    else:
        image.save(file, "PNG")
    return file.getvalue()
