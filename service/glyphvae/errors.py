"""Errors of the service.

GlyphvaeError
├── StartError                 the service cannot start; one line that names the file or setting
└── Problem                    an error response in application/problem+json (RFC 9457)
    ├── MalformedRequest    400  the request is not valid HTTP
    ├── MalformedBody       400  the body is not valid in its format
    ├── InvalidParameter    422  a parameter, field, label, character or image is not allowed
    ├── MissingParameter    422  a parameter, field or body is missing
    ├── Unauthorized        401  the service requires a key, and the request has no valid one
    ├── Forbidden           403  the key does not give access to this route
    ├── OriginRefused       403  pages of this origin may not call the service
    ├── UnknownModel        404  no model of that name is served
    ├── NotFound            404  no such route
    ├── MethodNotAllowed    405  the route exists, but not for this method
    ├── NotAcceptable       406  no available format satisfies `Accept`
    ├── RequestTimeout      408  the request arrives too slowly
    ├── ReloadRefused       409  models were not reloaded, loaded or unloaded; those that were there stay
    ├── BodyTooLarge        413  the body is over the limit
    ├── AddressTooLong      414  the path or query is over the limit
    ├── UnsupportedMedia    415  the route cannot read the body's format
    ├── TooManyRequests     429  the key has used up its rate limit
    ├── Busy                429  a queue is full
    ├── HeadersTooLarge     431  the headers are over a limit
    ├── InternalError       500  a fault in the service itself
    ├── NotInstalled        501  the request needs an optional library that is not installed
    ├── NotReady            503  the process or a model cannot answer at the moment
    └── DeadlineExceeded    503  the request's deadline has passed

`python -m glyphvae.errors FILE` writes docs/errors.md.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar, Self

import orjson
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class GlyphvaeError(Exception):
    """Base class of all errors that the service raises on purpose."""


class StartError(GlyphvaeError):
    """An error that prevents the service from starting; the message is one line that says what to change."""


class InvalidField(BaseModel):
    """A refused value."""

    field: str = Field(description="The location of the value: `query.label`, `body.text`, `header.accept`.")
    detail: str = Field(description="What is wrong with it.")
    allowed: str | None = Field(default=None, description="The values that would be accepted.")


class ProblemBody(BaseModel):
    """The body of every error response (RFC 9457)."""

    type: str = Field(description="The stable identifier of the problem type.")
    title: str = Field(description="A short description of the problem type, the same in every response.")
    status: int = Field(description="The HTTP status code.")
    detail: str = Field(description="An explanation of what went wrong in this request.")
    errors: list[InvalidField] = Field(default=[], description="The refused values, if any.")


# A Starlette HTTPException, because FastAPI turns any other exception raised while it reads a body into a bare 400.
class Problem(GlyphvaeError, HTTPException):
    """An error that is sent to the client as application/problem+json.

    Args:
        detail: One sentence about this request.
        errors: The refused values, if any.
        headers: Extra response headers.
    """

    status: ClassVar[HTTPStatus]
    slug: ClassVar[str]
    title: ClassVar[str]
    example: ClassVar[str]

    def __init_subclass__(cls, *, status: int, title: str, example: str) -> None:
        cls.status, cls.title, cls.example = HTTPStatus(status), title, example
        cls.slug = re.sub("(?!^)(?=[A-Z])", "-", cls.__name__).lower()

    def __init__(
        self, detail: str, errors: Sequence[InvalidField] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status_code=self.status, detail=detail, headers=dict(headers or {}))
        self.errors = tuple(errors)

    @classmethod
    def urn(cls) -> str:
        """Return the identifier of the problem type."""
        return f"urn:glyphvae:problem:{cls.slug}"

    @classmethod
    def of(cls, field: str, detail: str, allowed: str | None = None) -> Self:
        """Return the error for a single value."""
        return cls(f"{field}: {detail}", [InvalidField(field=field, detail=detail, allowed=allowed)])

    def body(self) -> ProblemBody:
        """Return the problem details object."""
        errors = list(self.errors)
        return ProblemBody(type=self.urn(), title=self.title, status=self.status, detail=self.detail, errors=errors)

    def response(self) -> Response:
        """Return the complete response."""
        content = orjson.dumps(self.body().model_dump(exclude_defaults=True))
        return Response(content, self.status, self.headers, MEDIA_TYPE)


class MalformedRequest(
    Problem, status=400, title="The request is not valid", example="The request is not valid HTTP/1.1."
):
    """The request is not valid HTTP; what is wrong with its head is not of one field."""


class MalformedBody(Problem, status=400, title="The body cannot be read", example="The image is truncated."):
    """The body is not valid in its format."""


class InvalidParameter(
    Problem, status=422, title="A value is not allowed", example="query.n: Input should be greater than or equal to 1"
):
    """At least one value is not allowed."""

    def in_query(self) -> "InvalidParameter":
        """Return the error for values that stood in a query, not in a body."""
        errors = [error.model_copy(update={"field": _in_query(error.field)}) for error in self.errors]
        return InvalidParameter(_in_query(self.detail), errors)


def _in_query(text: str) -> str:
    return re.sub(r"^body\b|(?<=; )body\b", "query", text)


class MissingParameter(Problem, status=422, title="A required value is missing", example="body.text: Field required"):
    """A value without a default is missing, and no other is refused."""


class Unauthorized(Problem, status=401, title="A key is required", example="Send a key: `Authorization: Bearer ...`."):
    """The service requires a key, and the request has no valid one."""


class Forbidden(
    Problem,
    status=403,
    title="The key does not give access to this route",
    example="The key 'ci' opens only /generate.",
):
    """The key does not give access to this route."""


class OriginRefused(
    Problem,
    status=403,
    title="The origin is not allowed",
    example="A page of 'https://example.org' may not send this: not allowed is its origin.",
):
    """Pages of this origin may not call the service."""


class UnknownModel(Problem, status=404, title="No such model", example="There is no model 'gan'; served are: cvae."):
    """No model of that name is served."""


class NotFound(
    Problem,
    status=404,
    title="No such resource",
    example="There is nothing at '/glyph'; GET /docs lists the endpoints.",
):
    """No such route."""


class MethodNotAllowed(
    Problem, status=405, title="The method is not allowed", example="'/encode' answers POST, not GET."
):
    """The route exists, but not for this method."""


class NotAcceptable(
    Problem,
    status=406,
    title="No available format is acceptable",
    example="This route offers image/png, image/webp, image/svg+xml, application/json, application/x-npy; none "
    "satisfies 'text/html'.",
):
    """No available format satisfies the request's `Accept`."""


class RequestTimeout(
    Problem,
    status=408,
    title="The request took too long to arrive",
    example="In 10 seconds neither 5000 bytes of the request nor its end have arrived.",
):
    """The request arrives too slowly; the connection is closed."""


class ReloadRefused(Problem, status=409, title="The models were not reloaded", example="Another reload is under way."):
    """The models were not reloaded, loaded or unloaded, and those that were there stay in use."""


class BodyTooLarge(
    Problem, status=413, title="The body is too large", example="The body is over the limit of 16777216 bytes."
):
    """The body is over the limit."""


class AddressTooLong(
    Problem,
    status=414,
    title="The address is too long",
    example="The query has 20000 bytes; at most 16384 are allowed.",
):
    """The path or query is over the limit."""


class UnsupportedMedia(
    Problem, status=415, title="The body's format is not supported", example="body is none of PNG, JPEG, WebP and .npy."
):
    """The route cannot read the body's format."""


class HeadersTooLarge(
    Problem,
    status=431,
    title="The request headers are too large",
    example="The request has 120 headers; at most 100 are allowed.",
):
    """The headers are over a limit, in number or in bytes."""


class TooManyRequests(
    Problem,
    status=429,
    title="The key has used up its rate limit",
    example="The key 'ci' may make 100/minute requests.",
):
    """The key has used up its rate limit; `Retry-After` says for how many seconds."""


class Busy(
    Problem, status=429, title="Too many requests are queued", example="The queue is full: 65536 of at most 65536 rows."
):
    """A queue is full; the request was not processed and may succeed after `Retry-After` seconds."""


class InternalError(
    Problem, status=500, title="The service failed", example="The service failed; the fault is in its log."
):
    """A fault in the service itself; the details are in the log and not in the response."""


class NotInstalled(
    Problem,
    status=501,
    title="A required library is not installed",
    example="Parquet needs pyarrow: pip install 'glyphvae[parquet]'.",
):
    """The request needs an optional library that is not installed."""


class NotReady(Problem, status=503, title="The service is not ready", example="cvae: the model did not run."):
    """The process or a model cannot answer at the moment."""


class DeadlineExceeded(
    Problem,
    status=503,
    title="The request's deadline has passed",
    example="No response within 5 seconds; ask again later or for less, or raise the setting `request_timeout`.",
):
    """The request's deadline has passed, which `request_timeout` sets and the header `X-Request-Timeout` shortens."""


def documented(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI `responses` for `problems`, each with its example."""
    responses: dict[int | str, dict[str, Any]] = {}
    for problem in problems:
        example = problem(problem.example).body().model_dump(exclude_defaults=True)
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}, "examples": {}}}
        response = responses.setdefault(int(problem.status), {"description": problem.title, "content": content})
        response["content"][MEDIA_TYPE]["examples"][problem.slug] = {"value": example}
    return responses


def markdown() -> str:
    """Return the documentation page, a table with one row per problem."""
    rows = [
        "# Errors",
        "",
        "Written by `make openapi` from `service/glyphvae/errors.py`.",
        "",
        f"All errors, except those of the protocol under `/v2`, are sent as `{MEDIA_TYPE}` (RFC 9457).",
        "`type` and `title` are the same in every response of one kind, `detail` explains what went wrong in this",
        "request, and `errors` lists the refused values, if any, each by its `field`, such as `query.label`.",
        "",
        "| status | type | title | meaning | example of `detail` |",
        "|---|---|---|---|---|",
    ]
    for problem in sorted(Problem.__subclasses__(), key=lambda problem: problem.status):
        kind, meaning = f"`{problem.urn()}`", (problem.__doc__ or "").partition("\n")[0]
        rows.append(f"| {problem.status} | {kind} | {problem.title} | {meaning} | {problem.example} |")
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown(), encoding="utf-8")
