"""The application: its routes and what stands in front of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp

from glyphvae import __version__
from glyphvae.api.context import Context
from glyphvae.api.error_handlers import HANDLERS
from glyphvae.errors import StartError
from glyphvae.kserve import routes as open_inference
from glyphvae.kserve.errors import PlainErrors
from glyphvae.models.registry import load_engine
from glyphvae.operations import dataset, encode, generate, interpolate, reconstruct, render_text, traverse
from glyphvae.settings import load_settings
from glyphvae.startup import without_pydantic_v1
from glyphvae.web import health, playground
from glyphvae.web import models as catalogue
from glyphvae.web.admission import Admission
from glyphvae.web.body_limits import BodyLimit
from glyphvae.web.cors import Cors
from glyphvae.web.express import Express
from glyphvae.web.hot_path import HotPath
from glyphvae.web.openapi import describe
from glyphvae.web.picture_desk import PictureDesk
from glyphvae.web.request_context import Edge
from glyphvae.web.short_way import ShortWay
from glyphvae.web.text_desk import TextDesk

if TYPE_CHECKING:
    from glyphvae.observability.tracing import Tracing


def create() -> ASGIApp:
    """What a server runs, with settings from the environment, for `uvicorn --factory glyphvae.app:create`."""
    settings = load_settings()
    return create_served(Context(settings, load_engine(settings)))


def create_served(context: Context) -> ASGIApp:
    """The application behind the short ways, which answer busy endpoints without FastAPI's machinery."""
    if context.settings.trace_endpoint and context.telemetry.tracing is None:
        context.telemetry.tracing = _start_tracing(context.settings.trace_endpoint)
    app = create_app(context)
    # The same answers to the same errors as in FastAPI's own stack, one layer further out.
    expected = {kind: handler for kind, handler in HANDLERS.items() if kind is not Exception}
    short_way = ExceptionMiddleware(ShortWay(app, context), expected)
    admission = Admission(ServerErrorMiddleware(short_way, HANDLERS[Exception]), context)
    # A glyph from the hot path is done before a queue could say that there is no room for it.
    hot_path = HotPath(admission, context)
    desks = (PictureDesk(context), TextDesk(context))
    return guard(hot_path, app, context, lambda edge: Express(edge, hot_path, desks, admission))


def _start_tracing(endpoint: str) -> "Tracing":
    try:
        from glyphvae.observability.tracing import start_tracing  # noqa: PLC0415 (an extra, and slow to import)
    except ModuleNotFoundError as error:
        detail = f"{error.name} is not installed; traces need `pip install 'glyphvae[traces]'`"
        raise StartError(f"setting GLYPHVAE_TRACE_ENDPOINT: {detail}") from error
    return start_tracing(endpoint)


def guard(inner: ASGIApp, app: FastAPI, context: Context, express: Callable[[Edge], Express] | None = None) -> ASGIApp:
    """What stands between the network and `inner`, which answers for `app`.

    Args:
        inner: The application and its short ways.
        app: The application.
        context: Gets what `express` makes, unless there is something in front of `inner` that it would pass by.
        express: Makes the shortest way.
    """
    paths = [route.path for route in iter_route_contexts(app.routes) if route.path]
    limited = BodyLimit(inner, context.settings)
    gated = _gated(limited, context)
    edge = Edge(gated, context, paths)
    outside = PlainErrors(edge)
    if context.telemetry.tracing is not None:
        return context.telemetry.tracing.request(outside, paths)
    if gated is limited and express is not None:
        context.express = express(edge)
    return outside


def _gated(inner: ASGIApp, context: Context) -> ASGIApp:
    """Behind a check of keys, and open to other origins, where settings say so."""
    settings = context.settings
    if settings.keys:
        from glyphvae.web.auth import KeyGate  # noqa: PLC0415 (its libraries cost time and memory)

        inner = KeyGate(inner, context)
    if settings.cors_origins:
        # In front of the keys: a browser asks without one whether it may send it.
        inner = Cors(inner, settings.cors_origins.split(","))
    return inner


def create_app(context: Context) -> FastAPI:
    """The application over loaded models."""
    app = create_bare_app()
    app.state.context = context
    return app


def create_bare_app() -> FastAPI:
    """The application without models: it can describe itself, and no more."""
    app = FastAPI(
        title="glyphvae",
        version=__version__,
        summary="Handwriting from variational autoencoders.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        separate_input_output_schemas=False,
        generate_unique_id_function=lambda route: route.name,
        exception_handlers=HANDLERS,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    writing = (generate, encode, reconstruct, render_text, interpolate, traverse, dataset)
    with without_pydantic_v1():
        for module in (*writing, catalogue, health, open_inference, playground):
            app.include_router(module.router)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app
