"""The server in this process: clients that leave, and the end."""

import asyncio
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event

import httpx
import numpy as np
import pytest

from glyphvae.errors import NotReady
from glyphvae.server.server import Server, _end_if_stalled, address_of
from tests.service.processes import running
from tests.service.sockets import PATIENCE, connect, connections, request, serving, until
from tests.service.support import NPY, array, context_of

GENERATE = request("/generate?label=J")
LARGE = request("/generate?label=J&n=3000", b"", "Accept: application/x-npy")


@pytest.fixture
async def server(repository: Path) -> AsyncIterator[Server]:
    async with serving(repository) as server:
        yield server


async def test_work_for_a_client_that_has_left_is_dropped(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    finish = Event()
    pool = server.context.registry.pool
    blocker = pool.submit(1, None, finish.wait, PATIENCE)
    _, writer = await connect(server)
    writer.write(LARGE)
    await until(lambda: pool.queued > 1)
    writer.close()
    await until(lambda: not connections(server))
    finish.set()
    await asyncio.wrap_future(blocker)
    await until(lambda: server.context.telemetry.refused["gone"])
    assert sum(sum(runs.counts) for runs in server.context.telemetry.runs.values()) == 0
    await until(lambda: not server.server_state.tasks)
    assert "Exception" not in caplog.text


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
    server._accept_loop._pause()
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
    before = server.context.registry
    signal.raise_signal(signal.SIGHUP)
    await until(lambda: server.context.registry is not before)


def test_a_process_that_hangs_ends_itself(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = context_of(repository)
    context.beat = -1000.0
    sent: list[int] = []

    def kill(process: int, sign: int) -> None:
        sent.extend((process, sign))
        raise SystemExit

    monkeypatch.setattr("os.kill", kill)
    with pytest.raises(SystemExit):
        _end_if_stalled(context)
    assert sent == [os.getpid(), signal.SIGKILL]


def test_people_are_told_where_it_is(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        assert address_of(listener, "https") == f"the API is at {url}, a page to try it at {url}/playground"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        assert address_of(listener, "http") == str(tmp_path / "s")


def test_a_ready_server_says_so_in_a_line(repository: Path) -> None:
    with running("--models", str(repository), "--device", "cpu") as real:
        (url,) = real.wait_for(re.compile(r"ready: the API is at \S+, a page to try it at (\S+)$"))
        assert url == f"{real.url}/playground"
