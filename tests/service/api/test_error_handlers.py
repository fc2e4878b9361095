import logging
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest
from fastapi import FastAPI, HTTPException

from glyphvae.api.error_handlers import HANDLERS, error_response
from glyphvae.errors import (
    MEDIA_TYPE,
    InternalError,
    InvalidParameter,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    NotReady,
    Problem,
)
from tests.service.support import caller, expect_problem


def not_ready() -> NotReady:
    problem = NotReady("cvae: the model did not run.", headers={"Retry-After": "5"})
    problem.__cause__ = RuntimeError("out of memory")
    return problem


@pytest.mark.parametrize("path", ["/generate", "/v2", "/v2/models/x/infer", "/v20"])
@pytest.mark.parametrize(
    ("error", "status", "detail", "logged"),
    [
        (NotFound("Nothing is here."), 404, "Nothing is here.", []),
        (not_ready(), 503, "cvae: the model did not run.", ["cvae: the model did not run."]),
        (RuntimeError("/secret/path"), 500, InternalError.example, ["a request failed"]),
    ],
)
def test_an_error_is_answered_in_the_shape_of_its_path_and_the_services_faults_are_logged(  # noqa: PLR0917
    path: str, error: Exception, status: int, detail: str, logged: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    response = error_response(path, error)
    body = orjson.loads(response.body)
    assert response.status_code == status
    if path == "/v2" or path.startswith("/v2/"):
        assert (response.media_type, body) == ("application/json", {"error": detail})
    else:
        assert (response.media_type, body["status"], body["detail"]) == (MEDIA_TYPE, status, detail)
    assert response.headers.get("retry-after") == ("5" if status == 503 else None)
    assert caplog.messages == logged
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * len(logged)
    causes = {404: "", 503: "out of memory", 500: "/secret/path"}
    assert causes[status] in caplog.text


def test_a_request_without_memory_is_told_to_come_again(caplog: pytest.LogCaptureFixture) -> None:
    response = error_response("/generate", MemoryError("Unable to allocate 750. KiB"))
    detail = "There is not enough memory for this request now."
    assert (response.status_code, orjson.loads(response.body)["detail"]) == (503, detail)
    assert response.headers["retry-after"] == "1"
    assert caplog.text.count("\n") == 1


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(exception_handlers=HANDLERS)

    @app.get("/{number}")
    async def read(number: int) -> None:
        raise HTTPException(number, "It is broken.") if number < 600 else NotFound("Nothing is here.")

    async with caller(app) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "problem", "says", "field"),
    [
        ("GET", "/a/b", NotFound, "There is nothing at '/a/b'; GET /docs lists the endpoints.", None),
        ("PUT", "/400", MethodNotAllowed, "'/400' answers GET, HEAD, not PUT.", None),
        ("GET", "/400", MalformedBody, "It is broken.", None),
        ("GET", "/600", NotFound, "Nothing is here.", None),
        ("GET", "/x", InvalidParameter, "path.number: ", "path.number"),
    ],
)
async def test_errors_of_routes_are_problems(  # noqa: PLR0917
    client: httpx.AsyncClient, method: str, path: str, problem: type[Problem], says: str, field: str | None
) -> None:
    response = await client.request(method, path)
    expect_problem(response, problem, says, field)
    assert response.headers.get("allow") == ("GET, HEAD" if problem is MethodNotAllowed else None)
