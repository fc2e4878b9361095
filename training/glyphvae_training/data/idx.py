"""Reader of the IDX format of MNIST and EMNIST.

Format: http://yann.lecun.com/exdb/mnist/ ("FILE FORMATS"). Two zero bytes, one byte for the element type, one for the
number of dimensions, then each dimension as a big-endian 32-bit integer, then the elements.
"""

import math
import struct

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.errors import DataError

UNSIGNED_BYTE = 0x08


def parse_idx(content: bytes, name: str) -> NDArray[np.uint8]:
    """Parse the array in the bytes of an IDX file.

    Args:
        content: the whole file, decompressed.
        name: what to call the file in an error.

    Returns:
        uint8 array (read-only) of the shape that the header gives.

    Raises:
        DataError: not an IDX file of unsigned bytes, or of another length than its header says.
    """
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError(f"{name} is not an IDX file: it starts with {content[:4].hex()!r}")
    kind, dimensions = content[2], content[3]
    if kind != UNSIGNED_BYTE:
        raise DataError(f"{name} holds IDX elements of type 0x{kind:02x}; only unsigned bytes (0x08) are read")
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise DataError(f"{name} ends within its IDX header")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise DataError(
            f"{name} holds {len(content) - start} bytes where its header {shape} asks for {math.prod(shape)}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """Encode an array of unsigned bytes as an IDX file, the inverse of `parse_idx`."""
    return struct.pack(f">HBB{array.ndim}I", 0, UNSIGNED_BYTE, array.ndim, *array.shape) + array.tobytes()
