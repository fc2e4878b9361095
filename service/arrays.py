"""`.npy` files in and out, without ever unpickling."""

import numpy as np
from numpy import uint8
from numpy.typing import DTypeLike, NDArray


class MalformedArrayError(ValueError):
    """The bytes are not a complete `.npy` file."""


class ArrayNotAllowedError(ValueError):
    """The array's dtype, shape, size or values are not allowed; the message says what is."""


def read_images(data: bytes, *, max_images: int, max_pixels: int) -> NDArray[uint8]:
    """The images of a `.npy` file; nothing is allocated before the header has been checked.

    Args:
        data: The whole file. uint8 0-255, or bool or float16/32/64 in [0, 1]; (28, 28), (n, 28, 28), (n, 784) or
            (n, height, width) for images of another size.
        max_images: Upper limit of n.
        max_pixels: Upper limit of height x width.

    Returns:
        (n, height, width) grey levels as they stand in the file.

    Raises:
        MalformedArrayError: not a `.npy` file, truncated, or with bytes left over.
        ArrayNotAllowedError: another dtype or shape, over a limit, or values outside [0, 1].
    """
    raise NotImplementedError


def npy_header(shape: tuple[int, ...], dtype: DTypeLike) -> bytes:
    """The bytes that precede the C-ordered data of a `.npy` file, for answers that are streamed."""
    raise NotImplementedError


def npy_bytes(array: NDArray[np.generic]) -> bytes:
    """`array` as a `.npy` file."""
    raise NotImplementedError
