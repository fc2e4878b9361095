"""How errors become answers: one handler a family, for FastAPI and for the short ways around it."""

import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from glyphvae.errors import (
    InternalError,
    InvalidField,
    InvalidParameter,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    Problem,
    UnsupportedMedia,
)
from glyphvae.wording import quoted

logger = logging.getLogger("glyphvae")

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]


async def answer_problem(_: Request, error: Exception) -> Response:
    """A problem answers itself; those that are the service's fault are logged too."""
    assert isinstance(error, Problem)  # noqa: S101 (narrows what Starlette's signature leaves open)
    if error.status >= InternalError.status:
        logger.error("%s", error.detail, exc_info=error.__cause__)
    return error.response()


async def answer_validation_error(request: Request, error: Exception) -> Response:
    """FastAPI refused the query or the body."""
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


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """Starlette found no route, or could not read a form."""
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


async def answer_fault(_: Request, __: Exception) -> Response:
    """Whatever nobody expected."""
    # Starlette raises the error again behind this answer, and the server logs it with its traceback.
    return InternalError(InternalError.example).response()


HANDLERS: Final[dict[int | type[Exception], Handler]] = {
    Problem: answer_problem,
    RequestValidationError: answer_validation_error,
    HTTPException: answer_http_exception,
    Exception: answer_fault,
}
