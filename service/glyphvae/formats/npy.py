"""Reading and writing of `.npy` files, without pickle.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import re
import struct
from dataclasses import dataclass
from io import BytesIO
from math import prod
from typing import Literal

import numpy as np
from numpy import generic, uint8
from numpy.typing import DTypeLike, NDArray

from glyphvae.wording import quoted

MEDIA_TYPE = "application/x-npy"

_LENGTH_FORMATS = {b"\x93NUMPY\x01\x00": "<H", b"\x93NUMPY\x02\x00": "<I"}
_MAX_HEADER = 1024  # several times the header that NumPy writes for the longest allowed shape
# Blanks and tuples of numbers, exactly as Python's tokenizer reads them.
_BLANK = r"[ \t\n]*"
_NUMBER = rf"{_BLANK}(?:0|[1-9][0-9]*){_BLANK}"
_TUPLE = rf"\((?:{_BLANK}|(?:{_NUMBER},)+(?:{_NUMBER}|{_BLANK}))\)"
_TEXT = r"""'[^'\\\n]*'|"[^"\\\n]*\""""
_ITEM = r"""{blank}(['"])(descr|fortran_order|shape)\{quote}{blank}:{blank}({text}|True|False|{tuple}){blank}"""
_ITEMS = [_ITEM.format(blank=_BLANK, text=_TEXT, tuple=_TUPLE, quote=quote) for quote in (1, 4, 7)]
_HEADER = re.compile(rf"\{{{','.join(_ITEMS)}(?:,{_BLANK})?\}}{_BLANK}")
_DTYPES = {"|u1", "|i1", "|b1"} | {f"{order}{kind}{size}" for order in "<>" for kind in "fiu" for size in (2, 4, 8)}
_ALLOWED_DTYPES = "uint8 or another integer 0-255, or bool or float16, float32, float64 in [0, 1]"
_SIDE = 28
# Grey; red, green and blue; the same and opacity.
_CHANNELS = {1, 3, 4}
_ALLOWED_SHAPES = (
    "(height, width) for one image, (n, height, width) or (n, 784) for n of them, and with channels, which come last "
    "and are 1, 3 or 4, (height, width, channels) or (n, height, width, channels); but no last axis of 2, and not "
    "(784, 784), which is (1, 784, 784) or (784, 28, 28)"
)


class MalformedArrayError(ValueError):
    """The bytes are not a complete `.npy` file."""


class ArrayNotAllowedError(ValueError):
    """The array's dtype, shape, size or values are not allowed; the message says which are."""


@dataclass(frozen=True, slots=True)
class Array:
    """The images of a `.npy` file whose header is within the limits; no value has been read yet.

    Attributes:
        shape: (n, height, width).
        channels: 1 for grey images, 3 or 4 for colours.
        values: The values, as a read-only view of the file.
    """

    shape: tuple[int, int, int]
    channels: int
    values: NDArray[generic]

    @property
    def pixels(self) -> int:
        """The number of pixels of all images."""
        return prod(self.shape)

    def levels(self) -> NDArray[uint8]:
        """Convert the values to levels 0-255, possibly a read-only view of the file.

        Returns:
            (n, height, width), with a last axis of 3 or 4 channels if they are colours.

        Raises:
            ArrayNotAllowedError: Values are outside 0-255, or as floats outside [0, 1].
        """
        channels = () if self.channels == 1 else (self.channels,)
        return np.ascontiguousarray(_levels(self.values).reshape(self.shape + channels))


def open_images(data: bytes, *, max_images: int, max_pixels: int) -> Array:
    """Open the images of a `.npy` file without allocating memory for them.

    Args:
        data: The whole file: integers 0-255, or bool or float16, float32, float64 in [0, 1]; of shape (height, width),
            (n, height, width) or (n, 784), or with a last axis of 1, 3 or 4 channels (height, width, channels) or
            (n, height, width, channels); C or Fortran order.
        max_images: Upper limit of n.
        max_pixels: Upper limit of height x width.

    Raises:
        MalformedArrayError: The file is not a `.npy` file, is truncated, or has extra bytes.
        ArrayNotAllowedError: The dtype or shape is not allowed, or a limit is exceeded.
    """
    descr, order, file_shape, start = _read_header(data)
    if descr not in _DTYPES:
        raise ArrayNotAllowedError(f"The dtype {quoted(descr)} is not allowed; allowed is {_ALLOWED_DTYPES}.")
    *shape, channels = _image_shape(file_shape)
    n, height, width = shape
    _check_limits(n, height * width, max_images, max_pixels)
    dtype = np.dtype(descr)
    declared, present = prod(file_shape) * dtype.itemsize, len(data) - start
    if declared != present:
        raise MalformedArrayError(f"The .npy file declares {declared} bytes of values but holds {present}.")
    return Array(
        (n, height, width), channels, np.frombuffer(data, dtype, offset=start).reshape(file_shape, order=order)
    )


def npy_header(shape: tuple[int, ...], dtype: DTypeLike) -> bytes:
    """Return the header of a `.npy` file, to be followed by the values in C order."""
    file = BytesIO()
    descr = np.lib.format.dtype_to_descr(np.dtype(dtype))
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def npy_bytes(array: NDArray[generic]) -> bytes:
    """Encode an array of any shape and plain dtype as a `.npy` file."""
    return npy_header(array.shape, array.dtype) + array.tobytes()


def _read_header(data: bytes) -> tuple[str, Literal["C", "F"], tuple[int, ...], int]:
    """Return dtype, order and shape of the array, and the offset of its values."""
    length_format = _LENGTH_FORMATS.get(data[:8])
    if length_format is None:
        raise MalformedArrayError("The body is not a .npy file of format 1.0 or 2.0.")
    start = 8 + struct.calcsize(length_format)
    if len(data) < start:
        raise MalformedArrayError("The .npy file ends within its header.")
    end = start + struct.unpack_from(length_format, data, 8)[0]
    if end > min(len(data), start + _MAX_HEADER):
        raise MalformedArrayError(f"The .npy file's header is incomplete or longer than {_MAX_HEADER} bytes.")
    # Matched by a pattern, not evaluated as NumPy does: the header is a Python expression from an untrusted client.
    match = _HEADER.fullmatch(data[start:end].decode("latin-1"))
    items = dict(zip(match.groups()[1::3], match.groups()[2::3], strict=True)) if match else {}
    descr, order, shape = (items.get(key, "") for key in ("descr", "fortran_order", "shape"))
    if descr[:1] not in {"'", '"'} or order not in {"True", "False"} or shape[:1] != "(":
        raise MalformedArrayError("The .npy file's header does not describe a plain array.")
    return descr[1:-1], "F" if order == "True" else "C", tuple(map(int, re.findall(r"[0-9]+", shape))), end


def _image_shape(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return the number of images, their height, width and channels."""
    found: tuple[int, int, int, int] | None = None
    match shape:
        case (784, 784):  # one image, or 784
            pass
        case (n, 784):
            found = n, _SIDE, _SIDE, 1
        case (height, width):
            found = 1, height, width, 1
        case (height, width, channels) if channels in _CHANNELS:
            found = 1, height, width, channels
        case (n, height, width) if width != 2:  # two channels, or images of two columns
            found = n, height, width, 1
        case (n, height, width, channels) if channels in _CHANNELS:
            found = n, height, width, channels
    if found is None or 0 in shape:
        raise ArrayNotAllowedError(f"The shape {shape} is not allowed; allowed is {_ALLOWED_SHAPES}; and no axis of 0.")
    return found


def _check_limits(n: int, pixels: int, max_images: int, max_pixels: int) -> None:
    if n > max_images:
        raise ArrayNotAllowedError(f"The array holds {n} images; at most {max_images} are allowed.")
    if pixels > max_pixels:
        raise ArrayNotAllowedError(f"The array's images have {pixels} pixels; at most {max_pixels} are allowed.")


def _levels(values: NDArray[generic]) -> NDArray[uint8]:
    """Convert values of any allowed dtype to levels 0-255, in the same shape."""
    if values.dtype == np.uint8:
        return values.view(uint8)
    if values.dtype.kind in "iu":
        if values.min() < 0 or values.max() > 255:
            raise ArrayNotAllowedError("The array has values outside 0-255, which is the range for integers.")
        return values.astype(uint8)
    if values.dtype == np.bool:
        return np.where(values, uint8(255), uint8(0))
    with np.errstate(invalid="ignore", over="ignore"):  # a client's NaN must not cause a warning in the log
        levels: NDArray[np.float32] = np.multiply(values, 255, dtype=np.float32)
        inside = levels.min() >= 0 and levels.max() <= 255  # false for NaN
    if not inside:
        raise ArrayNotAllowedError("The array has values outside [0, 1], which is the range for floats.")
    return np.rint(levels).astype(uint8)
