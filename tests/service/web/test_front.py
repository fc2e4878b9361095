"""Everything between the network and the operations, for requests through ASGI."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from threading import Event
from typing import NamedTuple
from weakref import ref

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyphvae.api.context import Context
from glyphvae.api.head import RequestHead, RequestHeaders
from glyphvae.application import create_app
from glyphvae.errors import (
    AddressTooLong,
    Busy,
    DeadlineExceeded,
    HeadersTooLarge,
    InternalError,
    InvalidParameter,
    NotFound,
)
from glyphvae.operations.generate import CHUNK, Generate
from glyphvae.scheduling.scheduler import Scheduler
from glyphvae.web.front import GONE, LONGEST_PATH, TIMEOUT_HEADER, Front
from tests.service.sockets import PATIENCE, until
from tests.service.support import NPY, caller, expect_problem, grey, image_file, lifespan, npy

API_POLICY = "default-src 'none'; frame-ancestors 'none'"
SERVER = "The service that this document comes from."
J = image_file(grey(119)[0])


@pytest.fixture
def counted(context: Context) -> Context:
    """Return the same models and settings, with counts of its own."""
    return Context(context.settings, context.registry)


def changed(context: Context, **settings: object) -> Context:
    return Context(context.settings.model_copy(update=settings), context.registry)


def front_of(app: ASGIApp, context: Context) -> Front:
    """Return the front of an application with one route and no operation."""
    return Front(app, context, {}, lambda: ["/"], ())


def post(app: ASGIApp, target: str, *bodies: bytes, **more: object) -> "asyncio.Task[list[Message]]":
    """Start a request whose body comes in pieces; returns the messages of the response."""
    sent: list[Message] = []
    waiting = [{"type": "http.request", "body": body, "more_body": True} for body in bodies]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def request() -> list[Message]:
        path, _, query = target.partition("?")
        own = {"type": "http", "method": "POST", "path": path, "query_string": query.encode(), "headers": []}
        await app(own | more, receive, send)
        return sent

    return asyncio.create_task(request())


async def test_every_request_without_an_id_gets_one_of_its_own(client: httpx.AsyncClient) -> None:
    answers = [await client.post("/generate?label=J") for _ in range(3)] + [await client.get("/glyph")]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 4


@pytest.mark.parametrize(
    ("sent", "kept"), [("a.b_c:d=e+f/g-H", True), ("x" * 128, True), ("x" * 129, False), ("a b", False)]
)
async def test_a_request_keeps_its_id_unless_it_could_spoil_a_log(
    client: httpx.AsyncClient, sent: str, kept: bool
) -> None:
    for path in ("/livez", "/glyph"):
        answered = (await client.get(path, headers={"x-request-id": sent})).headers["x-request-id"]
        assert answered
        assert (answered == sent) is kept


@pytest.mark.parametrize("size", ["number", "bytes"])
async def test_headers_are_limited(client: httpx.AsyncClient, context: Context, size: str) -> None:
    own = client.build_request("GET", "/livez").headers.raw
    if size == "number":
        limit = context.settings.max_headers
        headers = [(f"x-{index}", "1") for index in range(limit - len(own))]
        more, says = (
            [*headers, ("x-one-more", "1")],
            f"The request has {limit + 1} headers; at most {limit} are allowed.",
        )
    else:
        limit = context.settings.max_header_bytes
        room = limit - sum(len(name) + len(value) for name, value in own) - 1
        headers, more = [("x", "y" * room)], [("x", "y" * (room + 1))]
        says = f"headers have {limit + 1} bytes; at most {limit} are allowed."
    assert (await client.get("/livez", headers=headers)).status_code == 200
    expect_problem(await client.get("/livez", headers=more), HeadersTooLarge, says)


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


async def test_responses_are_counted_by_route_and_status(counted: Context) -> None:
    async with caller(create_app(counted)) as client:
        await client.post("/generate?label=J")
        await client.post("/generate?label=?")
        for path in ("/models/cvae", "/models/gan", "/playground/app.js", "/anything", "/else"):
            await client.get(path)
    assert dict(counted.telemetry.requests) == {
        ("/generate", 200): 1,
        ("/generate", 422): 1,
        ("/models/{name}", 200): 1,
        ("/models/{name}", 404): 1,
        ("/playground/{name:path}", 200): 1,
        ("other", 404): 2,
    }
    assert sum(counted.telemetry.latency["/generate"].counts) == 2


async def failing(*_: object) -> None:
    raise RuntimeError("/secret/path")


async def failing_late(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    raise RuntimeError("/secret/path")


async def test_a_fault_is_a_problem_without_details_and_the_log_has_them(
    counted: Context, caplog: pytest.LogCaptureFixture
) -> None:
    async with caller(front_of(failing, counted)) as client:
        answer = await client.get("/")
    expect_problem(answer, InternalError, InternalError.example)
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"] == API_POLICY
    assert "/secret/path" in caplog.text
    assert dict(counted.telemetry.requests) == {("/", 500): 1}


async def test_a_fault_after_the_response_has_begun_reaches_the_server(counted: Context) -> None:
    transport = httpx.ASGITransport(front_of(failing_late, counted))
    async with httpx.AsyncClient(transport=transport, base_url="http://glyphvae") as client:
        with pytest.raises(RuntimeError, match="secret"):
            await client.get("/")
    # A response that had begun as 200 stays one: nothing can be taken back.
    assert dict(counted.telemetry.requests) == {("/", 200): 1}


async def test_a_request_that_is_dropped_is_not_counted(counted: Context) -> None:
    async def waiting(*_: object) -> None:
        await asyncio.Event().wait()

    task = post(front_of(waiting, counted), "/")
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not counted.telemetry.requests


@pytest.mark.parametrize("content", [J, bytes(100_000)])
@pytest.mark.parametrize("when", ["before the body", "after it"])
async def test_nothing_is_done_for_a_client_that_has_left(counted: Context, content: bytes, when: str) -> None:
    app = create_app(counted)
    if when == "after it":
        messages = await post(app, "/encode", content, extensions={GONE: lambda: True})
    else:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/encode", "query_string": b"", "headers": []}
        await app(scope, receive, send)
        messages = sent
    assert messages == []
    assert counted.telemetry.refused == {"gone": 1}
    assert not counted.telemetry.requests
    assert not counted.telemetry.batches


async def test_no_response_names_a_version_or_a_path(client: httpx.AsyncClient, context: Context) -> None:
    """`GET /` and the OpenAPI document name the service's own version, and are there to do so."""
    for method, path in (("POST", "/generate?label=?"), ("GET", "/glyph"), ("POST", "/encode"), ("GET", "/readyz")):
        answer = await client.request(method, path)
        whole = answer.text + str(answer.headers)
        for word in (str(context.settings.models), "site-packages", "uvicorn", "starlette", "Traceback"):
            assert word not in whole


async def test_the_log_has_a_line_a_request(context: Context, capsys: pytest.CaptureFixture[str]) -> None:
    app = create_app(changed(context, access_log="on", log_format="json"))
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


async def test_a_mounted_application_is_told_no_end_and_keeps_no_line(
    context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    app, outer = create_app(changed(context, access_log="on")), FastAPI()
    outer.mount("/handwriting", app)
    async with caller(outer) as client:
        await client.get("/handwriting/generate?label=J")
    assert " GET /generate 200 " in capsys.readouterr().err
    ended = asyncio.Event()

    async def receive() -> Message:
        if started.is_set():
            await ended.wait()
            return {"type": "lifespan.shutdown"}
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            started.set()

    started = asyncio.Event()
    served = asyncio.create_task(app({"type": "lifespan", "app": app, "state": {}}, receive, send))
    await started.wait()
    async with caller(app) as client:
        await client.get("/generate?label=J")
    assert not capsys.readouterr().err  # it waits for others
    ended.set()
    await served
    assert " GET /generate 200 " in capsys.readouterr().err


async def test_nothing_is_logged_unless_asked_for(app: FastAPI, capsys: pytest.CaptureFixture[str]) -> None:
    async with caller(app) as client:
        await client.get("/livez")
    await lifespan(app)
    assert not capsys.readouterr().err


# Admission


@pytest.fixture
def small(context: Context) -> Context:
    """Return a context whose queues are short."""
    return changed(context, max_queued_requests=4, max_queued_bytes=30_000, max_image_pixels=1 << 24)


@pytest.fixture
async def impatient(small: Context) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(create_app(small)) as client:
        yield client


async def test_a_full_queue_refuses_at_once_but_no_probe(small: Context) -> None:
    app = create_app(small)
    answers = [post(app, "/generate?label=J") for _ in range(19)]  # of which four count as one
    probe = post(app, "/livez", method="GET")
    messages = [await answer for answer in answers]
    assert [head["status"] for head, _ in messages] == [200] * 16 + [429] * 3
    assert (await probe)[0]["status"] == 200
    for head, body in messages[16:]:
        assert (b"retry-after", b"1") in head["headers"]
        assert b"Too many requests are queued." in body["body"]
    assert small.telemetry.refused == {"busy": 3}


def test_nothing_is_kept_of_a_request_that_was_refused(small: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scheduler, "full", True)
    front = create_app(small).front
    assert front is not None

    def refuse() -> "ref[RequestHead]":
        head = RequestHead("POST", "/generate", b"", RequestHeaders([]))
        with suppress(Busy):
            front.admit(head, Generate(small))
        return ref(head)

    refused = [refuse() for _ in range(3)]
    gc.collect()
    assert [one() for one in refused] == [None] * 3
    assert small.telemetry.refused == {"busy": 3}


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "soon"])
async def test_a_time_limit_that_is_none_is_refused(client: httpx.AsyncClient, value: str) -> None:
    for path in ("/encode", "/generate?label=J"):
        response = await client.post(path, headers={TIMEOUT_HEADER: value})
        expect_problem(response, InvalidParameter, f"is '{value}', not a number of seconds", "header.x-request-timeout")


@pytest.mark.parametrize(("asked", "seconds"), [("0.5", 0.5), ("500", 5.0), (None, 5.0)])
def test_a_request_may_shorten_its_time_but_not_lengthen_it(small: Context, asked: str | None, seconds: float) -> None:
    front = create_app(small).front
    assert front is not None
    sent = [] if asked is None else [(b"x-request-timeout", asked.encode())]
    assert front.admit(RequestHead("POST", "/generate", b"", RequestHeaders(sent)), Generate(small)) == seconds


@pytest.mark.parametrize(
    ("target", "body"), [("/encode?preprocess=none", J), (f"/generate?label=J&n={CHUNK + 1}", b"")]
)
async def test_time_that_the_client_takes_does_not_count(
    small: Context, target: str, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = 100.0
    monkeypatch.setattr("glyphvae.scheduling.deadline.monotonic", lambda: moment)
    sent: list[Message] = []

    async def receive() -> Message:
        nonlocal moment
        moment += 1000
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal moment
        moment += 1000
        sent.append(message)

    path, _, query = target.partition("?")
    headers = [(b"accept", b"application/json, application/x-npy" if body else b"application/x-npy")]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": query.encode(), "headers": headers}
    await create_app(small)(scope, receive, send)
    assert sent[0]["status"] == 200
    length = dict(sent[0]["headers"])[b"content-length"]
    assert sum(len(message["body"]) for message in sent[1:]) == int(length)
    assert len(sent) >= (2 if body else 4)


def block(context: Context, name: str, size: int) -> tuple[Event, "list[Future[bool]]"]:
    """Hold all threads of a worker pool until the event; `size` is how much they pretend to have to do."""
    pool = {"rows": context.registry.pool, "bytes": context.threads}[name]
    finish = Event()
    return finish, [pool.submit(units, None, finish.wait, PATIENCE) for units in (0, size)]


LARGE = npy(grey(*range(40)))


class Work(NamedTuple):
    """A request that has to wait for a thread."""

    pool: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = {}


WORK = [
    Work("rows", "/generate?label=J&n=1000", headers=NPY),
    Work("rows", "/generate?label=J&n=1000"),
    Work("bytes", "/encode?preprocess=none", LARGE),
    Work("bytes", "/reconstruct?label=J&scale=20&preprocess=none", J),
]


async def test_a_cancelled_request_stops_its_program(small: Context) -> None:
    finish, _ = block(small, "rows", 0)
    pool = small.registry.pool
    task = post(create_app(small), "/generate?label=J&n=1000")
    await until(lambda: pool.queued)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    finish.set()
    await until(lambda: small.telemetry.refused["gone"])
    assert not small.telemetry.runs
    assert not small.telemetry.requests


@pytest.mark.parametrize("work", WORK)
async def test_large_work_is_refused_where_too_much_is_queued(
    impatient: httpx.AsyncClient, small: Context, work: Work
) -> None:
    finish, tasks = block(small, work.pool, 1 << 30)
    response = await impatient.post(work.path, content=work.body, headers=work.headers)
    expect_problem(response, Busy, f"{work.pool}.")
    assert response.headers["retry-after"] == "1"
    # Small work goes on.
    assert (await impatient.post("/generate?label=J&seed=1&n=2", headers=NPY)).status_code == 200
    finish.set()
    assert [task.result(PATIENCE) for task in tasks] == [True, True]
    assert small.telemetry.refused == {"busy": 1}


@pytest.mark.parametrize("work", WORK)
async def test_large_work_that_waits_too_long_is_given_up(
    impatient: httpx.AsyncClient, small: Context, work: Work
) -> None:
    finish, tasks = block(small, work.pool, 0)
    response = await impatient.post(work.path, content=work.body, headers={**work.headers, TIMEOUT_HEADER: "0.05"})
    finish.set()
    assert [task.result(PATIENCE) for task in tasks] == [True, True]
    expect_problem(response, DeadlineExceeded, "No response within 0.05 seconds; ask again later or for less")
    assert small.telemetry.refused == {"deadline": 1}


ROOTS = pytest.mark.parametrize(
    ("prefix", "root_path", "attribute"),
    [
        ("/hw", "/hw", ""),
        ("", "/hw", ""),
        ("/hw/hw", "/hw", ""),
        ("/hw", "", "/hw"),
        ("", "", "/hw"),
        ("/hw", "", "setting"),
    ],
    ids=[
        "mounted",
        "stripped",
        "server's own beside it",
        "told by FastAPI",
        "told and stripped",
        "told by the setting",
    ],
)


@ROOTS
async def test_below_a_root_path_everything_is_as_without_one(
    context: Context, prefix: str, root_path: str, attribute: str
) -> None:
    app = create_app(changed(context, root_path="/hw" if attribute == "setting" else ""))
    if attribute == "/hw":
        app.root_path = attribute
    transport = httpx.ASGITransport(app, root_path=root_path)
    async with httpx.AsyncClient(transport=transport, base_url="http://glyphvae") as client:
        docs = await client.get(f"{prefix}/docs")
        for page in (docs, await client.get(f"{prefix}/playground")):
            (policy,) = page.headers.get_list("content-security-policy")
            assert "; script-src " in policy
        assert 'href="openapi.json"' in docs.text  # beside the page
        assert (await client.get(f"{prefix}/openapi.json")).json()["servers"] == [{"url": "/hw", "description": SERVER}]
        assert (await client.get(f"{prefix}/", headers={"accept": "application/json"})).json()["docs"] == "/hw/docs"
        page = await client.get(f"{prefix}/", headers={"accept": "text/html"})
        assert page.headers["location"] == "/hw/playground"
        assert (await client.post(f"{prefix}/generate?label=J")).status_code == 200
        assert (await client.get(f"{prefix}/models/cvae")).status_code == 200
        expect_problem(await client.get(f"{prefix}/glyph"), NotFound, "There is nothing at '/glyph'")
    assert ("/generate", 200) in app.state.context.telemetry.requests


async def test_a_path_of_its_own_may_begin_like_the_root_path(context: Context) -> None:
    transport = httpx.ASGITransport(create_app(context), root_path="/playground")
    async with httpx.AsyncClient(transport=transport, base_url="http://glyphvae") as client:
        assert (await client.get("/playground/playground")).headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("root", ["/hw", "/a/hw"])
async def test_the_root_path_itself_leads_to_what_is_below_it(context: Context, root: str) -> None:
    async with caller(create_app(changed(context, root_path=root))) as client:
        redirect = await client.get(root)
        assert (redirect.status_code, redirect.headers["location"]) == (307, "hw/")
