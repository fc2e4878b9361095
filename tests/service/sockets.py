"""A server in this event loop, and raw connections to it."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from glyphvae.server.connection import Connection
from glyphvae.server.server import Config, Server
from glyphvae.settings import Settings

PATIENCE = 60  # seconds; the tests may share their machine

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Received(NamedTuple):
    """A response."""

    status: int
    headers: dict[str, str]
    content: bytes


@asynccontextmanager
async def serving(repository: Path, **settings: object) -> AsyncIterator[Server]:
    """Run a server in this event loop until the end of the block."""
    # On a slow machine nothing may be given up that a test does not mean to be.
    patient = {"receive_timeout": PATIENCE, "request_timeout": PATIENCE}
    defaults = {"models": repository, "device": "cpu", "port": 0, "drain_seconds": 0, "grace_seconds": 5} | patient
    config = Config(Settings(**(defaults | settings)), log_config={"version": 1, "disable_existing_loggers": False})  # type: ignore[arg-type]
    config.timeout_keep_alive = PATIENCE
    config.load()
    server = Server(config)
    listener = _listener(config.settings.unix_socket)
    task = asyncio.create_task(server._serve([listener.dup()]))
    while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.001)
    if listener.family == socket.AF_INET:
        server.config.port = listener.getsockname()[1]
    listener.close()
    try:
        yield server
    finally:
        server._captured_signals.append(signal.SIGINT)  # no waiting for a balancer
        server.should_exit = True
        await task


def _listener(path: Path | None) -> socket.socket:
    if path is None:
        return socket.create_server(("127.0.0.1", 0))
    return socket.create_server(str(path), family=socket.AF_UNIX)


async def connect(server: Server) -> Streams:
    """Return a new connection."""
    return await asyncio.open_connection("127.0.0.1", server.config.port)


async def until(condition: Callable[[], object]) -> None:
    """Wait until something that another task brings about holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 (counts have no events)
            await asyncio.sleep(0.001)


def connections(server: Server) -> list[Connection]:
    """Return the open connections, at the server's end."""
    return list(server.server_state.connections)


def request(target: str, body: bytes = b"", *headers: str, method: str = "POST", version: str = "1.1") -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {target} HTTP/{version}", "Host: glyphvae", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def read(reader: asyncio.StreamReader) -> Received:
    """Return the next response."""
    async with asyncio.timeout(PATIENCE):
        status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = dict(line.split(": ", 1) for line in lines)
        content = await reader.readexactly(int(headers["content-length"]))
    return Received(int(status.split()[1]), headers, content)


async def ask(server: Server, *requests: bytes) -> list[Received]:
    """Send requests together over one connection, and return the responses."""
    reader, writer = await connect(server)
    writer.write(b"".join(requests))
    try:
        return [await read(reader) for _ in requests]
    finally:
        writer.close()
