"""Errors of the client.

ClientError
├── NoResponseError         there was no connection, or it closed before a response began
├── DeadlineExceededError   the caller's timeout has passed
├── BrokenResponseError     a response is incomplete or invalid; such a call is never retried
└── ProblemError            the service sent an error; its fields are those of problem+json (RFC 9457)
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx


class ClientError(Exception):
    """Base class of all errors of the client."""


class NoResponseError(ClientError):
    """There was no connection, or it closed before a response began."""


class DeadlineExceededError(ClientError):
    """The caller's timeout has passed, or would have passed before the next attempt."""


class BrokenResponseError(ClientError):
    """A response is incomplete, or invalid for its type."""


@dataclass(frozen=True)
class RefusedField:
    """A value that the service refused.

    Attributes:
        field: The location of the value: `query.label`, `body.text`.
        detail: What is wrong with it.
        allowed: The values that would be accepted, if the service says so.
    """

    field: str
    detail: str
    allowed: str | None = None


class ProblemError(ClientError):
    """The service sent an error.

    Attributes:
        status: The HTTP status.
        type: The stable identifier of the problem type, `urn:glyphvae:problem:unknown-model`; `about:blank` if the
            response came from a proxy in front of the service.
        title: A short description of the problem type.
        detail: An explanation of what went wrong in this request.
        errors: The refused values, if any.
        retry_after: Seconds after which the request may be repeated, None if the service does not say.
    """

    def __init__(
        self,
        status: int,
        type_: str,
        title: str,
        detail: str,
        *,
        errors: tuple[RefusedField, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        allowed = "".join(f"; allowed: {error.allowed}" for error in errors if error.allowed)
        super().__init__(f"{status}: {detail}{allowed}")
        self.status = status
        self.type = type_
        self.title = title
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after


def problem_of(response: httpx.Response, content: bytes) -> ProblemError:
    """Convert an error response to an exception.

    Args:
        response: The response.
        content: Its body: problem+json from the service, anything from a proxy in front of it.
    """
    defaults = {"type": "about:blank", "title": response.reason_phrase, "detail": response.reason_phrase, "errors": ()}
    body = defaults | _object(content)
    errors = tuple(
        RefusedField(str(item.get("field", "")), str(item.get("detail", "")), item.get("allowed"))
        for item in body["errors"]
    )
    kind, title, detail = str(body["type"]), str(body["title"]), str(body["detail"])
    after = retry_after(response.headers.get("retry-after"))
    return ProblemError(response.status_code, kind, title, detail, errors=errors, retry_after=after)


def retry_after(value: str | None) -> float | None:
    """Parse a `Retry-After` header (RFC 9110, 10.2.3) to seconds; None if it is missing or invalid."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(moment.tzinfo or UTC)).total_seconds())


def _object(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
