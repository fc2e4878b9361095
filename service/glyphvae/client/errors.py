"""What can go wrong when a service is called.

ClientError
├── NoAnswerError           nobody answered: no connection, or it closed before an answer began
├── DeadlineExceededError   the time that the caller gave is over
├── BrokenAnswerError       an answer began and did not end; it is never asked for again on its own
└── ProblemError            the service answered with an error; its fields are those of problem+json (RFC 9457)
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any


class ClientError(Exception):
    """Base class of all errors that calling a service raises."""


class NoAnswerError(ClientError):
    """No connection, or one that closed before an answer began."""


class DeadlineExceededError(ClientError):
    """The time that the caller gave is over, or would be before the service wants to be asked again."""


class BrokenAnswerError(ClientError):
    """The answer began and did not end, or is not what its type says."""


@dataclass(frozen=True)
class RefusedField:
    """One value that the service refused.

    Attributes:
        field: Where it stood: `query.label`, `body.text`.
        detail: What is wrong with it.
        allowed: What would be accepted, where the service says so.
    """

    field: str
    detail: str
    allowed: str | None = None


class ProblemError(ClientError):
    """The service answered with an error.

    Attributes:
        status: The HTTP status.
        type: A stable identifier of the kind of problem, `urn:glyphvae:problem:unknown-model`; `about:blank` where
            something in front of the service answered.
        title: What the kind means.
        detail: What happened in this request.
        errors: The refused values, if values were refused.
        retry_after: Seconds after which the service wants to be asked again, None where it does not say.
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
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.type = type_
        self.title = title
        self.detail = detail
        self.errors = errors
        self.retry_after = retry_after


def problem_of(status: int, reason: str, headers: Mapping[str, str], content: bytes) -> ProblemError:
    """The error that an answer stands for.

    Args:
        status: Its status.
        reason: Its reason phrase.
        headers: Its headers, by lower-case name.
        content: Its body; problem+json from the service, anything from a proxy before it.
    """
    body = _object(content)
    errors = tuple(
        RefusedField(str(item.get("field", "")), str(item.get("detail", "")), item.get("allowed"))
        for item in body.get("errors", ())
    )
    return ProblemError(
        status,
        str(body.get("type", "about:blank")),
        str(body.get("title", reason)),
        str(body.get("detail", reason)),
        errors=errors,
        retry_after=retry_after(headers.get("retry-after")),
    )


def retry_after(value: str | None) -> float | None:
    """Seconds that a `Retry-After` header asks for (RFC 9110, 10.2.3), None where it says nothing that is readable."""
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
