"""The application: its routes, its error answers and its documentation."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
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
from service.errors import (
    InternalError,
    InvalidField,
    InvalidParameter,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    Problem,
    UnsupportedMedia,
)
from service.hot_path import HotPath
from service.limits import BodyLimit
from service.openapi import describe
from service.settings import load_settings
from service.wording import quoted

logger = logging.getLogger("glyphvae")


def create() -> ASGIApp:
    """What a server runs, with settings from the environment, for `uvicorn --factory service.app:create`."""
    settings = load_settings()
    return create_served(Context(settings, load_engine(settings)))


def create_served(context: Context) -> ASGIApp:
    """The application behind the short way to a single glyph."""
    return HotPath(create_app(context), context)


def create_app(context: Context) -> FastAPI:
    """The application over loaded models."""
    app = create_bare_app()
    app.state.context = context
    app.add_middleware(BodyLimit, limit=context.settings.max_body_bytes)
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
    )
    for module in (generate, encode, reconstruct, render_text, interpolate, traverse, catalogue, health, playground):
        app.include_router(module.router)
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(Exception, _answer_fault)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


async def _answer_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 (narrows what Starlette's signature leaves open)
    if error.status >= InternalError.status:
        logger.error("%s", error.detail, exc_info=error.__cause__)
    return error.response()


async def _answer_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    # FastAPI leaves a body in bytes where its Content-Type is not that of JSON.
    if isinstance(error.body, bytes):
        sent = request.headers.get("content-type", "")
        return UnsupportedMedia(f"body is {quoted(sent) if sent else 'untyped'}; send application/json.").response()
    return problem_of(error.errors()).response()


def problem_of(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """Pydantic's errors as one problem that lists each refused value."""
    if errors[0]["type"] == "json_invalid":
        return MalformedBody(f"The body is not JSON: {errors[0]['ctx']['error']}.")
    fields = [InvalidField(field=".".join(map(str, e["loc"])), detail=e["msg"]) for e in errors]
    return InvalidParameter("; ".join(f"{field.field}: {field.detail}" for field in fields), fields)


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    path = quoted(request.url.path)
    if error.status_code == NotFound.status:
        return NotFound(f"There is nothing at {path}; GET /docs lists the endpoints.").response()
    if error.status_code == MethodNotAllowed.status:
        allowed = (error.headers or {}).get("Allow", "")
        detail = f"{path} answers {allowed}, not {request.method}."
        return MethodNotAllowed(detail, headers={"Allow": allowed}).response()
    # What is left is Starlette's form parser and FastAPI's body reader giving up on a body.
    return MalformedBody(f"{error.detail.rstrip('.')}.").response()


async def _answer_fault(_: Request, __: Exception) -> Response:
    # Starlette raises the error again behind this answer, and the server logs it with its traceback.
    return InternalError(InternalError.example).response()
