"""The Open Inference Protocol under `/v2`: each exported graph as a model that any KServe or Triton client can call.

The names are those of the folders in the model repository, so a client can go from here to a Triton server over the
same repository.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import orjson
from fastapi import APIRouter, Path

from glyphvae import __version__
from glyphvae.api.context import Context, Running
from glyphvae.api.head import RequestHead
from glyphvae.api.readiness import check_live, check_ready
from glyphvae.api.responses import Body, Headers, Result
from glyphvae.errors import MalformedBody, NotReady, UnknownModel, documented
from glyphvae.formats.registry import JSON
from glyphvae.kserve.described import (
    BYTES,
    EXAMPLES,
    PARAMETERS,
    RESPONSES,
    Live,
    ModelFacts,
    ModelReady,
    Ready,
    ServerFacts,
    inference,
)
from glyphvae.kserve.protocol import HEADER_LENGTH, Inference, parse, split
from glyphvae.kserve.tensors import TYPES, InvalidTensorError, Spec, Tensor
from glyphvae.models.manifest import File
from glyphvae.models.registry import Model
from glyphvae.models.sessions import STROKES, Part
from glyphvae.operations.base import Operation, Plan
from glyphvae.scheduling.cost import parsing, writing
from glyphvae.scheduling.steps import Offload, Program
from glyphvae.wording import quoted

_LENGTH_NAME = HEADER_LENGTH.lower().encode()

# A hundred thousand times what the prior draws, and float32 stays finite through any decoder.
MOST = 1e5

_IMAGES = (-1, 28, 28)
# Graphs that take latents.
_DECODERS = {"decoder", "strokes"}
_STROKES = ((-1, -1, -1, 2), (-1, -1, -1), (-1, -1), (-1, 4))

router = APIRouter(prefix="/v2")
GraphName = Annotated[str, Path(description=PARAMETERS["name"], examples=[EXAMPLES["name"]])]
GraphVersion = Annotated[str, Path(description=PARAMETERS["version"], examples=[EXAMPLES["version"]])]


@dataclass(frozen=True)
class Graph:
    """An exported graph as the protocol sees it.

    Attributes:
        name: Its folder in the model repository.
        model: The model that it belongs to.
        part: Which of its graphs it is.
    """

    name: str
    model: Model
    part: Part

    @property
    def inputs(self) -> dict[str, Spec]:
        """The inputs, by name."""
        latents = Spec("z", "FP32", (-1, self.model.manifest.latent_size))
        first = latents if self.part in _DECODERS else Spec("pixels", "UINT8", _IMAGES)
        # As in Triton's configuration, which knows no tensor of one axis.
        conditional = self.model.manifest.labels and self.part != "classifier"
        label = [Spec("label", "INT64", (-1, 1))] if conditional else []
        return {spec.name: spec for spec in (first, *label)}

    @property
    def outputs(self) -> dict[str, Spec]:
        """The outputs, by name."""
        specs = {
            "encoder": [Spec(name, "FP32", (-1, self.model.manifest.latent_size)) for name in ("mu", "logvar")],
            "decoder": [Spec("pixels", "UINT8", _IMAGES), Spec("logits", "FP32", _IMAGES)],
            "classifier": [Spec("logits", "FP32", (-1, len(self.model.manifest.labels)))],
            # How many strokes, control points and knots there are, only the graph knows.
            "strokes": [Spec(name, "FP32", shape) for name, shape in zip(STROKES, _STROKES, strict=True)],
        }
        return {spec.name: spec for spec in specs[self.part]}

    def run(self, inputs: Mapping[str, Tensor], outputs: set[str]) -> Program[dict[str, Tensor]]:
        """Compute the tensors `outputs`, which may come with others.

        Raises:
            NotReady: It does not run.
        """
        model = self.model
        first = inputs["z" if self.part in _DECODERS else "pixels"]
        labels = inputs.get("label", np.zeros(len(first), dtype=np.int64)).reshape(len(first))
        if self.part == "classifier":
            return {"logits": (yield from model.classify(first))}
        if self.part == "encoder":
            return dict(zip(("mu", "logvar"), (yield from model.encode(first, labels)), strict=True))
        if self.part == "strokes":
            return dict(vars((yield from model.strokes(first, labels))))
        if "logits" in outputs:
            return dict(zip(("pixels", "logits"), (yield from model.decode_logits(first, labels)), strict=True))
        return {"pixels": (yield from model.decode(first, labels))}


@router.get("", name="inference_server", summary="Describe the server", response_model=ServerFacts)
@router.get("/", include_in_schema=False)
async def server() -> dict[str, Any]:
    """Describe the server."""
    return {"name": "glyphvae", "version": __version__, "extensions": ["binary_tensor_data"]}


@router.get(
    "/health/live",
    name="inference_live",
    summary="Is the process alive?",
    response_model=Live,
    responses=documented(NotReady),
)
async def live(context: Running) -> dict[str, bool]:
    """Report whether the process lives, as `/livez` does."""
    check_live(context)
    return {"live": True}


@router.get(
    "/health/ready",
    name="inference_ready",
    summary="Can it answer?",
    response_model=Ready,
    responses=documented(NotReady),
)
async def ready(context: Running) -> dict[str, bool]:
    """Report whether it can answer, as `/readyz` does."""
    check_ready(context)
    return {"ready": True}


@router.get(
    "/models/{name}",
    name="graph",
    summary="Describe a graph",
    response_model=ModelFacts,
    responses=documented(UnknownModel),
)
async def describe(name: GraphName, context: Running) -> dict[str, Any]:
    """Describe the inputs and outputs of a graph."""
    return described(find(context, name, None))


@router.get(
    "/models/{name}/versions/{version}",
    name="graph_version",
    summary="Describe a version of a graph",
    response_model=ModelFacts,
    responses=documented(UnknownModel),
)
async def describe_version(name: GraphName, version: GraphVersion, context: Running) -> dict[str, Any]:
    """Describe the inputs and outputs of a version of a graph."""
    return described(find(context, name, version))


def described(graph: Graph) -> dict[str, Any]:
    """Return the description of a graph."""
    return {
        "name": graph.name,
        "versions": [str(graph.model.manifest.version)],
        "platform": "onnxruntime_onnx",
        "inputs": [spec.described() for spec in graph.inputs.values()],
        "outputs": [spec.described() for spec in graph.outputs.values()],
    }


@router.get(
    "/models/{name}/ready",
    name="graph_ready",
    summary="Can a graph answer?",
    response_model=ModelReady,
    responses=documented(UnknownModel, NotReady),
)
async def model_ready(name: GraphName, context: Running) -> dict[str, Any]:
    """Run the model once."""
    find(context, name, None).model.check()
    return {"name": name, "ready": True}


@router.get(
    "/models/{name}/versions/{version}/ready",
    name="graph_version_ready",
    summary="Can a version of a graph answer?",
    response_model=ModelReady,
    responses=documented(UnknownModel, NotReady),
)
async def model_version_ready(name: GraphName, version: GraphVersion, context: Running) -> dict[str, Any]:
    """Run that version of the model once."""
    find(context, name, version).model.check()
    return {"name": name, "ready": True}


@dataclass(eq=False, kw_only=True)
class InferPlan(Plan):
    """The head of a request that has been checked.

    Attributes:
        graph: The graph to run.
        announced: Bytes of the JSON as a header announces them, None where the body is nothing else.
    """

    graph: Graph
    announced: str | None


class InferRequest(NamedTuple):
    """The tensors that were sent.

    Attributes:
        id: The request's own name, None where it has none.
        inputs: The tensors, by name.
        outputs: The outputs that are wanted, each with whether it is wanted in bytes.
    """

    id: str | None
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, bool]


class Infer(Operation[InferPlan]):
    """Run a graph on the tensors in the body."""

    name = "infer"
    path = "/v2/models/{name}/infer"
    summary = "Run a graph"
    parameters = None
    body = "tensors"
    responses: ClassVar[dict[int | str, dict[str, Any]]] = RESPONSES
    openapi_extra: ClassVar[Mapping[str, Any] | None] = inference(["name"])

    def plan(self, head: RequestHead) -> InferPlan:
        """Find the graph."""
        graph = find(self.context, head.parameters["name"], head.parameters.get("version"))
        return InferPlan(media=JSON, cost=8, graph=graph, announced=head.headers.last(_LENGTH_NAME) or None)

    def run(self, plan: InferPlan, body: Body) -> Program[Result]:
        """Check the tensors, and run the graph."""
        graph = plan.graph
        json, binary = split(body.content, plan.announced, self.context.settings.max_json_bytes)
        request: InferRequest = yield Offload(parsing(len(json)), self._read, (graph, json, binary))
        given = yield from graph.run(request.inputs, set(request.outputs))
        size = sum(given[output].size for output, as_bytes in request.outputs.items() if not as_bytes)
        result: Result = yield Offload(writing(size), response, (graph, request, given))
        return result

    def _read(self, graph: Graph, json: bytes, binary: bytes) -> InferRequest:
        """Check the tensors.

        Raises:
            MalformedBody: They are not what the graph takes.
        """
        asked = parse(json)
        try:
            inputs = tensors(graph, asked, binary)
            check(graph, inputs, self.context)
            return InferRequest(asked.id, inputs, wanted_outputs(graph, asked))
        except InvalidTensorError as error:
            raise MalformedBody(f"{error}.") from None


class InferVersion(Infer):
    """Run a version of a graph on the tensors in the body."""

    name = "infer_version"
    path = "/v2/models/{name}/versions/{version}/infer"
    summary = "Run a version of a graph"
    openapi_extra: ClassVar[Mapping[str, Any] | None] = inference(["name", "version"])


def find(context: Context, name: str, version: str | None) -> Graph:
    """Return the graph called `name`.

    Raises:
        UnknownModel: There is none, or not of that version.
    """
    for model in context.registry.models.values():
        facts = model.manifest
        files: dict[Part, File | None] = {"encoder": facts.encoder, "decoder": facts.decoder}
        for part, file in (files | {"classifier": facts.classifier, "strokes": facts.strokes}).items():
            if file is not None and file.entry == name and version in {None, str(facts.version)}:
                return Graph(name, model, part)
    of_version = "" if version is None else f" of version {quoted(version)}"
    raise UnknownModel(f"There is no model {quoted(name)}{of_version}.")


def tensors(graph: Graph, asked: Inference, binary: bytes) -> dict[str, Tensor]:
    """Return the tensors that were sent, by name.

    Raises:
        InvalidTensorError: One is missing, twice, unknown or not what the graph takes.
        MalformedBody: The bytes are more or fewer than announced.
    """
    specs, found, start = graph.inputs, dict[str, Tensor](), 0
    for sent in asked.inputs:
        if sent.name not in specs or sent.name in found:
            raise InvalidTensorError(f"{quoted(sent.name)} is sent twice or no input; inputs are {', '.join(specs)}")
        spec, size = specs[sent.name], sent.size
        if size is None:
            found[sent.name] = spec.from_json(sent.datatype, sent.shape, sent.data or [])
        else:
            found[sent.name] = spec.from_bytes(sent.datatype, sent.shape, binary[start : start + size])
            start += size
    if start != len(binary):
        raise MalformedBody(f"{start} bytes of tensors were announced, {len(binary)} came.")
    if missing := set(specs) - set(found):
        raise InvalidTensorError(f"{', '.join(sorted(missing))}: missing")
    return found


def check(graph: Graph, inputs: Mapping[str, Tensor], context: Context) -> None:
    """Check what other routes check too.

    Raises:
        InvalidTensorError: The batches differ or are too large, a latent is not finite or far out, or a label is none.
    """
    rows = {len(tensor) for tensor in inputs.values()}
    most = context.settings.max_samples if graph.part in _DECODERS else context.settings.max_images
    if len(rows) > 1 or max(rows) > most:
        raise InvalidTensorError(f"the batch is {sorted(rows)}; it must be the same everywhere, and at most {most}")
    # Written so that NaN, which compares false, is refused too.
    if "z" in inputs and not np.abs(inputs["z"]).max() <= MOST:
        raise InvalidTensorError(f"z: a latent is not a number from {-MOST:g} to {MOST:g}")
    labels = len(graph.model.manifest.labels)
    if "label" in inputs and not ((inputs["label"] >= 0) & (inputs["label"] < labels)).all():
        raise InvalidTensorError(f"label: one is not a number from 0 to {labels - 1}")


def wanted_outputs(graph: Graph, asked: Inference) -> dict[str, bool]:
    """Return the outputs that were asked for, each with whether it is wanted in bytes; all where none were named.

    Raises:
        InvalidTensorError: One is unknown.
    """
    as_bytes = asked.parameters.get("binary_data_output") is True
    wanted = {output.name: output.parameters.get("binary_data", as_bytes) is True for output in asked.outputs}
    if unknown := set(wanted) - set(graph.outputs):
        raise InvalidTensorError(f"{quoted(min(unknown))} is no output; outputs are {', '.join(graph.outputs)}")
    return wanted or dict.fromkeys(graph.outputs, as_bytes)


def response(graph: Graph, request: InferRequest, given: Mapping[str, Tensor]) -> Result:
    """Return the response of an inference."""
    described: list[dict[str, Any]] = []
    binary: list[bytes] = []
    for name, as_bytes in request.outputs.items():
        tensor = given[name]
        spec = graph.outputs[name]
        output: dict[str, Any] = {"name": name, "datatype": spec.datatype, "shape": list(tensor.shape)}
        if as_bytes:
            binary.append(tensor.astype(TYPES[spec.datatype], copy=False).tobytes())
            output["parameters"] = {"binary_data_size": len(binary[-1])}
        else:
            output["data"] = np.ascontiguousarray(tensor).reshape(-1)
        described.append(output)
    content: dict[str, Any] = {"model_name": graph.name, "model_version": str(graph.model.manifest.version)}
    content |= {} if request.id is None else {"id": request.id}
    json = orjson.dumps(content | {"outputs": described}, option=orjson.OPT_SERIALIZE_NUMPY)
    title = graph.model.title
    pairs = [(b"glyphvae-model", title.encode())]
    if not binary:
        return Result(title, Headers(pairs), JSON, json)
    pairs.append((_LENGTH_NAME, b"%d" % len(json)))
    return Result(title, Headers(pairs), BYTES, b"".join([json, *binary]))
