"""The methods of `GRPCInferenceService` that are here, over the same functions as the routes under `/v2`."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from google.protobuf.json_format import ParseDict

from glyphvae.api.context import Context
from glyphvae.api.readiness import check_live, check_ready
from glyphvae.api.responses import Headers, Result
from glyphvae.errors import MalformedBody, NotReady
from glyphvae.kserve.facts import configuration, index, model_facts, server_facts, statistics
from glyphvae.kserve.graphs import Graph, find, graphs
from glyphvae.kserve.inference import (
    COST,
    InferRequest,
    Sent,
    check,
    check_outputs,
    collect,
    infer,
    refuse_extensions,
)
from glyphvae.kserve.messages import request_of, response_of
from glyphvae.kserve.repository import Control, Load, Unload, check_allowed, check_parameters
from glyphvae.kserve.tensors import TYPES, InvalidTensorError, Spec, Tensor
from glyphvae.observability.access_log import Work
from glyphvae.scheduling.cost import Cost, parsing
from glyphvae.scheduling.steps import Offload, Program

PROTOBUF = "application/grpc"
_NO_HEADERS = Headers([])
_AXES = 8
# Copying, in bytes for a unit of work, and the message beside its tensors and its bytes.
_COPIED, _COPIES = 64, 3
_CONTENTS = {
    "UINT8": "uint_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "FP32": "fp32_contents",
}


class Method(NamedTuple):
    """A method of the service.

    Attributes:
        request: The class of its requests.
        path: Returns the path under `/v2` that does the same, which keys open.
        answer: Returns the response at once, as the JSON of its message; None of a method that is queued.
        program: Makes the response; None of one that is not queued.
        cost: As of a plan.
    """

    request: Any
    path: Callable[[Any], str]
    answer: Callable[[Any], Mapping[str, Any]] | None = None
    program: Callable[[Any, int, Work], Program[Result]] | None = None
    cost: int = 1


class Calls:
    """The methods, by name.

    Args:
        context: Settings, models and counts.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._inferred = response_of("ModelInfer")
        answers: dict[str, tuple[Callable[[Any], str], Callable[[Any], Mapping[str, Any]]]] = {
            "ServerLive": (lambda _: "/v2/health/live", lambda _: {"live": _passes(check_live, context)}),
            "ServerReady": (lambda _: "/v2/health/ready", lambda _: {"ready": _passes(check_ready, context)}),
            "ServerMetadata": (lambda _: "/v2", lambda _: server_facts()),
            "ModelReady": (_path("ready"), self._model_ready),
            "ModelMetadata": (_path(), lambda asked: model_facts(self._find(asked))),
            "ModelConfig": (_path("config"), lambda asked: {"config": configuration(self._find(asked), context)}),
            "ModelStatistics": (_path("stats"), self._statistics),
            "RepositoryIndex": (lambda _: "/v2/repository/index", self._index),
        }
        self.methods = {
            name: Method(request_of(name), path, answer=answer) for name, (path, answer) in answers.items()
        } | {
            "ModelInfer": Method(request_of("ModelInfer"), _infer_path, program=self._infer, cost=COST),
            "RepositoryModelLoad": self._control("RepositoryModelLoad", "load", Load(context)),
            "RepositoryModelUnload": self._control("RepositoryModelUnload", "unload", Unload(context)),
        }

    def _find(self, asked: Any) -> Graph:  # noqa: ANN401 (a message)
        return find(self._context.registry, asked.name, asked.version)

    def _model_ready(self, asked: Any) -> Mapping[str, Any]:  # noqa: ANN401
        return {"ready": _passes(Graph.check, self._find(asked))}

    def _statistics(self, asked: Any) -> Mapping[str, Any]:  # noqa: ANN401
        return statistics([self._find(asked)] if asked.name else graphs(self._context.registry))

    def _index(self, asked: Any) -> Mapping[str, Any]:  # noqa: ANN401
        return {"models": index(graphs(self._context.registry), ready=asked.ready)}

    def _control(self, name: str, verb: str, operation: Control) -> Method:
        def change(asked: Any, _size: int, _work: Work) -> Program[Result]:  # noqa: ANN401
            check_allowed(self._context)
            check_parameters(asked.parameters)
            yield from operation.change(asked.model_name)
            return Result("", _NO_HEADERS, PROTOBUF, b"")

        return Method(
            request_of(name), lambda asked: f"/v2/repository/models/{asked.model_name}/{verb}", program=change
        )

    def _infer(self, asked: Any, size: int, work: Work) -> Program[Result]:  # noqa: ANN401
        graph = find(self._context.registry, asked.model_name, asked.model_version)
        read = Offload(parsing(0 if asked.raw_input_contents else size), self._read, (graph, asked))

        def write(request: InferRequest, given: Mapping[str, Tensor]) -> Offload:
            size = sum(given[name].nbytes for name in request.outputs)
            return Offload(Cost(size // _COPIED, _COPIES * size), self._response, (graph, request, given))

        return infer(graph, work, read, write)

    def _read(self, graph: Graph, asked: Any) -> InferRequest:  # noqa: ANN401
        try:
            inputs = collect(graph, _sent(asked))
            check(graph, inputs, self._context)
            for output in asked.outputs:
                refuse_extensions(output.name, output.parameters)
            names = [output.name for output in asked.outputs]
            check_outputs(graph, names)
        except InvalidTensorError as error:
            raise MalformedBody(f"{error}.") from None
        return InferRequest(asked.id, inputs, dict.fromkeys(names or graph.outputs, True))

    def _response(self, graph: Graph, request: InferRequest, given: Mapping[str, Tensor]) -> Result:
        made = self._inferred(model_name=graph.name, model_version=graph.version, id=request.id)
        specs = graph.outputs
        for name in request.outputs:
            datatype, tensor = specs[name].datatype, given[name]
            made.outputs.add(name=name, datatype=datatype, shape=tensor.shape)
            made.raw_output_contents.append(tensor.astype(TYPES[datatype], copy=False).tobytes())
        return Result(graph.model.title, _NO_HEADERS, PROTOBUF, made.SerializeToString())


def written(method: str, content: Mapping[str, Any]) -> bytes:
    """Return a response as its message."""
    made: bytes = ParseDict(content, response_of(method)()).SerializeToString()
    return made


def _path(end: str = "") -> Callable[[Any], str]:
    """Return a function for the path of a message's graph."""

    def path(asked: Any) -> str:  # noqa: ANN401
        version = f"/versions/{asked.version}" if asked.version else ""
        return "/".join(filter(None, [f"/v2/models/{asked.name}{version}".rstrip("/"), end]))

    return path


def _infer_path(asked: Any) -> str:  # noqa: ANN401
    version = f"/versions/{asked.model_version}" if asked.model_version else ""
    return f"/v2/models/{asked.model_name}{version}/infer"


def _passes(check: Callable[[Any], object], subject: object) -> bool:
    try:
        check(subject)
    except NotReady:
        return False
    return True


def _sent(asked: Any) -> Iterator[Sent]:  # noqa: ANN401
    raw = asked.raw_input_contents
    if raw and len(raw) != len(asked.inputs):
        raise InvalidTensorError(f"there are {len(raw)} raw_input_contents for {len(asked.inputs)} inputs")
    for number, sent in enumerate(asked.inputs):
        if len(sent.shape) > _AXES:
            raise InvalidTensorError(f"a shape has {len(sent.shape)} axes; at most {_AXES} are allowed")
        convert = partial(_from_bytes, sent, raw[number]) if raw else partial(_from_values, sent)
        yield Sent(sent.name, sent.parameters, convert)


def _from_bytes(sent: Any, content: bytes, spec: Spec) -> Tensor:  # noqa: ANN401
    return spec.from_bytes(sent.datatype, list(sent.shape), content)


def _from_values(sent: Any, spec: Spec) -> Tensor:  # noqa: ANN401
    field = _CONTENTS.get(sent.datatype)  # of any other type none are taken, whatever they are
    return spec.from_json(sent.datatype, list(sent.shape), list(getattr(sent.contents, field)) if field else [])
