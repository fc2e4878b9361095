"""Inference: a graph run on the tensors of a request, however these came."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import orjson

from glyphvae.api.context import Context
from glyphvae.api.head import RequestHead
from glyphvae.api.responses import Body, Headers, Result
from glyphvae.errors import MalformedBody
from glyphvae.formats.registry import JSON
from glyphvae.kserve.described import BYTES, RESPONSES, inference
from glyphvae.kserve.graphs import DECODERS, Graph, find
from glyphvae.kserve.protocol import HEADER_LENGTH, Inference, Input, parse, split
from glyphvae.kserve.tensors import TYPES, InvalidTensorError, Spec, Tensor
from glyphvae.observability.access_log import Work
from glyphvae.operations.base import Operation, Plan
from glyphvae.scheduling.cost import parsing, writing
from glyphvae.scheduling.steps import Offload, Program
from glyphvae.wording import quoted

_LENGTH_NAME = HEADER_LENGTH.lower().encode()

# A hundred thousand times what the prior draws, and float32 stays finite through any decoder.
MOST = 1e5
# About what an inference costs, in glyphs.
COST = 8
# Parameters of tensors by which clients ask for extensions that are not here, and what they may do instead.
_NOT_HERE = {
    "classification": "classes are not ranked here; ask for the output itself",
    "shared_memory_region": "there is no shared memory; send and ask for the values",
}

Reply = TypeVar("Reply")


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


def infer(
    graph: Graph, work: Work, read: Offload, write: Callable[[InferRequest, Mapping[str, Tensor]], Offload]
) -> Program[Reply]:
    """Run a graph, and count that.

    Args:
        graph: The graph.
        work: The request, where its times are recorded.
        read: Returns the `InferRequest`.
        write: Returns what makes the response from that and the outputs.

    Raises:
        Problem: What `read`, `write` and the graph raise.
    """
    began = perf_counter()
    phases, failed = graph.statistics.phases, True
    try:
        request: InferRequest = yield read
        ran = perf_counter()
        given = yield from graph.run(request.inputs, set(request.outputs))
        computed = perf_counter()
        reply: Reply = yield write(request, given)
        failed = False
    finally:  # a program whose step fails is closed, and gets no error
        if failed:
            phases["fail"].add(perf_counter() - began)
    ended = perf_counter()
    phases["success"].add(ended - work.submitted)
    phases["queue"].add(began - work.submitted + work.queue_seconds)
    phases["compute_input"].add(ran - began)
    phases["compute_infer"].add(max(0.0, computed - ran - work.queue_seconds))
    phases["compute_output"].add(ended - computed)
    return reply


@dataclass(eq=False, kw_only=True)
class InferPlan(Plan):
    """The head of a request that has been checked.

    Attributes:
        graph: The graph to run.
        announced: Bytes of the JSON as a header announces them, None where the body is nothing else.
        work: The request, where its times are recorded.
    """

    graph: Graph
    announced: str | None
    work: Work


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
        assert isinstance(head, Work)  # noqa: S101 (both adapters have a request's head and its work in one)
        graph = find(self.context.registry, head.parameters["name"], head.parameters.get("version"))
        announced = head.headers.last(_LENGTH_NAME) or None
        return InferPlan(media=JSON, cost=COST, graph=graph, announced=announced, work=head)

    def run(self, plan: InferPlan, body: Body) -> Program[Result]:
        """Check the tensors, and run the graph."""
        graph = plan.graph
        json, binary = split(body.content, plan.announced, self.context.settings.max_json_bytes)
        read = Offload(parsing(len(json)), self._read, (graph, json, binary))

        def write(request: InferRequest, given: Mapping[str, Tensor]) -> Offload:
            size = sum(given[output].size for output, as_bytes in request.outputs.items() if not as_bytes)
            return Offload(writing(size), response, (graph, request, given))

        return infer(graph, plan.work, read, write)

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


def tensors(graph: Graph, asked: Inference, binary: bytes) -> dict[str, Tensor]:
    """Return the tensors that were sent, by name.

    Raises:
        InvalidTensorError: As `collect`.
        MalformedBody: The bytes are more or fewer than announced.
    """
    start = 0

    def convert(sent: Input, spec: Spec) -> Tensor:
        nonlocal start
        size = sent.size
        if size is None:
            return spec.from_json(sent.datatype, sent.shape, sent.data or [])
        start += size
        return spec.from_bytes(sent.datatype, sent.shape, binary[start - size : start])

    found = collect(graph, [Sent(sent.name, sent.parameters, partial(convert, sent)) for sent in asked.inputs])
    if start != len(binary):
        raise MalformedBody(f"{start} bytes of tensors were announced, {len(binary)} came.")
    return found


class Sent(NamedTuple):
    """A tensor as it was sent.

    Attributes:
        name: Its name.
        parameters: Names of its parameters.
        convert: Returns it as the specification of an input demands.
    """

    name: str
    parameters: Iterable[str]
    convert: Callable[[Spec], Tensor]


def collect(graph: Graph, sent: Iterable[Sent]) -> dict[str, Tensor]:
    """Return the tensors that were sent, by name.

    Raises:
        InvalidTensorError: One is missing, twice, unknown or not what the graph takes.
    """
    specs, found = graph.inputs, dict[str, Tensor]()
    for name, parameters, convert in sent:
        if name not in specs or name in found:
            raise InvalidTensorError(f"{quoted(name)} is sent twice or no input; inputs are {', '.join(specs)}")
        refuse_extensions(name, parameters)
        found[name] = convert(specs[name])
    if missing := set(specs) - set(found):
        raise InvalidTensorError(f"{', '.join(sorted(missing))}: missing")
    return found


def refuse_extensions(name: str, parameters: Iterable[str]) -> None:
    """Refuse a tensor whose parameters ask for what is not here; unknown ones are ignored, as the protocol demands.

    Raises:
        InvalidTensorError: They do.
    """
    for parameter in parameters:
        if parameter in _NOT_HERE:
            raise InvalidTensorError(f"{quoted(name)} has the parameter {parameter}, but {_NOT_HERE[parameter]}")


def check(graph: Graph, inputs: Mapping[str, Tensor], context: Context) -> None:
    """Check what other routes check too.

    Raises:
        InvalidTensorError: The batches differ or are too large, a latent is not finite or far out, or a label is none.
    """
    rows = {len(tensor) for tensor in inputs.values()}
    most = most_rows(graph, context)
    if len(rows) > 1 or max(rows) > most:
        raise InvalidTensorError(f"the batch is {sorted(rows)}; it must be the same everywhere, and at most {most}")
    # Written so that NaN, which compares false, is refused too.
    if "z" in inputs and not np.abs(inputs["z"]).max() <= MOST:
        raise InvalidTensorError(f"z: a latent is not a number from {-MOST:g} to {MOST:g}")
    labels = len(graph.model.manifest.labels)
    if "label" in inputs and not 0 <= inputs["label"].min() <= inputs["label"].max() < labels:
        raise InvalidTensorError(f"label: one is not a number from 0 to {labels - 1}")


def most_rows(graph: Graph, context: Context) -> int:
    """Return the most rows of a batch."""
    return context.settings.max_samples if graph.part in DECODERS else context.settings.max_images


def wanted_outputs(graph: Graph, asked: Inference) -> dict[str, bool]:
    """Return the outputs that were asked for, each with whether it is wanted in bytes; all where none were named.

    Raises:
        InvalidTensorError: One is unknown, or asks for an extension that is not here.
    """
    as_bytes = asked.parameters.get("binary_data_output") is True
    for output in asked.outputs:
        refuse_extensions(output.name, output.parameters)
    wanted = {output.name: output.parameters.get("binary_data", as_bytes) is True for output in asked.outputs}
    check_outputs(graph, wanted)
    return wanted or dict.fromkeys(graph.outputs, as_bytes)


def check_outputs(graph: Graph, names: Iterable[str]) -> None:
    """Check which outputs were asked for.

    Raises:
        InvalidTensorError: One is unknown.
    """
    if unknown := set(names) - set(graph.outputs):
        raise InvalidTensorError(f"{quoted(min(unknown))} is no output; outputs are {', '.join(graph.outputs)}")


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
    content: dict[str, Any] = {"model_name": graph.name, "model_version": graph.version}
    content |= {} if request.id is None else {"id": request.id}
    json = orjson.dumps(content | {"outputs": described}, option=orjson.OPT_SERIALIZE_NUMPY)
    title = graph.model.title
    pairs = [(b"glyphvae-model", title.encode())]
    if not binary:
        return Result(title, Headers(pairs), JSON, json)
    pairs.append((_LENGTH_NAME, b"%d" % len(json)))
    return Result(title, Headers(pairs), BYTES, b"".join([json, *binary]))
