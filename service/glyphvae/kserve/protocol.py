"""What a request of the Open Inference Protocol holds: JSON, and the bytes of tensors behind it."""

from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from glyphvae.api.parameters import problem_of
from glyphvae.errors import MalformedBody
from glyphvae.wording import quoted

# Where JSON ends and the tensors' bytes begin.
HEADER_LENGTH = "Inference-Header-Content-Length"
# Digits of a number of bytes that no body here comes near.
LONGEST_NUMBER = 18


class _Part(BaseModel):
    """What the protocol leaves open is ignored, as it demands of parameters that are not known."""

    model_config = ConfigDict(extra="ignore")

    parameters: dict[str, Any] = {}


class Input(_Part):
    """A tensor that is sent."""

    name: str
    datatype: str
    shape: list[int] = Field(max_length=8)
    data: list[Any] | None = None

    @property
    def size(self) -> int | None:
        """Bytes behind the JSON that are its values, None where they are in the JSON."""
        size = self.parameters.get("binary_data_size")
        if size is None and self.data is not None:
            return None
        if type(size) is int and size >= 0 and self.data is None:
            return size
        raise MalformedBody(f"{quoted(self.name)} needs either data or a binary_data_size.")


class Output(_Part):
    """A tensor that is asked for."""

    name: str


class Inference(_Part):
    """The JSON of a request."""

    id: str | None = Field(None, max_length=1024)
    inputs: list[Input] = Field(min_length=1, max_length=8)
    outputs: list[Output] = Field(default=[], max_length=8)


def split(body: bytes, announced: str | None, limit: int) -> tuple[bytes, bytes]:
    """The JSON of a body, and the bytes behind it.

    Args:
        body: All of it.
        announced: The header `HEADER_LENGTH`, if it was sent.
        limit: The most bytes that the JSON may have.

    Raises:
        MalformedBody: The announced length is no part of the body, or the JSON is over the limit.
    """
    length = len(body) if announced is None else _length(announced)
    if not 0 <= length <= len(body):
        raise MalformedBody(f"{HEADER_LENGTH} is {quoted(announced or '')}, the body has {len(body)} bytes.")
    if length > limit:
        raise MalformedBody(f"The JSON has {length} bytes, at most {limit} are allowed; send tensors as binary data.")
    return body[:length], body[length:]


def _length(announced: str) -> int:
    # Python refuses to read numbers of thousands of digits.
    return int(announced) if announced.isdecimal() and len(announced) <= LONGEST_NUMBER else -1


def parse(json: bytes) -> Inference:
    """The JSON of a request.

    Raises:
        MalformedBody: It is not what the protocol says.
    """
    try:
        return Inference.model_validate(orjson.loads(json))
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"The body is not JSON: {error}.") from None
    except ValidationError as error:
        raise MalformedBody(problem_of(error.errors()).detail) from None
