"""The adapter for connections: requests for operations are answered without a task, and as behind ASGI."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from glyphvae.api.responses import Result
from glyphvae.models.manifest import Part
from glyphvae.models.registry import load_registry
from glyphvae.models.sessions import Rows
from glyphvae.scheduling.cost import INLINE
from glyphvae.scheduling.outbox import PIECE
from glyphvae.scheduling.scheduler import Scheduler
from glyphvae.server.exchange import Exchange
from glyphvae.server.server import Server
from glyphvae.web.keys import new_key
from tests.known_model import decoder, write_model
from tests.service.sockets import ask, connect, connections, read, request, serving, until
from tests.service.support import grey, image_file, npy, picture

J = image_file(grey(119)[0])
GENERATE = request("/generate?label=J")
SEEDED = request("/generate?label=J&seed=7")
ENCODE = request("/encode?label=J&preprocess=none", J)
TEXT = request("/render-text", b'{"text":"HI","seed":7}', "Content-Type: application/json")


@dataclass
class Watched:
    """The requests that operations answered without a task, and those that went through ASGI.

    Attributes:
        begun: Whether each request was taken.
        then: Called after each has begun.
    """

    begun: list[bool] = field(default_factory=list)
    then: Callable[[], object] = lambda: None


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched, begin = Watched(), Exchange.begin

    def begin_watched(exchange: Exchange) -> bool:
        watched.begun.append(begin(exchange))
        watched.then()
        return watched.begun[-1]

    monkeypatch.setattr(Exchange, "begin", begin_watched)
    return watched


@pytest.fixture
async def server(repository: Path) -> AsyncIterator[Server]:
    async with serving(repository, max_samples=3000) as server:
        yield server


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (SEEDED, 200),
        (request("/generate?label=JJ"), 422),
        (request("/generate?label=J", b"{}"), 422),
        (ENCODE, 200),
        (request("/encode"), 400),
        (request("/encode", b"[" * 17, "Content-Type: application/json"), 400),
        (TEXT, 200),
    ],
)
async def test_a_request_for_an_operation_needs_no_task(
    server: Server, watched: Watched, sent: bytes, status: int
) -> None:
    """`tests/service/test_ways.py` compares its response with those of other ways."""
    (response,) = await ask(server, sent)
    assert (response.status, watched.begun) == (status, [True])
    assert sum(server.context.telemetry.requests.values()) == 1


CHUNKED = request("/encode?label=J&preprocess=none", b"", "Transfer-Encoding: chunked").replace(
    b"Content-Length: 0\r\n", b""
)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request("/encode?label=J", method="GET"), 405),
        (request("/livez", method="GET"), 200),
        (request("/generate?label=J", b"", "Expect: 100-continue"), 200),
        (request("/generate?label=J&n=200", b"", "Accept: application/x-npy"), 200),
        (request("/encode?preprocess=none&label=J", npy(grey(*[119] * (INLINE // 784 + 1)))), 200),
        (CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(J), J), 200),
    ],
    ids=["method", "path", "expect", "long", "large body", "chunks"],
)
async def test_any_other_request_goes_through_asgi(server: Server, watched: Watched, sent: bytes, status: int) -> None:
    (response,) = await ask(server, sent)
    assert response.status == status
    assert not any(watched.begun)
    assert sum(server.context.telemetry.requests.values()) == 1


@pytest.mark.parametrize(
    "sent", [request("/generate?label=J", version="1.0"), request("/generate?label=J", b"", "Connection: close")]
)
async def test_so_does_the_last_request_of_a_connection(server: Server, watched: Watched, sent: bytes) -> None:
    reader, writer = await connect(server)
    writer.write(sent)
    assert (await reader.read()).startswith(b"HTTP/1.1 200")  # to its end: the connection is closed
    assert watched.begun == []
    writer.close()


async def test_a_body_may_come_later_and_in_pieces(server: Server, watched: Watched) -> None:
    reader, writer = await connect(server)
    for start in range(0, len(ENCODE), 40):
        writer.write(ENCODE[start : start + 40])
        await asyncio.sleep(0)
    response = await read(reader)
    assert json.loads(response.content)["encodings"][0]["label"] == "J"
    assert watched.begun == [True]
    writer.close()


async def test_requests_sent_together_are_answered_in_order(server: Server) -> None:
    targets = ("/encode?label=J", "/reconstruct?label=5", "/generate?label=J&seed=1", "/livez", "/generate?label=JJ")
    sent = [
        request(target, J if "label=J" in target and "encode" in target else b"", f"X-Request-ID: {number}")
        for number, target in enumerate(targets * 4)
    ]
    responses = await ask(server, *sent)
    assert [response.headers["x-request-id"] for response in responses] == [str(number) for number in range(20)]


async def test_thousands_of_requests_sent_together_are_answered(server: Server) -> None:
    sent = [SEEDED, GENERATE, request("/generate?label=JJ"), ENCODE]
    responses = await ask(server, *sent * 500)
    assert [response.status for response in responses] == [200, 200, 422, 200] * 500


async def test_requests_of_several_connections_are_one_batch_and_each_gets_its_own(server: Server) -> None:
    labels = "ABC"
    sent = [request(f"/generate?label={label}&temperature=0&z=0&seed=1") for label in labels]
    streams = [await connect(server) for _ in sent]
    await until(lambda: len(connections(server)) == 3)
    # Bytes given to the connections in one iteration of the loop, as a busy network would.
    by_port = {connection.transport.get_extra_info("peername")[1]: connection for connection in connections(server)}
    for (_, writer), one in zip(streams, sent, strict=True):
        by_port[writer.get_extra_info("sockname")[1]].data_received(one)
    responses = [await read(reader) for reader, _ in streams]
    assert [picture(response.content)[0, 0] for response in responses] == [110, 111, 112]
    batches = server.context.telemetry.batches["cvae"]
    assert (sum(batches.counts), batches.total) == (1, 3)
    for _, writer in streams:
        writer.close()


async def test_a_client_that_leaves_before_its_body_is_counted(server: Server) -> None:
    _, writer = await connect(server)
    writer.write(ENCODE[:-10])
    await until(lambda: connections(server) and connections(server)[0].when_whole)
    writer.close()
    await until(lambda: server.context.telemetry.refused["gone"])
    assert (server.context.telemetry.requests, server.context.telemetry.batches) == ({}, {})


async def test_nothing_is_computed_for_a_client_that_has_left(server: Server, watched: Watched) -> None:
    def leave() -> None:
        for connection in connections(server):
            connection.transport.close()

    watched.then = leave
    _, writer = await connect(server)
    writer.write(SEEDED)
    await until(lambda: server.context.telemetry.refused["gone"])
    assert (server.context.telemetry.requests, server.context.telemetry.batches) == ({}, {})
    writer.close()


async def test_nothing_is_written_to_a_client_that_leaves_meanwhile(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    send = Exchange.send

    def leave(exchange: Exchange, result: Result) -> None:
        for connection in connections(server):
            connection.transport.abort()
        send(exchange, result)

    monkeypatch.setattr(Exchange, "send", leave)
    reader, writer = await connect(server)
    writer.write(SEEDED)
    assert await reader.read() == b""
    await until(lambda: not connections(server))
    assert "not sent" not in caplog.text
    writer.close()


async def test_a_response_during_which_the_end_begins_is_the_last(server: Server, watched: Watched) -> None:
    def end() -> None:
        for connection in connections(server):
            connection.drain()

    watched.then = end
    reader, writer = await connect(server)
    writer.write(SEEDED)
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"\r\nconnection: close\r\n" in answer
    writer.close()


async def test_a_response_that_cannot_be_sent_takes_no_other_with_it(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    send = Exchange.send

    def send_unless_broken(exchange: Exchange, result: Result) -> None:
        if exchange.work.id == b"broken":
            raise OSError("no space left on device")
        send(exchange, result)

    monkeypatch.setattr(Exchange, "send", send_unless_broken)
    streams = [await connect(server) for _ in range(3)]
    for (_, writer), name in zip(streams, ("first", "broken", "last"), strict=True):
        writer.write(
            request("/render-text", b'{"text":"HI"}', "Content-Type: application/json", f"X-Request-ID: {name}")
        )
    for reader, _ in (streams[0], streams[2]):
        assert (await read(reader)).status == 200
    await until(lambda: "a response was not sent" in caplog.text)
    for _, writer in streams:
        writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        request("/generate?label=Z"),
        request("/generate?label=Z&seed=7"),
        request("/render-text", b'{"text":"Z"}', "Content-Type: application/json"),
    ],
    ids=["ahead", "seed", "text"],
)
@pytest.mark.parametrize("way", ["connection", "ASGI"])
async def test_a_model_that_fails_is_a_503_and_a_line_of_the_log(
    tmp_path: Path, sent: bytes, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_model(tmp_path, files={"decoder": decoder(rows=35)})  # it has no row for a Z
    async with serving(tmp_path) as server:
        if way == "ASGI":
            server.server_state.front = None
        failed, other = await ask(server, sent, SEEDED)
    assert (failed.status, other.status) == (503, 200)
    assert json.loads(failed.content)["detail"] == "cvae: the model did not run."
    assert "indices element out of data bounds" in caplog.text


@pytest.mark.parametrize("way", ["connection", "ASGI"])
async def test_a_fault_is_a_500_without_details_and_the_log_has_them(
    server: Server, way: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(server.context.registry.get(None).sessions, "run", fail)
    if way == "ASGI":
        server.server_state.front = None
    fault, livez = await ask(server, SEEDED, request("/livez", method="GET"))
    assert (fault.status, livez.status) == (500, 200)
    assert b"secret" not in fault.content
    assert "/secret/path" in caplog.text


async def test_requests_are_counted_and_logged(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with serving(repository, access_log="on", log_format="json") as server:
        seeded = request("/generate?label=J&seed=7", b"", "X-Request-ID: seeded")
        await ask(server, seeded, request("/generate?label=JJ", b"", "X-Request-ID: wrong"))
        assert server.context.telemetry.requests == {("/generate", 200): 1, ("/generate", 422): 1}
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "glyphvae.access" in line]
    assert [(line["id"], line["status"], line["model"], line["rows"], line["batch"]) for line in lines] == [
        ("seeded", 200, "cvae/1", 1, 1),
        ("wrong", 422, None, 0, 0),
    ]
    assert {(line["method"], line["route"]) for line in lines} == {("POST", "/generate")}


async def test_where_too_many_wait_operations_are_refused_and_probes_answered(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scheduler, "full", True)
    probe = request("/livez", method="GET")
    many = request("/generate?label=J", b"", *(f"X-{number}: 1" for number in range(100)))
    responses = await ask(server, ENCODE, TEXT, SEEDED, probe, many, ENCODE)
    assert [response.status for response in responses] == [429, 429, 429, 200, 431, 429]
    assert responses[0].headers["retry-after"] == "1"
    assert server.context.telemetry.refused == {"busy": 4}
    assert server.context.telemetry.requests["/encode", 429] == 2


async def test_keys_are_checked_without_a_task_unless_rates_are_counted_elsewhere(
    repository: Path, tmp_path: Path, watched: Watched
) -> None:
    (slow, *_), (free, *_) = pairs = [new_key("slow", None, "2/day", ()), new_key("free", None, None, ())]
    (tmp_path / "keys").write_text("\n".join(key.model_dump_json() for _, key in pairs))
    sent, unlimited = [
        request("/generate?label=J", b"", f"Authorization: Bearer {token}", "Origin: https://a.example")
        for token in (slow, free)
    ]
    settings = {"keys": tmp_path / "keys", "cors_origins": "https://a.example"}
    async with serving(repository, **settings) as server:
        responses = [(await ask(server, one))[0] for one in (sent, sent, sent, unlimited, GENERATE)]
    assert [response.status for response in responses] == [200, 200, 429, 200, 401]
    assert [response.headers.get("ratelimit-remaining") for response in responses] == ["1", "0", "0", None, None]
    assert responses[0].headers["access-control-allow-origin"] == "https://a.example"
    assert watched.begun == [True] * 5
    async with serving(repository, rate_storage="redis://127.0.0.1:1/0", **settings) as server:
        responses = [(await ask(server, one))[0] for one in (sent, unlimited)]
    assert [response.status for response in responses] == [200, 200]
    assert watched.begun[5:] == [False, True]


async def test_requests_before_and_after_a_reload_have_their_own_models(
    server: Server, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    registries = [server.context.registry, load_registry(server.context.settings)]
    runs: list[int] = []
    for number, registry in enumerate(registries):
        sessions = registry.get(None).sessions
        original = sessions.run

        def run(part: Part, *arguments: Any, number: int = number, run: Callable[..., Rows] = original) -> Rows:  # noqa: ANN401
            if part == "encoder":
                runs.append(number)
            return run(part, *arguments)

        monkeypatch.setattr(sessions, "run", run)

    def reload() -> None:
        server.context.registry = registries[1]

    watched.then = reload
    streams = [await connect(server) for _ in range(2)]
    for _, writer in streams:
        writer.write(ENCODE)
        if not watched.begun:
            await until(lambda: watched.begun)
    assert [(await read(reader)).status for reader, _ in streams] == [200, 200]
    assert runs == [0, 1]
    for _, writer in streams:
        writer.close()


LONG = "/interpolate?label=J&label=J&n=1000&temperature=0"
LONG_SIZE = 128 + 1000 * 784


@asynccontextmanager
async def reluctant(server: Server, sent: bytes) -> AsyncIterator[socket.socket]:
    """Send a request from a client that takes a few kilobytes of the response until it reads them."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", server.config.port))
        client.sendall(sent)
        yield client


async def read_all(client: socket.socket) -> bytes:
    loop, received = asyncio.get_running_loop(), b""
    while piece := await loop.sock_recv(client, 1 << 20):
        received += piece
    return received


# The last request of a connection goes through ASGI, see above.
@pytest.mark.parametrize("way", [(), ("Connection: close",)], ids=["connection", "ASGI"])
async def test_responses_that_wait_to_be_read_are_bounded(repository: Path, way: tuple[str, ...]) -> None:
    long = request(LONG, b"", "Accept: application/x-npy", *way)
    async with serving(repository, max_unsent_bytes=2 * LONG_SIZE + PIECE) as server, AsyncExitStack() as stack:
        outbox = server.context.outbox
        clients = [await stack.enter_async_context(reluctant(server, long)) for _ in range(2)]
        await until(lambda: outbox.held == 2 * LONG_SIZE)
        await until(lambda: all(connection.flow.write_paused for connection in connections(server)))
        # As much as a connection takes at once, and the piece that made it too much.
        assert max(each.transport.get_write_buffer_size() for each in connections(server)) <= 3 * PIECE
        (refused, small) = await ask(server, request(LONG, b"", "Accept: application/x-npy"), SEEDED)
        assert (refused.status, small.status) == (429, 200)
        assert b"wait to be read" in refused.content
        assert refused.headers["retry-after"] == "1"
        assert server.context.telemetry.refused["busy"] == 1
        # Those that are made in pieces are refused before the first.
        stream = request("/generate?label=J&n=3000", b"", "Accept: application/x-npy")
        outbox.held += 2 * PIECE
        (refused,) = await ask(server, stream)
        assert refused.status == 429
        outbox.held -= 2 * PIECE
        clients[0].shutdown(socket.SHUT_WR)
        received = await read_all(clients[0])
        content = received.partition(b"\r\n\r\n")[2]
        assert (len(content), content[:6]) == (LONG_SIZE, b"\x93NUMPY")
        clients[1].close()
        await until(lambda: outbox.held == 0)
        (answered,) = await ask(server, request(LONG, b"", "Accept: application/x-npy"))
        assert answered.content == content
        await until(lambda: outbox.held == 0)
