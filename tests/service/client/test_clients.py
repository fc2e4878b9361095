"""What both clients do where something goes wrong, over real sockets."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.client import (
    AsyncClient,
    BrokenResponseError,
    Client,
    DeadlineExceededError,
    NoResponseError,
    ProblemError,
    Retry,
)
from glyphvae.formats.npy import npy_bytes
from glyphvae.web.keys import new_key
from tests.service.client.scripted import answer, scripted
from tests.service.processes import python
from tests.service.support import caller, grey

AT_ONCE = Retry(attempts=3, first=0.0)
GLYPH = answer("200 OK", npy_bytes(grey(119)), "Glyphvae-Seed: 7", "Glyphvae-Model: cvae/1")
BUSY = answer("503 Service Unavailable", b"", "Retry-After: 0")

Ask = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Makes a call of a new client for an address."""

    async def call(url: str, name: str, *args: object, patience: float = 30, key: str | None = None) -> object:
        if request.param == "sync":
            with Client(url, retry=AT_ONCE, timeout=patience, key=key) as client:
                result = getattr(client, name)(*args)
                return list(result) if name.endswith("chunks") else result
        async with AsyncClient(url, retry=AT_ONCE, timeout=patience, key=key) as client:
            if name.endswith("chunks"):
                return [chunk async for chunk in getattr(client, name)(*args)]
            return await getattr(client, name)(*args)

    return call


async def test_a_busy_service_is_asked_again(ask: Ask) -> None:
    with scripted(BUSY, answer("429 Too Many Requests"), GLYPH) as server:
        assert (await ask(server.url, "generate", "J")).seed == 7
        assert len(server.requests) == 3
        assert len({request.partition(b"\r\n")[0] for request in server.requests}) == 1


async def test_the_service_is_told_how_long_the_caller_waits(ask: Ask) -> None:
    with scripted(BUSY, GLYPH) as server:
        await ask(server.url, "generate", "J", patience=7)
        await ask(server.url, "generate_chunks", "J", patience=7)
    told = [re.search(rb"(?i)x-request-timeout: ([0-9.]+)\r\n", request) for request in server.requests]
    assert 0 < float(told[1][1]) <= float(told[0][1]) <= 7  # type: ignore[index]
    assert told[2] is None  # a stream may take as long as it takes


async def test_a_service_that_stays_busy_raises_its_last_error(ask: Ask) -> None:
    with scripted(BUSY) as server:
        with pytest.raises(ProblemError) as caught:
            await ask(server.url, "generate", "J")
        assert (caught.value.status, caught.value.retry_after) == (503, 0)
        assert len(server.requests) == 3


async def test_a_connection_that_closes_before_an_answer_is_tried_again(ask: Ask) -> None:
    with scripted(b"", b"HTTP/1.1 200", GLYPH) as server:
        assert (await ask(server.url, "generate", "J")).pixels[0, 0, 0] == 119


@pytest.mark.parametrize("name", ["generate", "generate_chunks"])
async def test_an_answer_that_breaks_off_is_not_asked_for_again(ask: Ask, name: str) -> None:
    with scripted(GLYPH[:-100]) as server:
        with pytest.raises(BrokenResponseError, match="response is incomplete"):
            await ask(server.url, name, "J")
        assert len(server.requests) == 1


async def test_an_answer_that_cannot_be_read_is_broken(ask: Ask) -> None:
    with scripted(answer("200 OK", b"[{}]")) as server:
        with pytest.raises(BrokenResponseError, match="/generate cannot be read"):
            await ask(server.url, "generate", "J")
        with pytest.raises(BrokenResponseError, match="/models cannot be read"):
            await ask(server.url, "models")


async def test_a_refused_connection_is_an_error(ask: Ask) -> None:
    with pytest.raises(NoResponseError):
        await ask("http://127.0.0.1:1", "live")


@pytest.mark.parametrize("name", ["generate", "generate_chunks"])
async def test_an_answer_that_stalls_exceeds_the_deadline(ask: Ask, name: str) -> None:
    with scripted(GLYPH, stall=True) as server, pytest.raises(DeadlineExceededError):
        await ask(server.url, name, "J", patience=0.2)


async def test_readiness_is_an_answer_and_no_reason_to_ask_again(ask: Ask) -> None:
    with scripted(BUSY) as server:
        assert await ask(server.url, "ready") is False
        assert len(server.requests) == 1


async def test_a_key_is_sent_along(ask: Ask) -> None:
    with scripted(GLYPH) as server:
        await ask(server.url, "generate", "J", key="secret")
        await ask(server.url, "generate", "J")
    assert b"authorization: bearer secret\r\n" in server.requests[0].lower()
    assert b"authorization" not in server.requests[1].lower()


async def test_a_key_opens_a_service_that_wants_one(context: Context, tmp_path: Path) -> None:
    token, key = new_key("somebody", None, None, ())
    (tmp_path / "keys").write_text(key.model_dump_json())
    settings = context.settings.model_copy(update={"keys": tmp_path / "keys"})
    app = create_app(Context(settings, context.registry))
    known, stranger = [AsyncClient("http://glyphvae", key=key, http=caller(app)) for key in (token, None)]
    async with known, stranger:
        assert (await known.generate("J", z=[0])).pixels[0, 0, 0] == 119
        with pytest.raises(ProblemError) as refused:
            await stranger.generate("J")
    assert refused.value.status == 401


async def test_a_model_that_fails_is_a_problem(half_broken: ASGIApp) -> None:
    async with AsyncClient("http://glyphvae", http=caller(half_broken), retry=Retry(attempts=1)) as client:
        with pytest.raises(ProblemError, match="the model did not run") as caught:
            await client.generate_picture("Z")
    assert caught.value.retry_after == 5


PROGRAM = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"fastapi", "starlette", "onnxruntime", "uvicorn", "pydantic", "orjson", "limits"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())

from glyphvae.client import AsyncClient, Client
assert not {"numpy", "PIL"} & set(sys.modules)
with Client(sys.argv[1]) as client:
    print(client.generate("J", z=[0]).pixels[0, 0, 0], client.generate_picture("J").image.size)
"""


def test_the_client_needs_nothing_that_the_service_needs(real_server: Any) -> None:  # noqa: ANN401
    done = python("-W", "error", "-c", PROGRAM, real_server.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "119 (28, 28)\n", "")
