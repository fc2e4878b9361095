"""Tensors of the Open Inference Protocol, as JSON or in its binary tensor data extension.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/extension_binary_data.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glyphvae.wording import quoted

Tensor = NDArray[Any]

# Binary tensors are little-endian on every machine.
TYPES: dict[str, np.dtype[Any]] = {
    "UINT8": np.dtype("u1"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP32": np.dtype("<f4"),
}
# The same in the byte order of the machine, as graphs take them.
_NATIVE = {name: dtype.newbyteorder("=") for name, dtype in TYPES.items()}
# Types that are taken for another, into which all their values fit.
_FITTING = {"INT64": ("INT32",)}


class InvalidTensorError(ValueError):
    """A tensor does not match the model's input; the message names it."""


@dataclass(frozen=True)
class Spec:
    """The specification of an input or output tensor of a model.

    Attributes:
        name: The tensor's name in the graph.
        datatype: The protocol's name of the type.
        shape: The shape, with -1 for the batch.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]

    def described(self) -> dict[str, Any]:
        """Return the tensor's metadata in the protocol's form."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}

    def from_json(self, datatype: str, shape: Sequence[int], data: Sequence[Any]) -> Tensor:
        """Convert JSON values, flat or nested according to the shape, to a tensor.

        Raises:
            InvalidTensorError: Type, shape or values are not allowed.
        """
        self._check(datatype, shape)
        values, needed = self._flat(data), prod(shape)
        if len(values) != needed:
            raise InvalidTensorError(f"{self.name}: data holds {len(values)} values, but the shape needs {needed}")
        dtype = _NATIVE[datatype]
        # Before an array is made: NumPy would make one of any values, strings as long as the longest for example.
        if not {*map(type, values)} <= ({int, float} if dtype.kind == "f" else {int}):
            raise InvalidTensorError(f"{self.name}: data holds values that are not {datatype}")
        try:
            with np.errstate(over="ignore"):  # the model's range checks refuse values that become infinite
                return np.array(values, dtype).astype(_NATIVE[self.datatype], copy=False).reshape(shape)
        except OverflowError:
            raise InvalidTensorError(f"{self.name}: data holds values that are not {datatype}") from None

    def _flat(self, data: Sequence[Any]) -> Sequence[Any]:
        """Return the values of nested lists.

        Raises:
            InvalidTensorError: Lists at one depth differ in length.
        """
        while list in {*map(type, data)}:
            if {*map(type, data)} != {list} or len({*map(len, data)}) > 1:
                raise InvalidTensorError(f"{self.name}: the lists in data have no common shape")
            data = [*chain.from_iterable(data)]
        return data

    def from_bytes(self, datatype: str, shape: Sequence[int], data: bytes) -> Tensor:
        """Convert binary `data`, in C order, to a tensor.

        Raises:
            InvalidTensorError: Type, shape or size are not allowed.
        """
        self._check(datatype, shape)
        dtype = TYPES[datatype]
        needed = prod(shape) * dtype.itemsize
        if len(data) != needed:
            raise InvalidTensorError(
                f"{self.name}: the binary data has {len(data)} bytes, but the shape needs {needed}"
            )
        return np.frombuffer(data, dtype).astype(_NATIVE[self.datatype], copy=False).reshape(shape)

    def _check(self, datatype: str, shape: Sequence[int]) -> None:
        taken = (self.datatype, *_FITTING.get(self.datatype, ()))
        if datatype not in taken:
            raise InvalidTensorError(
                f"{self.name}: the datatype is {quoted(datatype)}, but the model takes {' or '.join(taken)}"
            )
        # A single value per row may be sent with or without its own axis.
        allowed = {self.shape, self.shape[:1]} if self.shape[1:] == (1,) else {self.shape}
        if not shape or shape[0] < 1 or (-1, *shape[1:]) not in allowed:
            raise InvalidTensorError(f"{self.name}: the shape is {list(shape)}, but the model takes {list(self.shape)}")
