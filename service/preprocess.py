"""Any picture of one character to what the models read, the way MNIST was made."""

from typing import Literal

from numpy import uint8
from numpy.typing import NDArray

Mode = Literal["auto", "none"]


class UnsuitableImageError(ValueError):
    """The picture shows no ink, or is not 28x28 where it is taken as it is."""


def preprocess(grey: NDArray[uint8], mode: Mode = "auto") -> NDArray[uint8]:
    """`grey` as a character in MNIST's convention.

    Args:
        grey: (height, width) grey levels; dark ink on light paper or the reverse.
        mode: `auto` converts; `none` takes a 28x28 picture with bright ink as it is.

    Returns:
        (28, 28), paper 0, ink 255.

    Raises:
        UnsuitableImageError: no ink (`auto`), or not 28x28 (`none`).
    """
    raise NotImplementedError
