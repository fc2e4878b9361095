"""The requests and responses of the Open Inference Protocol, as the OpenAPI document describes them.

Responses are built without these models, for speed.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from glyphvae.errors import BodyTooLarge, MalformedBody, NotReady, UnknownModel, documented
from glyphvae.formats.registry import JSON
from glyphvae.kserve.protocol import HEADER_LENGTH, Inference

BYTES = "application/octet-stream"
_REFERENCE = "#/components/schemas/{model}"
_BINARY = {"type": "string", "format": "binary", "description": "JSON and, after it, tensors as bytes."}


class ServerFacts(BaseModel):
    """The server."""

    name: str
    version: str
    extensions: list[str]


class Live(BaseModel):
    """The state of the process."""

    live: bool


class Ready(BaseModel):
    """The state of the service."""

    ready: bool


class ModelReady(BaseModel):
    """The state of a graph."""

    name: str
    ready: bool


class TensorFacts(BaseModel):
    """An input or output of a graph."""

    name: str
    datatype: str
    shape: list[int] = Field(description="-1 stands for any number.")


class ModelFacts(BaseModel):
    """A graph."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorFacts]
    outputs: list[TensorFacts]


class OutputTensor(TensorFacts):
    """A computed tensor."""

    data: list[Any] | None = Field(default=None, description="The values, unless they follow the JSON as bytes.")
    parameters: dict[str, Any] | None = Field(default=None, description="Their size where they do.")


class Inferred(BaseModel):
    """The response of an inference."""

    model_config = ConfigDict(protected_namespaces=())

    model_name: str
    model_version: str
    id: str | None = Field(default=None, description="As in the request.")
    outputs: list[OutputTensor]


class InferenceError(BaseModel):
    """The body of every error response under `/v2`."""

    error: str


MODELS: tuple[type[BaseModel], ...] = (Inference, Inferred, InferenceError)


def inference(parameters: Sequence[str]) -> dict[str, Any]:
    """Return what the OpenAPI document says of an inference, with the parameters of its path."""
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": PARAMETERS[name],
            "schema": {"type": "string", "examples": [EXAMPLES[name]]},
        }
        for name in parameters
    ]
    length = {
        "name": HEADER_LENGTH,
        "in": "header",
        "required": False,
        "description": "Bytes of the JSON, where tensors follow it.",
        "schema": {"type": "integer", "minimum": 0},
    }
    json = {"schema": {"$ref": _REFERENCE.format(model="Inference")}}
    content = {JSON: json, BYTES: {"schema": _BINARY}}
    return {"parameters": [*in_path, length], "requestBody": {"required": True, "content": content}}


PARAMETERS = {"name": "Name of the graph, as in the model repository.", "version": "Version of its model."}
EXAMPLES = {"name": "cvae-decoder", "version": "1"}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The outputs.",
        "content": {
            JSON: {"schema": {"$ref": _REFERENCE.format(model="Inferred")}},
            BYTES: {"schema": _BINARY},
        },
    },
    **documented(MalformedBody, UnknownModel, BodyTooLarge, NotReady),
}
