"""Every error of the service.

GlyphvaeError
├── StartError                 the service cannot start; one line that names the file or setting
└── Problem                    an answer in application/problem+json (RFC 9457)
    ├── MalformedBody       400  the body is not what its format says
    ├── InvalidParameter    422  a parameter, field, label, character or image is not allowed
    ├── Unauthorized        401  keys are asked for, and the request has none that is valid
    ├── Forbidden           403  the key does not open this route
    ├── OriginRefused       403  a page of another origin may not send this
    ├── UnknownModel        404  no model of that name is served
    ├── NotFound            404  no such route
    ├── MethodNotAllowed    405  the route exists, with other methods
    ├── NotAcceptable       406  no offered format satisfies `Accept`
    ├── RequestTimeout      408  the request arrives too slowly
    ├── ReloadRefused       409  new models cannot take the place of the old ones
    ├── BodyTooLarge        413  the body is over the limit
    ├── AddressTooLong      414  path or query is over the limit
    ├── UnsupportedMedia    415  the body is in no format the route reads
    ├── TooManyRequests     429  the key has used up its rate
    ├── Busy                429  a queue is full
    ├── HeadersTooLarge     431  there are more headers than allowed
    ├── InternalError       500  a fault of the service itself
    ├── NotInstalled        501  the answer needs a library that is an extra
    ├── NotReady            503  a model cannot run
    └── DeadlineExceeded    503  the request's time is up

`python -m glyphvae.errors FILE` writes docs/errors.md.
"""

import sys
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

import orjson
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class GlyphvaeError(Exception):
    """Base class of all errors that the service raises on purpose."""


class StartError(GlyphvaeError):
    """The service cannot start; the message is one line that says what to change."""


class InvalidField(BaseModel):
    """One refused value."""

    field: str = Field(description="Where the value stood: `query.label`, `body.text`, `header.accept`.")
    detail: str = Field(description="What is wrong with it.")
    allowed: str | None = Field(default=None, description="What would be accepted.")


class ProblemBody(BaseModel):
    """The body of every error answer (RFC 9457)."""

    type: str = Field(description="A stable identifier of the kind of problem.")
    title: str = Field(description="What the kind means, in words that never change.")
    status: int = Field(description="The HTTP status code.")
    detail: str = Field(description="What happened in this request.")
    errors: list[InvalidField] = Field(default=[], description="Every refused value, if values were refused.")


# A Starlette HTTPException, because FastAPI turns any other exception raised while it reads a body into a bare 400.
class Problem(GlyphvaeError, HTTPException):
    """An error that is answered as application/problem+json.

    Args:
        detail: One sentence about this request.
        errors: The refused values, if any.
        headers: Extra response headers.
    """

    status: ClassVar[HTTPStatus]
    slug: ClassVar[str]
    title: ClassVar[str]
    example: ClassVar[str]

    def __init__(
        self,
        detail: str,
        errors: Sequence[InvalidField] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status_code=self.status, detail=detail, headers=dict(headers or {}))
        self.errors = tuple(errors)

    @classmethod
    def urn(cls) -> str:
        """The identifier of the kind of problem."""
        return f"urn:glyphvae:problem:{cls.slug}"

    def body(self) -> ProblemBody:
        """The problem details object."""
        return ProblemBody(
            type=self.urn(),
            title=self.title,
            status=self.status,
            detail=self.detail,
            errors=list(self.errors),
        )

    def response(self) -> Response:
        """The finished answer."""
        content = self.body().model_dump(exclude_none=True)
        if not self.errors:
            del content["errors"]
        return Response(orjson.dumps(content), self.status, self.headers, MEDIA_TYPE)


class MalformedBody(Problem):
    """The body is not what its format says."""

    status = HTTPStatus.BAD_REQUEST
    slug = "malformed-body"
    title = "The body cannot be read"
    example = "The image is truncated."


class InvalidParameter(Problem):
    """One or more values are not allowed."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    slug = "invalid-parameter"
    title = "A value is not allowed"
    example = "query.n: Input should be greater than or equal to 1"

    @classmethod
    def of(cls, field: str, detail: str, allowed: str | None = None) -> "InvalidParameter":
        """The error for a single refused value."""
        return cls(f"{field}: {detail}", [InvalidField(field=field, detail=detail, allowed=allowed)])


class Unauthorized(Problem):
    """Keys are asked for, and the request has none that is valid."""

    status = HTTPStatus.UNAUTHORIZED
    slug = "unauthorized"
    title = "A key is needed"
    example = "Send a key: `Authorization: Bearer ...`."


class Forbidden(Problem):
    """The key does not open this route."""

    status = HTTPStatus.FORBIDDEN
    slug = "forbidden"
    title = "The key does not open this"
    example = "The key 'ci' opens only /generate."


class OriginRefused(Problem):
    """A page of another origin may not send this."""

    status = HTTPStatus.FORBIDDEN
    slug = "origin-refused"
    title = "The page may not call this service"
    example = "A page of 'https://example.org' may not send this: not allowed is its origin."


class UnknownModel(Problem):
    """No model of that name is served."""

    status = HTTPStatus.NOT_FOUND
    slug = "unknown-model"
    title = "No such model"
    example = "There is no model 'gan'; served are: cvae."


class NotFound(Problem):
    """No such route."""

    status = HTTPStatus.NOT_FOUND
    slug = "not-found"
    title = "No such resource"
    example = "There is nothing at '/glyph'; GET /docs lists the endpoints."


class MethodNotAllowed(Problem):
    """The route exists, with other methods."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    slug = "method-not-allowed"
    title = "The method is not allowed here"
    example = "'/generate' answers POST, not GET."


class NotAcceptable(Problem):
    """No offered format satisfies the request's `Accept`."""

    status = HTTPStatus.NOT_ACCEPTABLE
    slug = "not-acceptable"
    title = "No offered format is acceptable"
    example = "This route offers image/png, application/json, application/x-npy; none satisfies 'text/html'."


class RequestTimeout(Problem):
    """The request arrives too slowly; the connection is closed."""

    status = HTTPStatus.REQUEST_TIMEOUT
    slug = "request-timeout"
    title = "The request takes too long to arrive"
    example = "The request has not arrived within 10 seconds."


class ReloadRefused(Problem):
    """New models cannot take the place of the old ones, which serve on; only the admin port answers so."""

    status = HTTPStatus.CONFLICT
    slug = "reload-refused"
    title = "The models stay as they are"
    example = "Another reload is under way."


class BodyTooLarge(Problem):
    """The body is over the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    slug = "body-too-large"
    title = "The body is too large"
    example = "The body is over the limit of 16777216 bytes."


class AddressTooLong(Problem):
    """Path or query is over the limit."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG
    slug = "address-too-long"
    title = "The address is too long"
    example = "The query has 20000 bytes; at most 16384 are allowed."


class UnsupportedMedia(Problem):
    """The body is in no format the route reads."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    slug = "unsupported-media"
    title = "The body's format is not supported"
    example = "body is none of PNG, JPEG, WebP and .npy."


class HeadersTooLarge(Problem):
    """There are more headers than allowed."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    slug = "headers-too-large"
    title = "The request's head is too large"
    example = "The request has 120 headers; at most 100 are allowed."


class TooManyRequests(Problem):
    """The key has used up its rate; `Retry-After` says for how many seconds."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    slug = "too-many-requests"
    title = "The key has used up its rate"
    example = "The key 'ci' may make 100/minute requests."


class Busy(Problem):
    """A queue is full; nothing was done, and the same request may succeed after `Retry-After` seconds."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    slug = "busy"
    title = "Too much waits already"
    example = "The queue is full: 65536 of at most 65536 rows."


class InternalError(Problem):
    """A fault of the service itself; the log has the details, the answer has none."""

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    slug = "internal-error"
    title = "The service failed"
    example = "The service failed; the fault is in its log."


class NotInstalled(Problem):
    """The answer needs a library that this service was installed without."""

    status = HTTPStatus.NOT_IMPLEMENTED
    slug = "not-installed"
    title = "The service lacks what this needs"
    example = "Parquet needs pyarrow: pip install 'glyphvae[parquet]'."


class NotReady(Problem):
    """A model cannot run."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    slug = "not-ready"
    title = "The service cannot answer now"
    example = "cvae: the model did not run."


class DeadlineExceeded(Problem):
    """The request's time is up: the setting `request_timeout`, or less where the header `X-Request-Timeout` says so."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    slug = "deadline-exceeded"
    title = "The answer would come too late"
    example = "No answer within 5 seconds."


def documented(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` for `problems`, each with its example."""
    responses: dict[int | str, dict[str, Any]] = {}
    for problem in problems:
        example = problem(problem.example).body().model_dump(exclude_none=True, exclude_defaults=True)
        response = responses.setdefault(
            int(problem.status),
            {
                "description": problem.title,
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}, "examples": {}}},
            },
        )
        response["content"][MEDIA_TYPE]["examples"][problem.slug] = {"value": example}
    return responses


def markdown() -> str:
    """The documentation table, one row a problem."""
    rows = [
        "# Errors",
        "",
        "Written by `make openapi` from `service/glyphvae/errors.py`.",
        "",
        f"Every error but those of the protocol under `/v2` is answered as `{MEDIA_TYPE}` (RFC 9457):",
        "`type` and `title` never change for a kind of problem, `detail` says what happened in this request, and",
        "`errors` lists the refused values, if any, each by its `field`, such as `query.label` or `body.text`.",
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
