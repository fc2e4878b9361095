"""The application: its routes and what stands in front of them."""

from fastapi import FastAPI
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp

from service import (
    __version__,
    catalogue,
    encode,
    generate,
    health,
    interpolate,
    playground,
    reconstruct,
    render_text,
    traverse,
)
from service.context import Context
from service.engine import load_engine
from service.error_answers import HANDLERS
from service.hot_path import HotPath
from service.limits import BodyLimit
from service.openapi import describe
from service.settings import load_settings
from service.short_way import ShortWay


def create() -> ASGIApp:
    """What a server runs, with settings from the environment, for `uvicorn --factory service.app:create`."""
    settings = load_settings()
    return create_served(Context(settings, load_engine(settings)))


def create_served(context: Context) -> ASGIApp:
    """The application behind the short ways, which answer busy endpoints without FastAPI's machinery."""
    # The same answers to the same errors as in FastAPI's own stack, one layer further out.
    short_way = ExceptionMiddleware(ShortWay(create_app(context), context), HANDLERS)
    app = ServerErrorMiddleware(short_way, HANDLERS[Exception])
    return BodyLimit(HotPath(app, context), context.settings.max_body_bytes)


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
    )
    for module in (generate, encode, reconstruct, render_text, interpolate, traverse, catalogue, health, playground):
        app.include_router(module.router)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app
