"""The repository of models: what is in it, and loading and unloading, which a setting has to allow."""

from abc import abstractmethod
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import orjson
from pydantic import ValidationError

from glyphvae.api.context import Context
from glyphvae.api.head import RequestHead
from glyphvae.api.parameters import problem_of, refusals
from glyphvae.api.responses import Body, Headers, Result
from glyphvae.errors import (
    Forbidden,
    InvalidParameter,
    MalformedBody,
    OriginRefused,
    ReloadRefused,
    StartError,
    UnknownModel,
)
from glyphvae.formats.registry import JSON
from glyphvae.kserve.described import (
    ControlRequest,
    IndexRequest,
    ModelIndex,
    Nothing,
    in_path,
    of_model,
    optional_body,
)
from glyphvae.kserve.facts import index
from glyphvae.kserve.graphs import find, graphs
from glyphvae.memory import trim
from glyphvae.models import control
from glyphvae.models.registry import Registry
from glyphvae.operations.base import Operation, Plan
from glyphvae.scheduling.cost import parsing
from glyphvae.scheduling.steps import Offload, Program, Wait
from glyphvae.wording import quoted

# The one parameter that is taken: no model here depends on another.
_TAKEN = {"unload_dependents"}


class ListModels(Operation[Plan]):
    """List the graphs of the model repository, with the state of each."""

    name = "repository_index"
    path = "/v2/repository/index"
    summary = "List the graphs"
    parameters = None
    body = "tensors"
    responses: ClassVar[dict[int | str, dict[str, Any]]] = of_model(
        ModelIndex, "The graphs.", MalformedBody, InvalidParameter
    )
    openapi_extra: ClassVar[Mapping[str, Any] | None] = optional_body(IndexRequest)

    def plan(self, head: RequestHead) -> Plan:  # noqa: ARG002 (others need it)
        """Take any request."""
        return Plan(media=JSON, cost=1)

    def run(self, plan: Plan, body: Body) -> Program[Result]:  # noqa: ARG002
        """List the graphs."""
        asked: IndexRequest = yield Offload(parsing(len(body.content)), _parse, (IndexRequest, body.content))
        return _result(index(graphs(self.context.registry), ready=asked.ready))


@dataclass(eq=False, kw_only=True)
class ControlPlan(Plan):
    """A request to load or unload a model.

    Attributes:
        graph: The name of one of its graphs.
    """

    graph: str


class Control(Operation[ControlPlan]):
    """The base of loading and unloading."""

    parameters = None
    body = "tensors"
    responses: ClassVar[dict[int | str, dict[str, Any]]] = of_model(
        Nothing, "It is done.", MalformedBody, UnknownModel, Forbidden, OriginRefused, ReloadRefused, InvalidParameter
    )
    openapi_extra: ClassVar[Mapping[str, Any] | None] = {
        "parameters": in_path(["name"]),
        **optional_body(ControlRequest),
    }

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="glyphvae-load")

    def plan(self, head: RequestHead) -> ControlPlan:
        """Check that the request is allowed.

        Raises:
            OriginRefused: A page in a browser sends it.
            Forbidden: The settings do not allow it.
        """
        if head.headers.origin:
            raise OriginRefused(f"A page of {quoted(head.headers.origin)} may not send this.")
        check_allowed(self.context)
        return ControlPlan(media=JSON, cost=1, graph=head.parameters["name"])

    def run(self, plan: ControlPlan, body: Body) -> Program[Result]:
        """Load or unload the model."""
        asked: ControlRequest = yield Offload(parsing(len(body.content)), _parse, (ControlRequest, body.content))
        check_parameters(asked.parameters)
        yield from self.change(plan.graph)
        return _result({})

    def change(self, graph: str) -> Program[None]:
        """Change the models that serve, in a thread."""
        yield Wait(partial(self._threads.submit, self._change, graph))

    def _change(self, graph: str) -> None:
        changing = self.context.changing
        if not changing.acquire(blocking=False):
            raise ReloadRefused("Another reload is under way.")
        try:
            self.context.registry = self.changed(self.context.registry, graph)
        except StartError as error:
            raise ReloadRefused(f"{error}.") from None
        finally:
            changing.release()
            trim()

    @abstractmethod
    def changed(self, registry: Registry, graph: str) -> Registry:
        """Return the models that shall serve.

        Raises:
            StartError: They cannot.
            UnknownModel: There is no such graph.
        """


class Load(Control):
    """Load the model of a graph, all its graphs with it, from its files as they are now."""

    name = "load_model"
    path = "/v2/repository/models/{name}/load"
    summary = "Load a model"

    def changed(self, registry: Registry, graph: str) -> Registry:
        """Return the models with that one loaded."""
        loaded = control.load(registry, graph)
        if loaded is None:
            raise UnknownModel(f"There is no model {quoted(graph)} in the repository.")
        return loaded


class Unload(Control):
    """Unload the model of a graph, all its graphs with it; requests that have begun are answered."""

    name = "unload_model"
    path = "/v2/repository/models/{name}/unload"
    summary = "Unload a model"

    def changed(self, registry: Registry, graph: str) -> Registry:
        """Return the models without that one."""
        return control.unload(registry, find(registry, graph, None).model.manifest)


def check_allowed(context: Context) -> None:
    """Check that models may be loaded and unloaded.

    Raises:
        Forbidden: The settings do not allow it.
    """
    if context.settings.model_control != "explicit":
        raise Forbidden("Models are loaded and unloaded only where the setting `model_control` is `explicit`.")


def check_parameters(parameters: Mapping[str, object]) -> None:
    """Check the parameters of a request to load or unload a model.

    Raises:
        MalformedBody: One is not taken, such as another configuration or a file.
    """
    if unknown := sorted(set(parameters) - _TAKEN):
        raise MalformedBody(
            f"parameters: {quoted(unknown[0])} is not taken; models come from the repository as they are."
        )


def _parse(kind: type[Any], content: bytes) -> Any:  # noqa: ANN401 (an instance of `kind`)
    try:
        return kind.model_validate(orjson.loads(content or b"{}"))
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"The body is not JSON: {error}.") from None
    except ValidationError as error:
        raise MalformedBody(problem_of(refusals(error)).detail) from None


def _result(content: object) -> Result:
    return Result("", Headers([]), JSON, orjson.dumps(content))
