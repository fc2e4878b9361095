"""The short way and FastAPI give the same answers."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.types import Receive, Scope, Send

from glyphvae.api.context import Context
from glyphvae.app import create_app
from glyphvae.models.registry import Engine, load_engine
from glyphvae.scheduling.batching import MAX_ROWS
from glyphvae.settings import Settings
from glyphvae.web.hot_path import KEPT_QUERIES, HotPath, Plan, Query, split


class Recorder:
    """Passes on to the application, and counts how often."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.passed = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.passed += 1
        await self.app(scope, receive, send)


@pytest.fixture
def behind(app: FastAPI) -> Recorder:
    return Recorder(app)


@pytest.fixture
async def short(behind: Recorder, context: Context) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose requests meet the short way first."""
    transport = httpx.ASGITransport(HotPath(behind, context), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://glyphvae") as client:
        # httpx would send `Accept: */*`, which is another case below.
        del client.headers["accept"]
        yield client


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose requests meet FastAPI only."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://glyphvae") as client:
        yield client


TAKEN = [
    "label=J&seed=7",
    "label=19&seed=7",
    "seed=7&label=J",
    "label=J&seed=0",
    f"label=J&seed={2**53 - 1}",
    "label=J&n=1&seed=7",
    "label=J&z=0.5,,-1&seed=7",
    "label=J&z=&seed=7",
    "label=J&z=0.5,1e-3,-.5,10,0,-10&seed=7",
    "label=J&temperature=0.5&seed=7",
    "label=J&scale=3&seed=7",
    "label=J&ink=navy&paper=transparent&seed=7",
    "label=J&model=cvae&columns=3&seed=7",
    "model=vae&seed=7",
    "label=%4A&seed=7",
]
LEFT = [
    "",
    "label=",
    "label=JJ",
    "label=J&label=K&seed=7",
    "label=J&n=2&seed=7",
    "label=J&n=0",
    "label=J&seed=-1",
    "label=J&seed=+1",
    "label=J&seed=",
    f"label=J&seed={2**53}",
    "label=J&seed=1&seed=2",
    "label=J&seed=0000000000000000007",
    "label=J&scale=64&seed=7",
    "label=J&scale=65",
    "label=J&z=1,2,3,4,5,6,7",
    "label=J&z=1,2&z=3",
    "label=J&z=11",
    "label=J&z=1,e",
    "label=J&z=0.5%2C1&seed=7",
    "label=J&temperature=nan",
    "label=J&ink=soot",
    "label=J&model=gan",
    "label=J&model=vae",
    "lable=J",
    "label=J&temperature=1&temperature=2&seed=7",
]


@pytest.mark.parametrize("query", TAKEN)
async def test_a_plain_request_is_answered_as_fastapi_would(
    short: httpx.AsyncClient, client: httpx.AsyncClient, behind: Recorder, query: str
) -> None:
    answer = await short.post(f"/generate?{query}")
    expected = await client.post(f"/generate?{query}")
    assert behind.passed == 0
    assert answer.status_code == expected.status_code == 200
    assert answer.content == expected.content
    assert sorted(answer.headers.raw) == sorted(expected.headers.raw)


@pytest.mark.parametrize("query", LEFT)
async def test_any_other_request_is_left_to_fastapi(
    short: httpx.AsyncClient, client: httpx.AsyncClient, behind: Recorder, query: str
) -> None:
    answer = await short.post(f"/generate?{query}")
    expected = await client.post(f"/generate?{query}")
    assert behind.passed == 1
    assert answer.status_code == expected.status_code
    assert answer.content == expected.content


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        ("*/*", True),
        ("image/*", True),
        ("image/png, application/json;q=0.5", True),
        ("application/json", False),
        ("text/html", False),
    ],
)
async def test_only_a_png_is_taken(short: httpx.AsyncClient, behind: Recorder, accept: str, taken: bool) -> None:
    await short.post("/generate?label=J", headers={"Accept": accept})
    assert (behind.passed == 0) == taken


async def test_two_accept_headers_are_left_to_fastapi(short: httpx.AsyncClient, behind: Recorder) -> None:
    await short.post("/generate?label=J", headers=[("Accept", "image/png"), ("Accept", "application/json")])
    assert behind.passed == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
async def test_another_method_is_left_to_fastapi(short: httpx.AsyncClient, behind: Recorder, method: str) -> None:
    answer = await short.request(method, "/generate?label=J")
    assert (answer.status_code, behind.passed) == (405, 1)


async def test_another_path_is_left_to_fastapi(short: httpx.AsyncClient, behind: Recorder) -> None:
    answer = await short.get("/livez")
    assert (answer.status_code, behind.passed) == (200, 1)


async def test_a_body_is_left_to_fastapi(short: httpx.AsyncClient, behind: Recorder) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"{}"

    await short.post("/generate?label=J", content=b"{}")
    await short.post("/generate?label=J", content=pieces())
    assert behind.passed == 2


async def test_each_answer_without_a_seed_is_new_and_its_seed_reproduces_it(short: httpx.AsyncClient) -> None:
    answers = [await short.post("/generate?label=J") for _ in range(100)]
    seeds = {answer.headers["glyphvae-seed"] for answer in answers}
    assert len(seeds) == 100
    for answer in answers[::10]:
        again = await short.post(f"/generate?label=J&seed={answer.headers['glyphvae-seed']}")
        assert again.content == answer.content


async def test_concurrent_answers_are_all_different(short: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(short.post("/generate?label=J&z=,1") for _ in range(50)))
    assert len({answer.headers["glyphvae-seed"] for answer in answers}) == 50


async def test_a_model_that_is_not_loaded_is_left_to_fastapi_until_it_is(repository: Path, behind: Recorder) -> None:
    settings = Settings(models=repository, device="cpu")
    context = Context(settings, load_engine(settings))
    behind.app = create_app(context)
    transport = httpx.ASGITransport(HotPath(behind, context))
    async with httpx.AsyncClient(transport=transport, base_url="http://glyphvae") as client:
        assert [(await client.post("/generate?model=vae")).status_code for _ in range(3)] == [200] * 3
    assert behind.passed == 1


async def test_the_glyph_is_the_model_s(short: httpx.AsyncClient) -> None:
    answer = await short.post("/generate?label=J&z=2&ink=white&paper=black")
    pixels = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert pixels.shape == (28, 28)
    assert np.unique(pixels).tolist() == [139]


async def test_a_model_that_fails_is_a_503(context: Context, app: FastAPI) -> None:
    class Broken:
        loaded = True
        manifest = context.engine.get(None).manifest
        title = "cvae/1"

        def report_to(self, *_: object) -> None:
            pass

        def decode_now(self, *_: object) -> None:
            raise context.engine.get(None).not_ready()

    broken = Context(context.settings, Engine({"cvae": Broken()}, "cvae", context.engine.worker))  # type: ignore[dict-item]
    transport = httpx.ASGITransport(HotPath(app, broken))
    async with httpx.AsyncClient(transport=transport, base_url="http://glyphvae") as client:
        answer = await client.post("/generate?label=J")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


async def test_only_so_many_queries_are_kept(app: FastAPI, context: Context) -> None:
    hot_path = HotPath(app, context)
    transport = httpx.ASGITransport(hot_path)
    async with httpx.AsyncClient(transport=transport, base_url="http://glyphvae") as client:
        for index in range(KEPT_QUERIES + 10):
            await client.post(f"/generate?label=J&temperature=0.{index}1")
    assert len(hot_path.kept) == KEPT_QUERIES
    assert b"label=J&temperature=0.01" not in hot_path.kept


@pytest.mark.parametrize(
    ("query", "parts"),
    [
        (b"label=J", Query(b"label=J")),
        (b"label=J&seed=7", Query(b"label=J", 7)),
        (b"seed=7&label=J", Query(b"label=J", 7)),
        (b"seed=7", Query(b"", 7)),
        (b"seed=x", Query(b"seed=x")),
        (b"xseed=7", Query(b"xseed=7")),
        (b"label=J&z=1,,-0.5e0", Query(b"label=J", None, b"1,,-0.5e0")),
        (b"z=&seed=0", Query(b"", 0, b"")),
        (b"z=1%2C2", Query(b"z=1%2C2")),
        (b"z=1&z=2", Query(b"z=2", None, b"1")),
        (b"xz=1", Query(b"xz=1")),
    ],
)
def test_a_query_is_taken_apart(query: bytes, parts: Query) -> None:
    assert split(query) == parts


async def test_what_was_drawn_ahead_is_forgotten_with_its_models(app: FastAPI, context: Context) -> None:
    hot_path = HotPath(app, context)
    transport = httpx.ASGITransport(hot_path)
    async with httpx.AsyncClient(transport=transport, base_url="http://glyphvae") as client:
        for _ in range(2):
            await client.post("/generate?label=J")
        (before,) = hot_path.kept.values()
        assert before is not None
        assert len(before.pool) == 1
        context.engine = load_engine(context.settings)
        await client.post("/generate?label=J")
        (after,) = hot_path.kept.values()
    assert after is not before


async def test_the_level_of_the_pools_is_told_by_model(app: FastAPI, context: Context) -> None:
    hot_path = HotPath(app, context)
    transport = httpx.ASGITransport(hot_path)
    async with httpx.AsyncClient(transport=transport, base_url="http://glyphvae") as client:
        for _ in range(2):
            await client.post("/generate?label=J")
            await client.post("/generate?label=K")
        await client.post("/generate?label=nothing")
    assert context.telemetry.pooled() == hot_path.pooled() == {"cvae": 2}


J = {"type": "http", "method": "POST", "path": "/generate", "query_string": b"label=J", "headers": []}


class Caller:
    """A receiver, which has left or not, and which can be answered unless it is `broken`."""

    def __init__(self, *, left: bool = False, broken: bool = False) -> None:
        self.left = left
        self.broken = broken
        self.seeds: list[int] = []

    def has_left(self) -> bool:
        return self.left

    def send(self, _plan: Plan, _content: bytes, seed: int, _batch: int) -> None:
        if self.broken:
            raise OSError("no space left on device")
        self.seeds.append(seed)

    def fail(self, error: Exception) -> None:
        raise error


async def test_no_glyph_is_spent_on_a_client_that_has_left(app: FastAPI, context: Context) -> None:
    hot_path = HotPath(app, context)
    here, gone = Caller(), Caller(left=True)
    for receiver in (here, gone, here, here):
        assert hot_path.begin(J, receiver)
    await asyncio.sleep(0)
    (source,) = hot_path.kept.values()
    assert source is not None
    assert (len(set(here.seeds)), gone.seeds, len(source.pool)) == (3, [], 0)
    assert context.telemetry.refused["gone"] == 1


async def test_whoever_cannot_be_answered_keeps_no_answer_from_the_others(
    app: FastAPI, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    hot_path, well = HotPath(app, context), Caller()
    for receiver in (well, Caller(broken=True), well):
        hot_path.begin(J, receiver)
    await asyncio.sleep(0)
    assert len(set(well.seeds)) == 2
    assert "an answer was not sent" in caplog.text


async def test_more_than_fit_into_a_turn_are_answered_on_the_next(app: FastAPI, context: Context) -> None:
    hot_path, receiver = HotPath(app, context), Caller()
    for _ in range(MAX_ROWS + 1):
        hot_path.begin(J, receiver)
    await asyncio.sleep(0)
    assert len(receiver.seeds) == MAX_ROWS
    await asyncio.sleep(0)
    assert len(set(receiver.seeds)) == MAX_ROWS + 1
