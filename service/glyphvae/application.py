"""The application: FastAPI with a route for each operation, and the front that every request meets first.

`python -m glyphvae.application FILE` writes docs/openapi.json.
"""

import sys
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from http import HTTPStatus
from inspect import Parameter, Signature, cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from glyphvae import __version__
from glyphvae.api.context import Context
from glyphvae.api.error_handlers import HANDLERS
from glyphvae.environment import warn_of_other_server, warn_of_unknown
from glyphvae.errors import StartError
from glyphvae.kserve import routes as kserve
from glyphvae.models.registry import load_registry
from glyphvae.operations.base import Operation
from glyphvae.operations.dataset import MakeDataset
from glyphvae.operations.encode import Encode
from glyphvae.operations.font import MakeFont
from glyphvae.operations.generate import Generate
from glyphvae.operations.hand import FindHand
from glyphvae.operations.interpolate import Interpolate
from glyphvae.operations.read import Read
from glyphvae.operations.reconstruct import Reconstruct
from glyphvae.operations.render_text import WriteText
from glyphvae.operations.traverse import Traverse
from glyphvae.settings import load_settings
from glyphvae.startup import without_pydantic_v1
from glyphvae.web import docs, health, models, playground
from glyphvae.web.front import Front
from glyphvae.web.openapi import describe, serialise

if TYPE_CHECKING:
    from glyphvae.observability.tracing import Tracing

OPERATIONS: tuple[type[Operation[Any]], ...] = (
    Generate,
    Encode,
    Reconstruct,
    Read,
    FindHand,
    WriteText,
    MakeFont,
    Interpolate,
    Traverse,
    MakeDataset,
)


def create() -> "Application":
    """Return the application with settings from the environment; `glyphvae.app` is one."""
    settings = load_settings()
    warn_of_unknown()
    warn_of_other_server(settings)
    return create_app(Context(settings, load_registry(settings)))


def create_app(context: Context) -> "Application":
    """Return the application over loaded models."""
    if context.settings.trace_endpoint and context.telemetry.tracing is None:
        context.telemetry.tracing = _start_tracing(context.settings.trace_endpoint)
    return Application(context)


class Application(FastAPI):
    """The service as a FastAPI application, to be served, mounted or extended.

    Args:
        context: Settings, models and counts; None for an application that can describe itself and no more.
    """

    def __init__(self, context: Context | None) -> None:
        super().__init__(
            title="glyphvae",
            version=__version__,
            summary="Handwriting from variational autoencoders.",
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            separate_input_output_schemas=False,
            generate_unique_id_function=lambda route: route.name,
            exception_handlers=HANDLERS,
            openapi_url=None,  # FastAPI would name the server a second time, see `glyphvae.web.docs`
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,  # the front redirects, without naming the host
        )
        self.front: Front | None = None
        operations: dict[str, Operation[Any]] = {}
        if context is not None:
            self.state.context = context
            self.root_path = context.settings.root_path
            operations = {kind.path: kind(context) for kind in OPERATIONS}
            root_path = partial(getattr, self, "root_path")
            self.front = Front(
                super().__call__, context, operations, self._paths, self.user_middleware, root_path=root_path
            )
        with without_pydantic_v1():
            for kind in OPERATIONS:
                for method in kind.methods:
                    self.router.routes.append(OperationRoute(kind, operations.get(kind.path), method))
            for module in (models, health, kserve, playground, docs):
                self.include_router(module.router)
            for operation in kserve.OPERATIONS:
                self.router.routes.append(OperationRoute(operation, operation(context) if context else None))

    def build_middleware_stack(self) -> ASGIApp:
        """Return Starlette's middleware but the outermost, which would word errors that nothing expected."""
        stack = super().build_middleware_stack()
        assert isinstance(stack, ServerErrorMiddleware)  # noqa: S101 (Starlette promises no more than an application)
        return stack.app  # the front words them

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        return describe(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if self.front is None:
            await super().__call__(scope, receive, send)
        else:
            await self.front(scope, receive, send)

    def _paths(self) -> Iterator[str]:
        return (route.path for route in iter_route_contexts(self.routes) if route.path)


class OperationRoute(APIRoute):
    """A route that answers by an operation; FastAPI describes it, and matches its path.

    Args:
        kind: The kind of operation.
        operation: The operation, None in an application that only describes itself.
        method: One of its methods; each has a route, because the document names each.
    """

    def __init__(
        self,
        kind: type[Operation[Any]],
        operation: Operation[Any] | None,
        method: str = "POST",
    ) -> None:
        self._operation = operation
        self._allowed = kind.methods
        super().__init__(
            kind.path,
            _signature_of(kind, method),
            methods=[method],
            name=kind.name if method == "POST" else f"{method.lower()}_{kind.name}",
            summary=kind.summary,
            description=cleandoc(kind.__doc__ or ""),
            response_class=Response,
            responses=dict(kind.responses),
            openapi_extra=dict(kind.openapi_extra) if kind.openapi_extra else None,
            generate_unique_id_function=lambda route: route.name,
        )

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for the path.

        Raises:
            HTTPException: The operation does not answer its method.
        """
        if scope["method"] not in self._allowed:
            # Starlette would name the method of this route alone.
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(self._allowed)})
        await super().handle(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, in the place of FastAPI's own."""

        async def handle(request: Request) -> Response:
            assert self._operation is not None  # noqa: S101 (there is a context where there are requests)
            return _OperationResponse(request.app.front, self._operation)

        return handle


class _OperationResponse(Response):
    """A response that is made while it is sent."""

    def __init__(self, front: Front, operation: Operation[Any]) -> None:
        super().__init__()
        self._front = front
        self._operation = operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Make and send it."""
        await self._front.operate(self._operation, scope, receive, send)


def _signature_of(kind: type[Operation[Any]], method: str) -> Callable[..., Any]:
    """Return a function with the parameters of an operation, from which FastAPI derives their description."""

    async def endpoint() -> None:
        """Stand for the operation, which `OperationRoute` calls instead."""

    taken = []
    if kind.address is not None and method == "GET":
        models: dict[str, Any] = {"query": Annotated[kind.address, Query()]}
    elif kind.parameters is None:
        models = {}
    else:
        body = {"body": kind.parameters} if kind.body == "json" else {}
        query = kind.query if body else kind.parameters
        models = body | ({"query": Annotated[query, Query()]} if query.model_fields else {})
    taken = [Parameter(name, Parameter.KEYWORD_ONLY, annotation=model) for name, model in models.items()]
    endpoint.__signature__ = Signature(taken, return_annotation=Response)  # type: ignore[attr-defined]
    return endpoint


def _start_tracing(endpoint: str) -> "Tracing":
    try:
        from glyphvae.observability.tracing import start_tracing  # noqa: PLC0415 (an extra, and slow to import)
    except ModuleNotFoundError as error:
        detail = f"{error.name} is not installed; traces need `pip install 'glyphvae[traces]'`"
        raise StartError(f"setting GLYPHVAE_TRACE_ENDPOINT: {detail}") from error
    return start_tracing(endpoint)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(serialise(Application(None)), encoding="utf-8")
