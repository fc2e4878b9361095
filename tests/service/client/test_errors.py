from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from glyphvae.client.errors import RefusedField, problem_of, retry_after
from glyphvae.errors import InvalidParameter


def test_a_problem_carries_all_its_fields() -> None:
    sent = InvalidParameter.of("query.n", "too many", "at most 3").response()
    problem = problem_of(httpx.Response(422, headers={"Retry-After": "7"}), bytes(sent.body))
    assert (problem.status, problem.type) == (422, "urn:glyphvae:problem:invalid-parameter")
    assert (problem.title, problem.detail) == ("A value is not allowed", "query.n: too many")
    assert problem.errors == (RefusedField("query.n", "too many", "at most 3"),)
    assert problem.retry_after == 7.0
    assert str(problem) == "422: query.n: too many; allowed: at most 3"


@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b"[1]", b"\xff"])
def test_any_response_of_a_proxy_is_a_problem(body: bytes) -> None:
    problem = problem_of(httpx.Response(502), body)
    assert (problem.type, problem.title, problem.detail) == ("about:blank", "Bad Gateway", "Bad Gateway")
    assert (problem.errors, problem.retry_after) == ((), None)


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after("120") == 120.0
    future = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    assert 3500 < (retry_after(future) or 0) <= 3600
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert retry_after("soon") is None
    assert retry_after(None) is None
