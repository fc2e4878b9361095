"""Connections: slow clients, limits on heads, and requests to upgrade."""

import asyncio
import logging
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event

import pytest

from glyphvae.errors import MEDIA_TYPE, Busy, HeadersTooLarge, MalformedRequest, RequestTimeout
from glyphvae.server.connection import READING, RESERVED, SLOWEST, SMALL, Connection, State, _tcp_info
from glyphvae.server.server import Server
from glyphvae.settings import Settings
from tests.service.sockets import PATIENCE, Streams, ask, connect, connections, read, request, serving, until
from tests.service.support import grey, npy

GENERATE = request("/generate?label=J")
LIVEZ = request("/livez", method="GET")
LARGE = request("/generate?label=J&n=3000", b"", "Accept: application/x-npy")


@pytest.fixture
async def server(repository: Path) -> AsyncIterator[Server]:
    async with serving(repository) as server:
        yield server


@asynccontextmanager
async def unanswered(server: Server) -> AsyncIterator[Streams]:
    """Connect with a request that has no response until the block ends."""
    finish, pool = Event(), server.context.registry.pool
    blocker = pool.submit(1, None, finish.wait, PATIENCE)
    reader, writer = await connect(server)
    writer.write(LARGE)
    await until(lambda: pool.queued > 1)
    yield reader, writer
    finish.set()
    await asyncio.wrap_future(blocker)


def pass_time(server: Server, seconds: float) -> None:
    """Watch the connections as if `seconds` had passed since each began to wait."""
    state = server.server_state
    for connection in connections(server):
        connection._since = round(connection._since)  # so that sums are exact
        state.now = connection._since + seconds
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
    pass_time(server, server.config.settings.receive_timeout + 1)
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"connection: close\r\n" in answer
    assert RequestTimeout.slug.encode() in answer
    writer.close()


UPLOAD = b"POST /encode HTTP/1.1\r\nHost: glyphvae\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n"
LEAST = PATIENCE * SLOWEST


async def upload(server: Server, size: int) -> tuple[Streams, Connection]:
    """Begin to send a body."""
    streams = await connect(server)
    streams[1].write(UPLOAD)
    await until(lambda: connections(server) and connections(server)[0]._received == len(UPLOAD))
    streams[1].write(bytes(size))
    await until(lambda: connections(server) and connections(server)[0]._received == len(UPLOAD) + size)
    return streams, connections(server)[0]


async def test_a_body_that_keeps_coming_has_more_time(server: Server) -> None:
    (reader, writer), connection = await upload(server, LEAST)
    for _ in range(3):
        pass_time(server, PATIENCE + 1)
        before = connection._received
        writer.write(bytes(LEAST))
        await until(lambda before=before: connection._received == before + LEAST)  # type: ignore[misc]
    pass_time(server, PATIENCE + 1)
    writer.write(bytes(1_000_000 - 4 * LEAST))
    assert (await reader.read()).startswith(b"HTTP/1.1 415")
    writer.close()


async def test_what_has_come_already_gives_a_silent_client_no_time(server: Server) -> None:
    (reader, writer), connection = await upload(server, 999_994)
    pass_time(server, 1)  # the clock runs from here, not from the beginning
    pass_time(server, PATIENCE)
    assert not connection.transport.is_closing()
    pass_time(server, PATIENCE + 1)
    assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
    assert server.context.telemetry.requests["other", 408] == 1
    writer.close()
    await until(lambda: server.context.threads.queued == 0)


async def test_a_body_below_the_floor_is_not_waited_for(server: Server) -> None:
    (reader, writer), connection = await upload(server, LEAST)
    pass_time(server, 1)
    writer.write(bytes(LEAST - 1))
    await until(lambda: connection._received == len(UPLOAD) + 2 * LEAST - 1)
    pass_time(server, PATIENCE + 1)
    assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_who_holds_memory_while_it_is_short_has_to_be_faster(server: Server) -> None:
    (reader, writer), connection = await upload(server, 2 * SMALL)
    held = server.context.settings.max_queued_bytes // 2
    server.context.threads.take(held, None)
    server.server_state.watch()
    pass_time(server, PATIENCE)
    assert not connection.transport.is_closing()
    pass_time(server, PATIENCE + 1)
    assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
    server.context.threads.release(held)
    server.server_state.watch()
    assert not server.server_state.pressed
    writer.close()


async def test_a_client_that_was_refused_early_is_told_once(repository: Path) -> None:
    async with serving(repository, max_body_bytes=1024) as server:
        reader, writer = await connect(server)
        writer.write(request("/encode").replace(b"Length: 0", b"Length: 2000"))
        assert (await read(reader)).status == 413
        pass_time(server, PATIENCE + 1)
        assert await reader.read() == b""
        writer.close()


def test_no_more_connections_than_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(max_connections=1000)
    for descriptors, allowed in ((10_000, 1000), (RESERVED + 7, 7), (20, 1)):
        monkeypatch.setattr("resource.getrlimit", lambda _, few=descriptors: (few, few))
        assert State(settings).max_connections == allowed


@pytest.mark.parametrize(
    "sent", [GENERATE, b"GET /livez HTTP/1.1\r\nHost: glyphvae\r\n\r\n"], ids=["connection", "ASGI"]
)
async def test_after_an_answer_a_connection_may_rest_for_a_while(server: Server, sent: bytes) -> None:
    reader, writer = await connect(server)
    keep_alive = server.config.timeout_keep_alive
    for _ in range(2):
        writer.write(sent)
        assert (await read(reader)).status == 200
        pass_time(server, keep_alive - 0.5)
    assert not reader.at_eof()
    pass_time(server, keep_alive + 0.5)
    assert await reader.read() == b""
    writer.close()


async def test_a_connection_does_not_rest_while_it_is_answered(server: Server) -> None:
    async with unanswered(server) as (reader, writer):
        pass_time(server, 1000)
        writer.write(GENERATE)  # it is not read on before the first has its response
        await until(lambda: connections(server)[0].flow.read_paused)
        pass_time(server, 1000)
    assert [(await read(reader)).status for _ in range(2)] == [200, 200]
    writer.close()


READ = READING * PATIENCE * SLOWEST


def pass_reading_time(connection: Connection, seconds: float) -> None:
    """Watch a connection as if `seconds` had passed since its client has read enough."""
    connection._unsent_since = round(connection._unsent_since)  # so that sums are exact
    connection.server_state.now = connection._unsent_since + seconds
    connection.watch()


async def unread(server: Server) -> tuple[Streams, Connection]:
    """Return a connection whose client reads no more than the head of a long response, and its server's end."""
    streams = await connect(server)
    reader, writer = streams
    writer.write(LARGE.replace(b"3000", b"100000"))
    await reader.readuntil(b"\r\n\r\n")
    assert isinstance(writer.transport, asyncio.Transport)
    writer.transport.pause_reading()
    # The response is far longer than what the kernel's buffers take.
    await until(lambda: connections(server)[0].transport.get_write_buffer_size() > 0)
    await until(lambda: connections(server)[0].flow.write_paused)
    pass_reading_time(connections(server)[0], 0)
    return streams, connections(server)[0]


@pytest.mark.parametrize("linux", [True, False])
async def test_an_answer_has_to_be_taken(repository: Path, monkeypatch: pytest.MonkeyPatch, linux: bool) -> None:
    monkeypatch.setattr("glyphvae.server.connection._LINUX", linux)
    async with serving(repository, max_samples=100_000) as server:
        (_, writer), connection = await unread(server)
        pass_reading_time(connection, READING * PATIENCE)
        assert not connection.transport.is_closing()
        pass_reading_time(connection, READING * PATIENCE + 1)
        await until(lambda: not connections(server))
        writer.transport.abort()


def acknowledged(connection: Connection) -> int:
    info = _tcp_info(connection.transport)
    assert info is not None
    return info.acknowledged


async def test_a_client_that_reads_slowly_is_kept(repository: Path) -> None:
    async with serving(repository, max_samples=100_000) as server:
        (reader, writer), connection = await unread(server)
        assert isinstance(writer.transport, asyncio.Transport)
        for _ in range(5):
            before = acknowledged(connection)
            writer.transport.resume_reading()
            while acknowledged(connection) < before + READ:
                await reader.read(1 << 14)
            writer.transport.pause_reading()
            pass_reading_time(connection, READING * PATIENCE + 1)
            assert not connection.transport.is_closing()
        assert acknowledged(connection) < 78_400_000  # the response has not ended meanwhile
        writer.transport.abort()
        await until(lambda: not connections(server))


async def test_a_response_that_has_begun_is_not_followed_by_another(repository: Path) -> None:
    async with serving(repository) as server:
        reader, writer = await connect(server)
        # A large file, for a request whose body never comes.
        writer.write(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: glyphvae\r\nContent-Length: 9\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        (connection,) = connections(server)
        await until(lambda: connection.cycle.response_complete or connection.flow.write_paused)
        pass_time(server, server.config.settings.receive_timeout + 1)
        assert b"HTTP/1.1" not in await reader.read()
        writer.close()


async def test_a_client_that_leaves_a_response_and_another_request_is_no_error(
    repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(repository, max_samples=100_000) as server:
        (_, writer), connection = await unread(server)
        connection.data_received(LIVEZ)
        writer.transport.abort()
        await until(lambda: not server.server_state.tasks)
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []


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


async def test_a_head_that_does_not_end_is_refused(server: Server) -> None:
    reader, writer = await connect(server)
    await until(lambda: connections(server))
    (connection,) = connections(server)
    connection.data_received(b"POST /generate HTTP/1.1\r\nX-Endless: " + b"x" * server.server_state.max_head)
    connection.data_received(b"x")
    assert not connection.transport.is_closing()
    connection.data_received(b"x")
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert HeadersTooLarge.slug.encode() in answer
    writer.close()


GLYPH = npy(grey(119))
ENCODE_HALF = request("/encode", GLYPH)[:-1]
UPGRADES = [
    ("Connection: Upgrade", "Upgrade: websocket"),
    ("Connection: Upgrade", "Upgrade: h2c"),
    ("Connection: keep-alive, Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"),
]


@pytest.mark.parametrize("headers", UPGRADES)
async def test_a_request_to_upgrade_is_one_request(server: Server, headers: tuple[str, ...]) -> None:
    smuggled = request("/livez", method="GET")
    responses = await ask(
        server,
        GENERATE,
        request("/encode?label=J&preprocess=none", GLYPH, "X-Request-ID: one", *headers),
        request("/encode", smuggled, "X-Request-ID: two", *headers),
        request("/generate?label=J&seed=7", b"", "X-Request-ID: three", *headers),
        request("/livez", b"", "X-Request-ID: four", *headers, method="GET"),
        request("/generate?label=J&seed=7"),
    )
    assert [response.status for response in responses] == [200, 200, 415, 200, 200, 200]
    assert [response.headers["x-request-id"] for response in responses[1:5]] == ["one", "two", "three", "four"]
    assert b'"label":"J"' in responses[1].content
    assert responses[3].content == responses[5].content
    assert sum(server.context.telemetry.requests.values()) == 6  # and no other was answered


async def test_thousands_of_requests_to_upgrade_sent_together_are_answered(server: Server) -> None:
    responses = await ask(server, *[request("/generate?label=J&seed=7", b"", *UPGRADES[0])] * 2000)
    assert {response.status for response in responses} == {200}


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("chunked", [False, True])
async def test_the_body_of_a_request_to_upgrade_may_come_later(server: Server, size: int, chunked: bool) -> None:
    sent = request("/encode?label=J&preprocess=none", GLYPH, *UPGRADES[1])
    if chunked:
        coded = b"%x\r\n%b\r\n0\r\n\r\n" % (len(GLYPH), GLYPH)
        sent = sent.replace(b"Content-Length: %d" % len(GLYPH), b"Transfer-Encoding: chunked").replace(GLYPH, coded)
    end = sent.index(b"\r\n\r\n") + 4
    reader, writer = await connect(server)
    for start in range(0, end, size):
        writer.write(sent[start : min(start + size, end)])
        await asyncio.sleep(0)
    await until(lambda: connections(server) and not connections(server)[0]._in_head)
    writer.write(sent[end:] + GENERATE)
    responses = [await read(reader) for _ in range(2)]
    assert [response.headers["content-type"] for response in responses] == ["application/json", "image/png"]
    assert sum(server.context.telemetry.requests.values()) == 2
    writer.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_curl_that_offers_http_2_gets_an_answer(server: Server, tmp_path: Path) -> None:
    (tmp_path / "j.npy").write_bytes(GLYPH)
    url = f"http://127.0.0.1:{server.config.port}"
    asked = ["--data-binary", f"@{tmp_path}/j.npy", *[f"{url}/encode?label=J&preprocess=none"] * 2]
    written = ["--fail", "--silent", "--output", "/dev/null", "--output", "/dev/null", "--write-out", "%{http_code} "]
    process = await asyncio.create_subprocess_exec(
        "curl", "--http2", "--max-time", str(PATIENCE), *written, *asked, stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert (output, process.returncode) == (b"200 200 ", 0)
    assert server.context.telemetry.requests == {("/encode", 200): 2}


@pytest.mark.parametrize(
    "sent",
    [
        b"CONNECT glyphvae:80 HTTP/1.1\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
    ],
)
async def test_what_is_no_request_for_this_server_ends_the_connection(server: Server, sent: bytes) -> None:
    reader, writer = await connect(server)
    writer.write(sent + GENERATE)
    response = await read(reader)
    assert (response.status, response.headers["content-type"]) == (400, MEDIA_TYPE)
    assert MalformedRequest.urn().encode() in response.content
    assert response.headers["connection"] == "close"
    assert {"x-request-id", "x-content-type-options", "date"} <= set(response.headers)
    assert await reader.read() == b""
    assert server.context.telemetry.requests == {("other", 400): 1}
    writer.close()


WRONG = {
    "no method": b"\0\r\n\r\n",
    "another method": b"CONNECT glyphvae:80 HTTP/1.1\r\n\r\n",
    "body": b"POST /encode HTTP/1.1\r\nHost: glyphvae\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nno length\r\n",
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("between", [(), (LIVEZ,), (LIVEZ, GENERATE)], ids=len)
async def test_requests_before_what_is_refused_are_answered(
    server: Server, between: tuple[bytes, ...], wrong: bytes
) -> None:
    if not between and wrong == WRONG["body"]:
        between = (LIVEZ,)  # else it would be read only once the request before has its response
    async with unanswered(server) as (reader, writer):
        writer.write(b"".join([*between, wrong, GENERATE]))
        await until(lambda: connections(server)[0]._refusal)
        connections(server)[0].data_received(GENERATE)
        pass_time(server, 1000)
    responses = [await read(reader) for _ in range(len(between) + 2)]
    assert [response.status for response in responses] == [200] * (len(between) + 1) + [400]
    assert MalformedRequest.urn().encode() in responses[-1].content
    assert await reader.read() == b""
    assert sum(server.context.telemetry.requests.values()) == len(between) + 2
    writer.close()


async def test_a_request_before_one_that_is_late_is_answered(server: Server) -> None:
    async with unanswered(server) as (reader, writer):
        writer.write(b"GET /livez HT")
        await until(lambda: connections(server)[0]._in_head)
        pass_time(server, server.config.settings.receive_timeout + 1)
    assert [(await read(reader)).status for _ in range(2)] == [200, 408]
    assert await reader.read() == b""
    writer.close()


HALF_CLOSING = {
    "connection": (GENERATE,),
    "ASGI": (request("/livez", method="GET"),),
    "a body": (request("/encode?label=J&preprocess=none", npy(grey(119))),),
    "pieces": (LARGE,),
    "several": (GENERATE, request("/livez", method="GET"), GENERATE),
    "HTTP/1.0": (request("/livez", method="GET", version="1.0"),),
}


@pytest.mark.parametrize("sent", HALF_CLOSING.values(), ids=HALF_CLOSING)
async def test_a_client_that_has_said_all_is_answered(server: Server, sent: tuple[bytes, ...]) -> None:
    reader, writer = await connect(server)
    writer.write(b"".join(sent))
    writer.write_eof()
    received = await reader.read()
    assert received.count(b"HTTP/1.1 200 OK\r\n") == len(sent)
    await until(lambda: not connections(server))
    writer.close()


async def test_a_client_that_has_said_all_waits_for_its_response(server: Server) -> None:
    async with unanswered(server) as (reader, writer):
        writer.write_eof()
        await until(lambda: connections(server)[0]._half_closed)
        assert connections(server)[0].eof_received()  # asyncio says so again when it goes on reading
        pass_time(server, 1)
    received = await reader.read()
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert received.count(b"HTTP/1.1 ") == 2
    assert b"connection: close\r\n" in received
    writer.close()


async def test_a_request_that_cannot_become_whole_is_given_up(server: Server) -> None:
    reader, writer = await connect(server)
    writer.write(ENCODE_HALF)
    writer.write_eof()
    assert await reader.read() == b""
    await until(lambda: not connections(server))
    writer.close()
