import asyncio
import json
import re
import string
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyphvae.api.context import Context
from glyphvae.app import create_app, create_served, guard
from glyphvae.errors import AddressTooLong, HeadersTooLarge, InternalError, NotFound
from glyphvae.web.request_context import LONGEST_ID, LONGEST_PATH, OTHER, Edge, given_id
from tests.service.support import expect_problem

API_POLICY = "default-src 'none'; frame-ancestors 'none'"


def caller(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://glyphvae")


@pytest.fixture
def counted(context: Context) -> Context:
    """The same models and settings, with counts of its own."""
    return Context(context.settings, context.engine)


def changed(context: Context, **settings: object) -> Context:
    return Context(context.settings.model_copy(update=settings), context.engine)


@pytest.mark.parametrize("sent", ["7", "a.b_c:d=e+f/g-H", "x" * LONGEST_ID])
async def test_a_request_keeps_its_id(client: httpx.AsyncClient, sent: str) -> None:
    for path in ("/livez", "/glyph"):
        assert (await client.get(path, headers={"x-request-id": sent})).headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", "x" * (LONGEST_ID + 1), "a b", 'a"b', "a\x7f", "é"])
async def test_an_id_that_could_spoil_a_log_is_replaced(client: httpx.AsyncClient, sent: str) -> None:
    answered = (await client.get("/livez", headers=[(b"x-request-id", sent.encode())])).headers["x-request-id"]
    assert answered
    assert answered != sent


@given(st.binary(max_size=2 * LONGEST_ID) | st.text(string.printable, max_size=LONGEST_ID + 1).map(str.encode))
def test_an_id_is_kept_if_it_is_sane(value: bytes) -> None:
    sane = re.fullmatch(rb"[A-Za-z0-9._:=+/-]{1,128}", value)
    assert given_id([(b"host", b"x"), (b"x-request-id", value)]) == (value if sane else None)


async def test_every_request_without_an_id_gets_one_of_its_own(client: httpx.AsyncClient) -> None:
    answers = [await client.post("/generate?label=J") for _ in range(3)] + [await client.get("/glyph")]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 4


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/generate?label=J", 200),
        ("POST", "/generate?label=J&seed=1", 200),
        ("POST", "/generate", 422),
        ("POST", "/encode", 400),
        ("GET", "/models", 200),
        ("GET", "/models/cvae", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/glyph", 404),
        ("PUT", "/generate", 405),
        ("GET", "/" + "x" * LONGEST_PATH, 414),
    ],
)
async def test_every_answer_has_security_headers(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    assert answer.headers.get_list("referrer-policy") == ["no-referrer"]
    assert answer.headers.get_list("cross-origin-resource-policy") == ["same-origin"]
    assert answer.headers.get_list("content-security-policy") == [API_POLICY]
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", ["/playground", "/playground/app.js", "/docs"])
async def test_pages_have_a_policy_of_their_own(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    (policy,) = answer.headers.get_list("content-security-policy")
    assert policy.startswith("default-src 'none'; script-src ")
    assert "frame-ancestors 'none'" in policy
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


async def test_the_number_of_headers_is_limited(client: httpx.AsyncClient, context: Context) -> None:
    limit = context.settings.max_headers
    sent = len(client.build_request("GET", "/livez").headers)
    headers = [(f"x-{index}", "1") for index in range(limit - sent)]
    assert (await client.get("/livez", headers=headers)).status_code == 200
    answer = await client.get("/livez", headers=[*headers, ("x-one-more", "1")])
    expect_problem(answer, HeadersTooLarge, f"The request has {limit + 1} headers; at most {limit} are allowed.")


async def test_the_size_of_headers_is_limited(client: httpx.AsyncClient, context: Context) -> None:
    limit = context.settings.max_header_bytes
    sent = client.build_request("GET", "/livez", headers={"x": ""}).headers.raw
    room = limit - sum(len(name) + len(value) for name, value in sent)
    assert (await client.get("/livez", headers={"x": "y" * room})).status_code == 200
    answer = await client.get("/livez", headers={"x": "y" * (room + 1)})
    expect_problem(answer, HeadersTooLarge, f"headers have {limit + 1} bytes; at most {limit} are allowed.")


async def test_the_query_is_limited(client: httpx.AsyncClient, context: Context) -> None:
    limit = context.settings.max_query_bytes
    query = "label=J&" + "x=".ljust(limit - len("label=J&"), "y")
    for path in ("/generate", "/encode"):
        assert (await client.post(f"{path}?{query}")).status_code == 422
        answer = await client.post(f"{path}?{query}y")
        expect_problem(answer, AddressTooLong, f"The query has {limit + 1} bytes; at most {limit} are allowed.")


async def test_the_path_is_limited(client: httpx.AsyncClient) -> None:
    path = "/" + "x" * (LONGEST_PATH - 1)
    expect_problem(await client.get(path), NotFound, "")
    expect_problem(await client.get(path + "x"), AddressTooLong, f"{LONGEST_PATH + 1} characters")


async def test_answers_are_counted_by_route_and_status(counted: Context) -> None:
    async with caller(create_served(counted)) as client:
        await client.post("/generate?label=J")
        await client.post("/generate?label=?")
        await client.get("/models/cvae")
        await client.get("/models/gan")
        await client.get("/playground/app.js")
        await client.get("/anything")
        await client.get("/else")
    assert dict(counted.telemetry.requests) == {
        ("/generate", 200): 1,
        ("/generate", 422): 1,
        ("/models/{name}", 200): 1,
        ("/models/{name}", 404): 1,
        ("/playground/{name:path}", 200): 1,
        (OTHER, 404): 2,
    }
    assert sum(counted.telemetry.latency["/generate"].counts) == 2


async def failing(*_: object) -> None:
    raise RuntimeError("/secret/path")


async def failing_late(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise RuntimeError("/secret/path")


async def refusing(*_: object) -> None:
    raise NotFound("Nothing is here.")


async def test_a_fault_of_any_layer_is_a_problem_without_details(counted: Context) -> None:
    async with caller(Edge(failing, counted, ["/"])) as client:
        answer = await client.get("/")
    expect_problem(answer, InternalError, InternalError.example)
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["content-security-policy"] == API_POLICY
    assert dict(counted.telemetry.requests) == {("/", 500): 1}


async def test_a_fault_reaches_the_server_which_logs_it(counted: Context) -> None:
    for app in (failing, failing_late):
        transport = httpx.ASGITransport(Edge(app, counted, ["/"]))
        async with httpx.AsyncClient(transport=transport, base_url="http://glyphvae") as client:
            with pytest.raises(RuntimeError, match="secret"):
                await client.get("/")
    # An answer that had begun as 200 stays one: nothing can be taken back.
    assert dict(counted.telemetry.requests) == {("/", 500): 1, ("/", 200): 1}


async def test_a_problem_that_nobody_answered_is_answered(counted: Context) -> None:
    async with caller(Edge(refusing, counted, [])) as client:
        expect_problem(await client.get("/"), NotFound, "Nothing is here.")


async def test_a_request_that_is_dropped_is_not_counted(counted: Context) -> None:
    async def waiting(*_: object) -> None:
        await asyncio.Event().wait()

    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    async def unsent(message: Message) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    edge = Edge(waiting, counted, ["/"])
    task = asyncio.create_task(edge(scope, nothing, unsent))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not counted.telemetry.requests


async def test_no_answer_names_a_version_or_a_path(client: httpx.AsyncClient, context: Context) -> None:
    """But the two that are there to say it: `GET /` and the OpenAPI document name the service's own version."""
    for method, path in (("POST", "/generate"), ("GET", "/glyph"), ("POST", "/encode"), ("GET", "/readyz")):
        answer = await client.request(method, path)
        whole = answer.text + str(answer.headers)
        for word in (str(context.settings.models), "site-packages", "uvicorn", "starlette", "Traceback"):
            assert word not in whole


LOGGED: dict[str, Callable[[Context], ASGIApp]] = {
    "FastAPI": lambda context: guard(app := create_app(context), app, context),
    "short ways": create_served,
}


@pytest.mark.parametrize("build", LOGGED.values(), ids=LOGGED)
async def test_the_log_has_a_line_a_request(
    context: Context, build: Callable[[Context], ASGIApp], capsys: pytest.CaptureFixture[str]
) -> None:
    app = build(changed(context, access_log="on", log_format="json"))
    async with caller(app) as client:
        await client.post("/generate?label=J", headers={"x-request-id": "one"})
        await client.post("/render-text", json={"text": "SECRET"}, headers={"x-request-id": "two"})
        await client.get("/models/gan?key=SECRET", headers={"authorization": "Bearer SECRET"})
    await lifespan(app)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    told = [(line["id"], line["route"], line["method"], line["status"], line["model"]) for line in lines]
    assert told[:2] == [
        ("one", "/generate", "POST", 200, "cvae/1"),
        ("two", "/render-text", "POST", 200, "cvae/1"),
    ]
    assert told[2][1:] == ("/models/{name}", "GET", 404, None)
    assert [(line["rows"], line["batch"]) for line in lines[1:]] == [(6, 6), (0, 0)]
    assert all(line["ms"] > 0 for line in lines)
    assert "SECRET" not in str(lines)


async def test_nothing_is_logged_unless_asked_for(
    client: httpx.AsyncClient, server: ASGIApp, capsys: pytest.CaptureFixture[str]
) -> None:
    await client.get("/livez")
    await lifespan(server)
    assert not capsys.readouterr().err


async def lifespan(app: ASGIApp) -> None:
    """Start and end, as a server does it."""
    messages: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Message:
        return messages.pop(0)

    sent: list[str] = []

    async def send(message: Message) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan", "app": app, "state": {}}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
