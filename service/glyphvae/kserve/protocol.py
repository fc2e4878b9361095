"""Parsing of Open Inference Protocol requests: JSON, optionally followed by binary tensors."""

from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from glyphvae.api.parameters import problem_of, refusals
from glyphvae.errors import MalformedBody
from glyphvae.wording import quoted

# Header with the length of the JSON, after which the binary tensors begin.
HEADER_LENGTH = "Inference-Header-Content-Length"
# Longer numbers than any length of a body.
MAX_DIGITS = 18
# Longer than any axis, and short to quote.
MAX_AXIS = 1 << 53


class _Part(BaseModel):
    """A part of a request; unknown fields and parameters are ignored, as the protocol demands."""

    model_config = ConfigDict(extra="ignore")

    parameters: dict[str, Any] = {}


class Input(_Part):
    """An input tensor."""

    name: str
    datatype: str
    shape: list[Annotated[int, Field(ge=-MAX_AXIS, le=MAX_AXIS)]] = Field(max_length=8)
    data: list[Any] | None = None

    @property
    def size(self) -> int | None:
        """The size of the tensor's binary data in bytes; None if the values are in the JSON."""
        size = self.parameters.get("binary_data_size")
        if size is None and self.data is not None:
            return None
        if type(size) is int and size >= 0 and self.data is None:
            return size
        raise MalformedBody(f"The input {quoted(self.name)} needs either data or a binary_data_size.")


class Output(_Part):
    """A requested output tensor."""

    name: str


class Inference(_Part):
    """The JSON of an inference request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "inputs": [
                        {"name": "z", "datatype": "FP32", "shape": [1, 6], "data": [0, 0, 0, 0, 0, 0]},
                        {"name": "label", "datatype": "INT64", "shape": [1, 1], "data": [19]},
                    ]
                }
            ]
        }
    )

    id: str | None = Field(None, max_length=1024)
    inputs: list[Input] = Field(min_length=1, max_length=8)
    outputs: list[Output] = Field(default=[], max_length=8)


def split(body: bytes, declared: str | None, limit: int) -> tuple[bytes, bytes]:
    """Split a body into its JSON and the binary tensors.

    Args:
        body: The whole body.
        declared: The header `HEADER_LENGTH`, if present.
        limit: Maximum size of the JSON, in bytes.

    Raises:
        MalformedBody: The declared length is invalid, or the JSON is over the limit.
    """
    length = len(body) if declared is None else _length(declared)
    if not 0 <= length <= len(body):
        raise MalformedBody(f"{HEADER_LENGTH} is {quoted(declared or '')}, but the body has {len(body)} bytes.")
    if length > limit:
        raise MalformedBody(f"The JSON has {length} bytes; at most {limit} are allowed. Send tensors as binary data.")
    return body[:length], body[length:]


def _length(declared: str) -> int:
    # int() raises an error for thousands of digits.
    return int(declared) if declared.isdecimal() and len(declared) <= MAX_DIGITS else -1


def parse(json: bytes) -> Inference:
    """Parse the JSON of an inference request.

    Raises:
        MalformedBody: It is not valid JSON, or not a request of the protocol.
    """
    try:
        return Inference.model_validate(orjson.loads(json))
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"The body is not JSON: {error}.") from None
    except ValidationError as error:
        raise MalformedBody(problem_of(refusals(error)).detail) from None
