"""Requests start, wait, or are refused."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyphvae.api.context import Context
from glyphvae.app import create_served
from glyphvae.errors import Busy, DeadlineExceeded, InvalidParameter
from glyphvae.models.registry import Engine, load_engine
from glyphvae.scheduling.batching import MAX_ROWS
from glyphvae.scheduling.deadline import current
from glyphvae.settings import Settings
from glyphvae.web.admission import GONE, HEADER, STARTS, TURN, Admission
from tests.service.support import NPY, expect_problem, grey, image_file, npy

PATIENCE = 60


@pytest.fixture(scope="module")
def engine(repository: Path) -> Engine:
    return load_engine(Settings(models=repository, default_model="cvae", device="cpu"))


@pytest.fixture
def small(engine: Engine, repository: Path) -> Context:
    """A context whose queues are short."""
    settings = Settings(models=repository, device="cpu", max_queued_requests=4, max_queued_bytes=30_000)
    return Context(settings, engine)


class Handler:
    """An application that notes who started, and answers when it is let."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.started.append(scope["path"])
        await self.go.wait()
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})


def post(app: ASGIApp, path: str, *bodies: bytes, **more: Any) -> "asyncio.Task[list[Message]]":  # noqa: ANN401 (a scope)
    """A request; the messages that come back."""
    sent: list[Message] = []
    waiting = [{"type": "http.request", "body": body, "more_body": True} for body in bodies]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def request() -> list[Message]:
        await app({"type": "http", "method": "POST", "path": path, "headers": [], **more}, receive, send)
        return sent

    return asyncio.create_task(request())


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_an_idle_service_lets_nobody_wait(small: Context) -> None:
    handler = Handler()
    handler.go.set()
    answer = post(Admission(handler, small), "/a")
    await asyncio.sleep(0)
    assert answer.done()
    assert [message.get("status") for message in await answer] == [200, None]


async def test_a_turn_starts_a_few_and_the_next_one_more(small: Context) -> None:
    handler = Handler()
    app = Admission(handler, small)
    answers = [post(app, f"/{i}") for i in range(STARTS + 2)]
    await asyncio.sleep(0)
    assert len(handler.started) == STARTS
    await turns()
    assert handler.started == [f"/{i}" for i in range(STARTS + 2)]
    handler.go.set()
    await asyncio.gather(*answers)
    assert small.telemetry.refused == {}


async def test_where_turns_get_long_fewer_start(small: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 100.0
    monkeypatch.setattr("glyphvae.web.admission.monotonic", lambda: moment)
    seconds = 2 * TURN
    started = 0

    async def slow(*_: object) -> None:
        nonlocal moment, started
        moment += seconds
        started += 1

    app = Admission(slow, small)
    per_turn = []
    for _ in range(6):
        answers = [post(app, "/") for _ in range(4)]
        before = started
        await asyncio.sleep(0)
        per_turn.append(started - before)
        await asyncio.gather(*answers)
    assert per_turn[0] == 4
    assert per_turn[-1] == 1
    seconds = 0
    for _ in range(STARTS):
        await asyncio.gather(post(app, "/"))
        await asyncio.sleep(0)
    answers = [post(app, "/") for _ in range(4)]
    before = started
    await asyncio.sleep(0)
    assert started - before == 4
    await asyncio.gather(*answers)


async def test_a_full_queue_refuses_at_once(small: Context) -> None:
    handler = Handler()
    app = Admission(handler, small)
    answers = [post(app, "/") for _ in range(STARTS + 4 + 3)]
    await asyncio.sleep(0)
    refused = [answer for answer in answers if answer.done()]
    assert len(refused) == 3
    for answer in refused:
        head, body = await answer
        assert head["status"] == 429
        assert (b"retry-after", b"1") in head["headers"]
        assert b"Too many requests wait already." in body["body"]
    handler.go.set()
    await asyncio.gather(*answers)
    assert len(handler.started) == STARTS + 4
    assert small.telemetry.refused == {"busy": 3}


async def test_whoever_would_wait_for_half_of_the_time_is_refused(
    small: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = 100.0
    monkeypatch.setattr("glyphvae.web.admission.monotonic", lambda: moment)
    handler = Handler()
    app = Admission(handler, small)
    answers = [post(app, "/") for _ in range(STARTS + 1)]
    await asyncio.sleep(0)
    moment += 2.6
    full = app.full
    moment -= 0.2
    assert (full, app.full) == (True, False)
    handler.go.set()
    await asyncio.gather(*answers)


async def test_what_costs_nothing_is_never_refused(small: Context) -> None:
    handler = Handler()
    app = Admission(handler, small)
    answers = [post(app, "/work") for _ in range(STARTS + 4)]
    await asyncio.sleep(0)
    probe = post(app, "/livez", method="GET")
    await asyncio.sleep(0)
    assert handler.started[-1] == "/livez"
    handler.go.set()
    await asyncio.gather(*answers, probe)


async def test_requests_start_no_faster_than_models_take_them_up(small: Context) -> None:
    model = small.engine.get("cvae")
    started: list[bool] = []

    async def large(*_: object) -> None:
        started.append(True)
        await model.decode(np.zeros((MAX_ROWS, 6), np.float32), np.zeros(MAX_ROWS, np.int64))

    app = Admission(large, small)
    first = [post(app, "/") for _ in range(2)]
    await turns(2)
    assert model.backlog == MAX_ROWS  # of two batches one is left
    second = post(app, "/")
    await asyncio.sleep(0)
    assert len(started) == 2
    await asyncio.gather(*first, second)
    assert len(started) == 3


@pytest.mark.parametrize(("gone", "counted"), [(True, "gone"), (False, "deadline")])
async def test_what_came_to_nothing_while_it_waited_is_never_started(
    small: Context, gone: bool, counted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = Handler()
    app = Admission(handler, small)
    left = False
    answers = [post(app, "/started") for _ in range(STARTS)]
    waiting = post(app, "/waiting", extensions={GONE: lambda: left})
    await asyncio.sleep(0)
    if gone:
        left = True
    else:
        later = asyncio.get_running_loop().time() + 1000
        monkeypatch.setattr("glyphvae.scheduling.deadline.monotonic", lambda: later)
    await turns()
    handler.go.set()
    messages = await waiting
    await asyncio.gather(*answers)
    assert "/waiting" not in handler.started
    assert [message.get("status") for message in messages] == ([] if gone else [503, None])
    assert small.telemetry.refused == {counted: 1}


async def test_a_cancelled_request_is_nobody_s_fault(small: Context) -> None:
    handler = Handler()
    app = Admission(handler, small)
    answers = [post(app, "/started") for _ in range(STARTS)]
    waiting = post(app, "/waiting")
    await asyncio.sleep(0)
    waiting.cancel()
    await turns()
    assert waiting.cancelled()
    assert "/waiting" not in handler.started
    answers[0].cancel()
    await turns()
    assert answers[0].cancelled()
    handler.go.set()
    await asyncio.gather(*answers[1:])


@pytest.fixture
async def client(small: Context) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_served(small))
    async with httpx.AsyncClient(transport=transport, base_url="http://glyphvae") as client:
        yield client


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "soon", ""])
async def test_a_time_that_is_none_is_refused(client: httpx.AsyncClient, value: str) -> None:
    response = await client.post("/encode", headers={HEADER: value})
    expect_problem(response, InvalidParameter, f"is '{value}', not a number of seconds", "header.x-request-timeout")


async def test_a_request_may_shorten_its_time_but_not_lengthen_it(small: Context) -> None:
    remaining: list[float] = []

    async def handler(*_: object) -> None:
        ticket = current.get()
        assert ticket is not None
        remaining.append(ticket.remaining)

    app = Admission(handler, small)
    for headers in ([(b"x-request-timeout", b"0.5")], [(b"x-request-timeout", b"500")], []):
        await post(app, "/", headers=headers)
    assert 0 < remaining[0] <= 0.5
    assert 4 < remaining[1] <= 5
    assert 4 < remaining[2] <= 5
    assert current.get() is None


async def test_time_that_the_client_takes_does_not_count(small: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 100.0
    for module in ("admission", "ticket"):
        monkeypatch.setattr(f"service.{module}.monotonic", lambda: moment)
    remaining: list[float] = []

    async def handler(_: Scope, receive: Receive, send: Send) -> None:
        nonlocal moment
        ticket = current.get()
        assert ticket is not None
        await receive()
        remaining.append(ticket.remaining)
        for more in (True, False):
            moment += 3
            await send({"type": "http.response.body", "body": b"", "more_body": more})
            remaining.append(ticket.remaining)

    async def receive() -> Message:
        nonlocal moment
        moment += 1000
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None:
        pass

    await Admission(handler, small)({"type": "http", "method": "POST", "headers": []}, receive, send)
    # The whole time after the body, and again after a piece of the answer.
    assert remaining == [5, 5, 2]


async def test_bodies_in_memory_are_bounded(small: Context) -> None:
    reading, go = asyncio.Event(), asyncio.Event()

    async def handler(_: Scope, receive: Receive, __: Send) -> None:
        await receive()
        await receive()
        reading.set()
        await go.wait()

    app = Admission(handler, small)
    first = post(app, "/", bytes(10_000), bytes(15_000))
    await reading.wait()
    assert small.threads.queued == 25_000
    assert (await post(app, "/", bytes(10_000)))[0]["status"] == 429
    assert small.threads.queued == 25_000
    go.set()
    await first
    assert small.threads.queued == 0
    # A body alone is taken whatever its size: the limit on bodies is another one.
    assert await post(app, "/", bytes(20_000), bytes(20_000)) == []
    assert small.telemetry.refused == {"busy": 1}


def block(context: Context, name: str, size: int) -> tuple[Event, "asyncio.Future[list[bool]]"]:
    """Holds all threads of a lane until the event; `size` is how much they pretend to have to do."""
    lane = {"rows": context.engine.worker, "bytes": context.threads}[name]
    finish = Event()
    jobs = [asyncio.ensure_future(lane.run(units, finish.wait, PATIENCE)) for units in (0, size)]
    return finish, asyncio.gather(*jobs)


LARGE = npy(grey(*range(40)))


class Work(NamedTuple):
    """A request that has to wait for a thread."""

    lane: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = {}


WORK = [
    Work("rows", "/generate?label=J&n=1000", headers=NPY),
    Work("rows", "/generate?label=J&n=1000"),
    Work("bytes", "/encode?preprocess=none", LARGE),
    Work("bytes", "/reconstruct?label=J&scale=20&preprocess=none", image_file(grey(119)[0])),
]


@pytest.mark.parametrize("work", WORK)
async def test_large_work_is_refused_where_too_much_waits(
    client: httpx.AsyncClient, small: Context, work: Work
) -> None:
    finish, jobs = block(small, work.lane, 1 << 30)
    await asyncio.sleep(0)
    response = await client.post(work.path, content=work.body, headers=work.headers)
    expect_problem(response, Busy, f"{work.lane}.")
    assert response.headers["retry-after"] == "1"
    # Small work goes on.
    assert (await client.post("/generate?label=J&seed=1&n=2", headers=NPY)).status_code == 200
    finish.set()
    assert await jobs == [True, True]


@pytest.mark.parametrize("work", WORK)
async def test_large_work_that_waits_too_long_is_given_up(
    client: httpx.AsyncClient, small: Context, work: Work
) -> None:
    finish, jobs = block(small, work.lane, 0)
    await asyncio.sleep(0)
    response = await client.post(work.path, content=work.body, headers={**work.headers, HEADER: "0.05"})
    finish.set()
    assert await jobs == [True, True]
    expect_problem(response, DeadlineExceeded, "No answer within 0.05 seconds.")
    assert small.telemetry.refused == {"deadline": 1}
