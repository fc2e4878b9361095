"""The requests and responses of the Open Inference Protocol, as the OpenAPI document describes them.

Responses are built without these models, for speed.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from glyphvae.errors import BodyTooLarge, InvalidParameter, MalformedBody, NotReady, Problem, UnknownModel, documented
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


class TensorConfiguration(BaseModel):
    """An input or output, as Triton configures it."""

    name: str
    data_type: str
    dims: list[int] = Field(description="Without the batch; -1 stands for any number.")


class ModelConfiguration(BaseModel):
    """The configuration of a graph, as Triton's `ModelConfig`."""

    name: str
    platform: str
    backend: str
    version_policy: dict[str, Any]
    max_batch_size: int
    input: list[TensorConfiguration]
    output: list[TensorConfiguration]
    instance_group: list[dict[str, Any]]
    dynamic_batching: dict[str, Any]


class DurationFacts(BaseModel):
    """Number and duration of what happened several times."""

    count: int
    ns: int


class BatchFacts(BaseModel):
    """The runs of batches of one size."""

    batch_size: int
    compute_infer: DurationFacts


class ModelCounts(BaseModel):
    """The counts of a graph in this process since its model was loaded."""

    name: str
    version: str
    last_inference: int = Field(description="Milliseconds since 1970; 0 if there was none.")
    inference_count: int = Field(description="Rows, those of other endpoints included.")
    execution_count: int = Field(description="Runs, those for other endpoints included.")
    inference_stats: dict[str, DurationFacts] = Field(description="Requests under `/v2`, and their parts.")
    batch_stats: list[BatchFacts]


class ModelStatistics(BaseModel):
    """The counts of graphs."""

    model_config = ConfigDict(protected_namespaces=())

    model_stats: list[ModelCounts]


class IndexEntry(BaseModel):
    """A graph of the model repository."""

    name: str
    version: str
    state: str = Field(description="`READY` or `UNAVAILABLE`.")
    reason: str


class ModelIndex(RootModel[list[IndexEntry]]):
    """The graphs of the model repository."""


class Nothing(BaseModel):
    """An empty object."""

    model_config = ConfigDict(extra="forbid")


class IndexRequest(BaseModel):
    """The body of a request for the index, which may be empty."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"ready": True}]})

    ready: bool = Field(False, description="List only graphs that answer.")


class ControlRequest(BaseModel):
    """The body of a request to load or unload a model, which may be empty."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"parameters": {"unload_dependents": False}}]})

    parameters: dict[str, Any] = Field({}, description="`unload_dependents` is taken and changes nothing.")


class InferenceError(BaseModel):
    """The body of every error response under `/v2`."""

    error: str


MODELS: tuple[type[BaseModel], ...] = (
    Inference,
    Inferred,
    InferenceError,
    IndexRequest,
    ControlRequest,
    ModelIndex,
    Nothing,
)


def in_path(parameters: Sequence[str]) -> list[dict[str, Any]]:
    """Return what the OpenAPI document says of the parameters of a path."""
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": PARAMETERS[name],
            "schema": {"type": "string", "examples": [EXAMPLES[name]]},
        }
        for name in parameters
    ]


def inference(parameters: Sequence[str]) -> dict[str, Any]:
    """Return what the OpenAPI document says of an inference, with the parameters of its path."""
    length = {
        "name": HEADER_LENGTH,
        "in": "header",
        "required": False,
        "description": "Bytes of the JSON, where tensors follow it.",
        "schema": {"type": "integer", "minimum": 0},
    }
    json = {"schema": {"$ref": _REFERENCE.format(model="Inference")}}
    content = {JSON: json, BYTES: {"schema": _BINARY}}
    return {"parameters": [*in_path(parameters), length], "requestBody": {"required": True, "content": content}}


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
    **documented(MalformedBody, UnknownModel, BodyTooLarge, InvalidParameter, NotReady),
}


def of_model(kind: type[BaseModel], description: str, *problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of an operation that answers in JSON."""
    content = {JSON: {"schema": {"$ref": _REFERENCE.format(model=kind.__name__)}}}
    return {200: {"description": description, "content": content}, **documented(*problems)}


def optional_body(kind: type[BaseModel]) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body that may be empty."""
    content = {JSON: {"schema": {"$ref": _REFERENCE.format(model=kind.__name__)}}}
    return {"requestBody": {"required": False, "content": content}}
