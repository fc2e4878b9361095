"""The server in this process: slow clients, clients that leave, and the end."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event

import httpx
import numpy as np
import pytest

from glyphvae.api.context import Context
from glyphvae.errors import Busy, NotReady, RequestTimeout
from glyphvae.models.registry import load_engine
from glyphvae.server.connection import Connection
from glyphvae.server.server import Config, Server, _end_if_stalled
from glyphvae.settings import Settings
from tests.service.support import NPY, array

GENERATE = b"POST /generate?label=J HTTP/1.1\r\nHost: glyphvae\r\nContent-Length: 0\r\n\r\n"
LARGE = b"POST /generate?label=J&n=3000 HTTP/1.1\r\nHost: glyphvae\r\nAccept: application/x-npy\r\n\r\n"
PATIENCE = 20


@asynccontextmanager
async def serving(repository: Path, **settings: object) -> AsyncIterator[Server]:
    """A server in this event loop; it ends with the block."""
    defaults = {"models": repository, "device": "cpu", "port": 0, "drain_seconds": 0, "grace_seconds": 5}
    config = Config(Settings(**(defaults | settings)), log_config={"version": 1, "disable_existing_loggers": False})  # type: ignore[arg-type]
    config.load()
    server = Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server._serve([listener.dup()]))
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.001)
    server.config.port = listener.getsockname()[1]
    listener.close()
    try:
        yield server
    finally:
        server._captured_signals.append(signal.SIGINT)  # no waiting for a balancer
        server.should_exit = True
        await task


@pytest.fixture
async def server(repository: Path) -> AsyncIterator[Server]:
    async with serving(repository) as server:
        yield server


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(server: Server) -> Streams:
    return await asyncio.open_connection("127.0.0.1", server.config.port)


async def until(condition: Callable[[], object]) -> None:
    """Waits until something that another task brings about is so."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 (counts have no events)
            await asyncio.sleep(0.001)


def connections(server: Server) -> list[Connection]:
    return [connection for connection in server.server_state.connections if isinstance(connection, Connection)]


def pass_time(server: Server, seconds: float) -> None:
    """Look at the connections as if `seconds` had passed since they were looked at last."""
    state = server.server_state
    state.now += seconds
    for connection in connections(server):
        connection.watch()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /gen",
        b"POST /encode HTTP/1.1\r\nHost: glyphvae\r\nX-Slow: 1",
        b"POST /encode HTTP/1.1\r\nHost: glyphvae\r\nContent-Length: 100000\r\n\r\n" + bytes(100),
    ],
    ids=["nothing", "a line", "a head", "a body"],
)
async def test_a_request_has_to_arrive_in_time(server: Server, sent: bytes) -> None:
    reader, writer = await connect(server)
    writer.write(sent)
    await until(lambda: connections(server) and connections(server)[0]._received == len(sent))
    pass_time(server, server.config.settings.receive_timeout)
    assert not connections(server)[0].transport.is_closing()
    pass_time(server, 1)
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"connection: close\r\n" in answer
    assert RequestTimeout.slug.encode() in answer
    writer.close()


async def test_a_body_that_keeps_coming_has_more_time(server: Server) -> None:
    reader, writer = await connect(server)
    head = b"POST /encode HTTP/1.1\r\nHost: glyphvae\r\nConnection: close\r\nContent-Length: 20000\r\n\r\n"
    writer.write(head + bytes(10_000))
    await until(lambda: connections(server) and connections(server)[0]._received == len(head) + 10_000)
    pass_time(server, 25)
    writer.write(bytes(10_000))
    assert (await reader.read()).startswith(b"HTTP/1.1 415")
    writer.close()


@pytest.mark.parametrize("sent", [GENERATE, b"GET /livez HTTP/1.1\r\nHost: glyphvae\r\n\r\n"], ids=["express", "ASGI"])
async def test_after_an_answer_a_connection_may_rest_for_a_while(server: Server, sent: bytes) -> None:
    reader, writer = await connect(server)
    keep_alive = server.config.timeout_keep_alive
    for _ in range(2):
        writer.write(sent)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        length = next(line for line in head.lower().splitlines() if line.startswith(b"content-length"))
        await reader.readexactly(int(length.partition(b":")[2]))
        pass_time(server, keep_alive - 0.5)
    assert not reader.at_eof()
    pass_time(server, 1)
    assert await reader.read() == b""
    writer.close()


async def test_a_connection_does_not_rest_while_it_is_answered(server: Server) -> None:
    finish = Event()
    worker = server.context.engine.worker
    blocker = asyncio.create_task(worker.run(1, finish.wait, PATIENCE))
    reader, writer = await connect(server)
    writer.write(LARGE)
    await until(lambda: worker.queued > 1)
    pass_time(server, 1000)
    finish.set()
    await blocker
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_an_answer_has_to_be_taken(repository: Path) -> None:
    async with serving(repository, max_samples=100_000) as server:
        reader, writer = await connect(server)
        writer.write(LARGE.replace(b"3000", b"100000"))
        await reader.readuntil(b"\r\n\r\n")
        assert isinstance(writer.transport, asyncio.Transport)
        writer.transport.pause_reading()
        # The answer is far longer than what the kernel's buffers take.
        await until(lambda: connections(server)[0].transport.get_write_buffer_size() > 0)
        await until(lambda: connections(server)[0].flow.write_paused)
        pass_time(server, 0)
        pass_time(server, server.config.settings.receive_timeout + 1)
        await until(lambda: not connections(server))
        writer.transport.abort()


async def test_only_so_many_connections_are_open(repository: Path) -> None:
    async with serving(repository, max_connections=2) as server:
        streams = [await connect(server) for _ in range(2)]
        await until(lambda: len(connections(server)) == 2)
        reader, writer = await connect(server)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
        assert b"retry-after: 1\r\n" in answer
        assert Busy.slug.encode() in answer
        for _, one in [*streams, (reader, writer)]:
            one.close()
        await until(lambda: not connections(server))


async def test_work_for_a_client_that_has_left_is_dropped(server: Server) -> None:
    finish = Event()
    worker = server.context.engine.worker
    blocker = asyncio.create_task(worker.run(1, finish.wait, PATIENCE))
    _, writer = await connect(server)
    writer.write(LARGE)
    await until(lambda: worker.queued > 1)
    writer.close()
    await until(lambda: not connections(server))
    finish.set()
    await blocker
    await until(lambda: server.context.telemetry.refused["gone"])
    assert sum(sum(runs.counts) for runs in server.context.telemetry.runs.values()) == 0


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_fault(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await connect(server)
    writer.write(b"POST /encode HTTP/1.1\r\nHost: glyphvae\r\nContent-Length: 100\r\n\r\nabc")
    await until(lambda: connections(server) and connections(server)[0].cycle)
    writer.close()
    await until(lambda: server.context.telemetry.refused["gone"])
    assert "Exception" not in caplog.text


async def test_before_the_end_answers_close_their_connections(repository: Path) -> None:
    async with serving(repository) as server:
        url = f"http://127.0.0.1:{server.config.port}"
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
            assert "connection" not in (await client.post("/generate?label=J")).headers
            server.context.draining = server.server_state.draining = True
            response = await client.get("/readyz")
            assert response.status_code == NotReady.status
            assert response.headers["connection"] == "close"
            # It still answers whoever comes, on a new connection.
            assert (await client.post("/generate?label=J")).status_code == 200
            assert (await client.get("/livez")).status_code == 200


async def test_whoever_waits_in_the_kernel_s_queue_is_still_served(server: Server) -> None:
    asyncio.get_running_loop().remove_reader(server.servers[0].sockets[0].fileno())  # nobody accepts any more
    reader, writer = await connect(server)
    writer.write(GENERATE)
    server.should_exit = True
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close\r\n" in answer
    writer.close()


async def test_a_request_that_is_on_its_way_at_the_end_is_answered(server: Server) -> None:
    reader, writer = await connect(server)
    writer.write(GENERATE[:20])
    await until(lambda: connections(server) and connections(server)[0]._received == 20)
    for connection in connections(server):
        connection.shutdown()
        connection._close_if_idle()
    writer.write(GENERATE[20:])
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    for connection in connections(server):
        connection._close_if_idle()
    await reader.read()
    writer.close()


async def test_a_stream_is_finished_before_the_end(repository: Path) -> None:
    async with serving(repository, max_samples=100_000) as server:
        url = f"http://127.0.0.1:{server.config.port}"
        async with (
            httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client,
            client.stream("POST", "/generate?label=J&n=50000&temperature=0", headers=NPY) as response,
        ):
            server.should_exit = True
            await until(lambda: server.context.draining)
            content = await response.aread()
    assert len(content) == int(response.headers["content-length"])
    assert np.all(array(response)[-1] == 119)


async def test_sighup_loads_the_models_anew(server: Server) -> None:
    before = server.context.engine
    signal.raise_signal(signal.SIGHUP)
    await until(lambda: server.context.engine is not before)


def test_a_process_that_hangs_ends_itself(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(models=repository, device="cpu")
    context = Context(settings, load_engine(settings))
    context.beat = -1000.0
    sent: list[int] = []

    def kill(process: int, sign: int) -> None:
        sent.extend((process, sign))
        raise SystemExit

    monkeypatch.setattr("os.kill", kill)
    with pytest.raises(SystemExit):
        _end_if_stalled(context)
    assert sent == [os.getpid(), signal.SIGKILL]
