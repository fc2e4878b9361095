"""Errors as responses: one place for FastAPI's routes, for operations and for the server's connections."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from glyphvae.api.head import path_of
from glyphvae.api.parameters import problem_of
from glyphvae.errors import InternalError, MalformedBody, MethodNotAllowed, NotFound, NotReady, Problem
from glyphvae.formats.registry import JSON
from glyphvae.scheduling.deadline import RETRY
from glyphvae.wording import quoted

logger = logging.getLogger("glyphvae")

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]


def error_response(path: str, error: Exception) -> Response:
    """Return the response to an error, and log what is the service's fault.

    Args:
        path: The request's path: below `/v2` errors have the shape of the Open Inference Protocol, `{"error": "…"}`,
            and are problem+json elsewhere.
        error: A problem, or an error that nothing expected.
    """
    if isinstance(error, MemoryError):
        # One line: the trace of an allocation says nothing more, and takes memory.
        error = NotReady("There is not enough memory for this request now.", headers=RETRY)
    if not isinstance(error, Problem):
        logger.error("a request failed", exc_info=error)
        error = InternalError(InternalError.example)
    elif error.status >= InternalError.status:
        logger.error("%s", error.detail, exc_info=error.__cause__)
    if path == "/v2" or path.startswith("/v2/"):
        return Response(orjson.dumps({"error": error.detail}), error.status, error.headers, JSON)
    return error.response()


async def _answer_error(request: Request, error: Exception) -> Response:
    return error_response(path_of(request.scope), error)


async def _answer_validation_error(request: Request, error: Exception) -> Response:
    """Answer a request whose path parameters FastAPI refused."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 (narrows what Starlette's signature leaves open)
    return error_response(path_of(request.scope), problem_of(error.errors()))


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    """Answer a request for which Starlette found no route."""
    assert isinstance(error, HTTPException)  # noqa: S101
    return error_response(path_of(request.scope), _problem_of(request, error))


def _problem_of(request: Request, error: HTTPException) -> Problem:
    path = quoted(path_of(request.scope))
    if error.status_code == NotFound.status:
        return NotFound(f"There is nothing at {path}; GET /docs lists the endpoints.")
    if error.status_code == MethodNotAllowed.status:
        methods = {part.strip() for part in (error.headers or {}).get("Allow", "").split(",")}
        # The front answers it wherever it answers GET.
        allowed = ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
        return MethodNotAllowed(f"{path} answers {allowed}, not {request.method}.", headers={"Allow": allowed})
    return MalformedBody(f"{error.detail.rstrip('.')}.")


HANDLERS: Final[dict[int | type[Exception], Handler]] = {
    Problem: _answer_error,
    RequestValidationError: _answer_validation_error,
    HTTPException: _answer_http_exception,
}
