"""Tensors of the Open Inference Protocol, as JSON and as the bytes of its binary tensor data extension.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/extension_binary_data.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[Any]

# Little-endian, whatever the machine: that is what the bytes of a tensor are.
TYPES: dict[str, np.dtype[Any]] = {"UINT8": np.dtype("u1"), "INT64": np.dtype("<i8"), "FP32": np.dtype("<f4")}


class InvalidTensorError(ValueError):
    """A tensor is not what the model takes; the message names it."""


@dataclass(frozen=True)
class Spec:
    """A tensor as a model takes or gives it.

    Attributes:
        name: Its name in the graph.
        datatype: The protocol's name of its type.
        shape: Its shape, -1 for the batch.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]

    def described(self) -> dict[str, Any]:
        """The protocol's description."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}

    def from_json(self, datatype: str, shape: Sequence[int], data: object) -> Tensor:
        """The tensor whose values `data` lists, nested as the shape says or flat.

        Raises:
            InvalidTensorError: Type, shape or values are not allowed.
        """
        self._check(datatype, shape)
        try:
            values = np.array(data)
        except ValueError:  # the lists are of different length, or nested too deep for an array
            raise InvalidTensorError(f"{self.name}: the lists in data have no common shape") from None
        dtype = TYPES[self.datatype]
        if values.dtype.kind not in ("iu" if dtype.kind in "iu" else "iuf"):
            raise InvalidTensorError(f"{self.name}: data holds what is not {self.datatype}")
        if values.size != prod(shape):
            raise InvalidTensorError(f"{self.name}: data holds {values.size} values, its shape {prod(shape)}")
        if dtype.kind == "u" and (values.min() < 0 or values.max() > 255):
            raise InvalidTensorError(f"{self.name}: data holds what is not {self.datatype}")
        with np.errstate(over="ignore"):  # what becomes infinite is refused by whoever takes the tensor
            return values.astype(dtype).reshape(shape)

    def from_bytes(self, datatype: str, shape: Sequence[int], data: bytes) -> Tensor:
        """The tensor whose values are `data`, row by row.

        Raises:
            InvalidTensorError: Type, shape or size are not allowed.
        """
        self._check(datatype, shape)
        dtype = TYPES[self.datatype]
        if len(data) != prod(shape) * dtype.itemsize:
            raise InvalidTensorError(
                f"{self.name}: the binary data has {len(data)} bytes, its shape {prod(shape) * dtype.itemsize}"
            )
        return np.frombuffer(data, dtype).reshape(shape)

    def _check(self, datatype: str, shape: Sequence[int]) -> None:
        if datatype != self.datatype:
            raise InvalidTensorError(f"{self.name}: the datatype is {datatype!r}, the model takes {self.datatype}")
        # One value a row is meant with and without an axis of its own.
        allowed = {self.shape, self.shape[:1]} if self.shape[1:] == (1,) else {self.shape}
        if not shape or shape[0] < 1 or (-1, *shape[1:]) not in allowed:
            raise InvalidTensorError(f"{self.name}: the shape is {list(shape)}, the model takes {list(self.shape)}")
