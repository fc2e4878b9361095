"""The shortest way and the way through ASGI give the same answers, over a real connection."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from glyphvae.api.context import Context
from glyphvae.app import create_served
from glyphvae.errors import NotReady
from glyphvae.models.latents import draw_latents
from glyphvae.models.registry import load_engine
from glyphvae.server.server import Server
from glyphvae.settings import Settings
from glyphvae.web.express import Express, Line
from tests.service.server.test_server import connect, connections, serving, until
from tests.service.support import picture

HOST = "Host: glyphvae"
Head = dict[str, str]


def request(query: str = "label=J", *headers: str, method: str = "POST", version: str = "1.1") -> bytes:
    lines = [f"{method} /generate?{query} HTTP/{version}", HOST, *headers, "", ""]
    return "\r\n".join(lines).encode()


class Counting(Express):
    """Counts what it answers."""

    begun = 0

    def begin(self, scope: dict[str, object], line: Line) -> bool:  # type: ignore[override]
        answered = super().begin(scope, line)
        self.begun += answered
        return answered


@asynccontextmanager
async def counting(repository: Path, **settings: object) -> AsyncIterator[tuple[Server, Counting]]:
    async with serving(repository, **settings) as server:
        express = server.server_state.express
        assert express is not None
        counted = Counting(express.edge, express._hot_path, express._desks, express._admission)
        server.server_state.express = counted
        yield server, counted


@pytest.fixture
async def served(repository: Path) -> AsyncIterator[tuple[Server, Counting]]:
    async with counting(repository) as both:
        yield both


async def read(reader: asyncio.StreamReader) -> tuple[int, list[str], bytes]:
    """Status, header lines and content of an answer."""
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
    sizes = [line.split(": ")[1] for line in lines if line.startswith("content-length")]
    return int(status.split()[1]), lines, await reader.readexactly(int(sizes[0]))


async def ask(server: Server, *requests: bytes) -> list[tuple[int, list[str], bytes]]:
    reader, writer = await connect(server)
    writer.write(b"".join(requests))
    try:
        return [await read(reader) for _ in requests]
    finally:
        writer.close()


def same(lines: list[str]) -> list[str]:
    """Headers but the time of day, and the id that the server chose."""
    own = ("date: ", "x-request-id: ")
    return [line for line in lines if not line.startswith(own) or "mine" in line]


SEEDED = [
    "label=J&seed=7",
    "label=19&seed=7&temperature=0.5",
    "label=J&seed=7&scale=3&ink=navy&paper=transparent",
    "label=J&seed=7&z=0.5,,-1",
    "model=cvae&label=0&seed=0",
]


@pytest.mark.parametrize("query", SEEDED)
async def test_an_answer_is_that_of_asgi(served: tuple[Server, Counting], query: str) -> None:
    server, express = served
    sent = request(query, "X-Request-ID: mine")
    (answer,) = await ask(server, sent)
    assert express.begun == 1
    server.server_state.express = None
    (expected,) = await ask(server, sent)
    assert answer[0] == expected[0] == 200
    assert same(answer[1]) == same(expected[1])
    assert answer[2] == expected[2]


async def test_glyphs_drawn_ahead_are_all_new_and_their_seeds_reproduce_them(served: tuple[Server, Counting]) -> None:
    server, express = served
    answers = [answer for _ in range(40) for answer in await ask(server, request())]
    seeds = [line.split(": ")[1] for _, lines, _ in answers for line in lines if line.startswith("glyphvae-seed")]
    assert len(set(seeds)) == 40
    again = await ask(server, *(request(f"label=J&seed={seed}") for seed in seeds))
    assert [content for _, _, content in again] == [content for _, _, content in answers]
    # Of requests that one write sends together, those that wait for a glyph make the next ones wait for them.
    assert express.begun >= 41


async def test_each_answer_has_its_own_id(served: tuple[Server, Counting]) -> None:
    answers = await ask(served[0], *[request()] * 3)
    assert len({line for _, lines, _ in answers for line in lines if line.startswith("x-request-id: ")}) == 3


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request(method="GET"), 405),
        (request("label=J&n=2"), 200),
        (request("label=nothing"), 422),
        (request("label=J", "Accept: application/json"), 200),
        (request("label=J", "Content-Length: 2") + b"{}", 200),
        (request("label=J", "Expect: 100-continue", "X-Request-Timeout: 1"), 200),
        (request("label=J", *(f"X-{number}: 1" for number in range(100))), 431),
        (request("label=J&" + "x" * 20_000), 414),
        (b"POST /encode HTTP/1.1\r\nHost: glyphvae\r\nContent-Length: 0\r\n\r\n", 400),
    ],
    ids=["method", "two", "label", "accept", "body", "expect", "headers", "query", "path"],
)
async def test_whatever_is_not_the_plainest_case_goes_through_asgi(
    served: tuple[Server, Counting], sent: bytes, status: int
) -> None:
    server, express = served
    (answer,) = await ask(server, sent)
    assert (answer[0], express.begun) == (status, 0)


@pytest.mark.parametrize("sent", [request(version="1.0"), request("label=J", "Connection: close")])
async def test_the_last_answer_of_a_connection_goes_through_asgi(served: tuple[Server, Counting], sent: bytes) -> None:
    server, express = served
    reader, writer = await connect(server)
    writer.write(sent)
    assert (await reader.read()).startswith(b"HTTP/1.1 200")  # to its end: the connection is closed
    assert express.begun == 0
    writer.close()


async def test_requests_sent_together_are_answered_in_order(served: tuple[Server, Counting]) -> None:
    server, _ = served
    queries = [f"label=J&seed={seed}" if seed % 2 else "label=J" for seed in range(20)]
    answers = await ask(server, *(request(query, f"X-Request-ID: {index}") for index, query in enumerate(queries)))
    ids = [line.split(": ")[1] for _, lines, _ in answers for line in lines if line.startswith("x-request-id")]
    assert ids == [str(index) for index in range(20)]


async def test_thousands_of_requests_sent_together_are_answered(served: tuple[Server, Counting]) -> None:
    answers = await ask(served[0], *[request("label=J&seed=1"), request()] * 1500)
    assert {status for status, _, _ in answers} == {200}


def after_begin(monkeypatch: pytest.MonkeyPatch, express: Counting, happen: Callable[[], object]) -> None:
    """Have something happen as soon as a request has begun."""
    begin = express.begin

    def beginning(scope: dict[str, object], line: Line) -> bool:
        answered = begin(scope, line)
        happen()
        return answered

    monkeypatch.setattr(express, "begin", beginning)


async def test_an_answer_during_which_the_end_begins_is_the_last(
    served: tuple[Server, Counting], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, express = served

    def end() -> None:
        for connection in connections(server):
            connection.drain()

    after_begin(monkeypatch, express, end)
    reader, writer = await connect(server)
    writer.write(request("label=J&seed=7"))
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"\r\nconnection: close\r\n" in answer
    writer.close()


async def test_a_glyph_for_a_client_that_has_left_is_not_drawn(
    served: tuple[Server, Counting], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, express = served

    def leave() -> None:
        for connection in connections(server):
            connection.cycle.disconnected = True

    after_begin(monkeypatch, express, leave)
    _, writer = await connect(server)
    writer.write(request("label=J&seed=7"))
    await until(lambda: server.context.telemetry.refused["gone"])
    assert server.context.telemetry.requests == {}
    writer.close()


@pytest.mark.parametrize("query", ["label=J", "label=J&seed=7"])
async def test_a_model_that_fails_is_asgi_s_to_tell(
    served: tuple[Server, Counting], query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _ = served
    model = server.context.engine.get(None)

    def fail(*_: object) -> None:
        raise NotReady("it fails")

    monkeypatch.setattr(model, "decode_now", fail)
    (answer,) = await ask(server, request(query))
    assert answer[0] == 503
    assert json.loads(answer[2])["detail"] == "it fails"


async def test_it_is_counted_and_logged_as_any_other(
    repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glyphvae.observability.access_log.FLUSH_SECONDS", 0)
    async with counting(repository, access_log="on", log_format="json") as (server, express):
        await ask(server, request("label=J&seed=7", "X-Request-ID: seeded"), request("label=J", "X-Request-ID: ahead"))
        assert express.begun == 2
        assert server.context.telemetry.requests == {("/generate", 200): 2}
        await asyncio.sleep(0.01)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "glyphvae.access" in line]
    assert [(line["id"], line["rows"], line["batch"]) for line in lines] == [("seeded", 1, 1), ("ahead", 0, 0)]
    assert {(line["method"], line["route"], line["status"], line["model"]) for line in lines} == {
        ("POST", "/generate", 200, "cvae/1")
    }


async def test_it_draws_what_the_seed_says(served: tuple[Server, Counting]) -> None:
    (answer,) = await ask(served[0], request("label=J&seed=7"))
    level = round(100 + 10 * float(draw_latents(7, 1, (None,) * 6, 1.0)[0, 0]) + 19)
    assert "glyphvae-seed: 7" in answer[1]
    assert set(picture(answer[2]).ravel().tolist()) == {level}


def test_it_stands_aside_where_something_stands_in_front(repository: Path) -> None:
    chosen = Settings(models=repository, device="cpu", cors_origins="https://example.org")
    context = Context(chosen, load_engine(chosen))
    create_served(context)
    assert context.express is None


WORK = [
    b"POST /encode?label=J HTTP/1.1\r\nHost: glyphvae\r\nContent-Length: 3\r\n\r\nabc",
    b"POST /render-text HTTP/1.1\r\nHost: glyphvae\r\nContent-Length: 2\r\n\r\n{}",
    request("label=J&n=2"),
]


@pytest.fixture
def crowded(served: tuple[Server, Counting], monkeypatch: pytest.MonkeyPatch) -> tuple[Server, Counting]:
    """A server where too many wait already."""
    monkeypatch.setattr(type(served[1]._admission), "full", True)
    return served


@pytest.mark.parametrize("sent", WORK)
async def test_a_refusal_is_that_of_asgi(crowded: tuple[Server, Counting], sent: bytes) -> None:
    server, express = crowded
    sent = sent.replace(b"Host: glyphvae", b"Host: glyphvae\r\nX-Request-ID: mine")
    (answer,) = await ask(server, sent)
    assert express.begun == 1
    server.server_state.express = None
    (expected,) = await ask(server, sent)
    assert answer[0] == expected[0] == 429
    assert same(answer[1]) == same(expected[1])
    assert "retry-after: 1" in answer[1]
    assert answer[2] == expected[2]
    assert server.context.telemetry.refused == {"busy": 2}
    route = sent.split()[1].decode().partition("?")[0]
    assert server.context.telemetry.requests == {(route, 429): 2}


async def test_after_a_refusal_the_connection_goes_on(crowded: tuple[Server, Counting]) -> None:
    server, express = crowded
    answers = await ask(server, *WORK, request("label=J&seed=7"), WORK[0])
    assert [status for status, _, _ in answers] == [429, 429, 429, 200, 429]
    assert express.begun == 5


async def test_where_nobody_else_may_wait_glyphs_and_probes_are_answered(crowded: tuple[Server, Counting]) -> None:
    probe = b"GET /livez HTTP/1.1\r\nHost: glyphvae\r\n\r\n"
    answers = await ask(crowded[0], request(), request("label=J&seed=7"), probe)
    assert [status for status, _, _ in answers] == [200, 200, 200]


async def test_a_head_over_the_limit_is_named_even_then(crowded: tuple[Server, Counting]) -> None:
    (answer,) = await ask(crowded[0], request("label=J&n=2", *(f"X-{number}: 1" for number in range(100))))
    assert answer[0] == 431
