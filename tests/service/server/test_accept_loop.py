"""Connections that came together are taken together, also where the event loop takes one a turn."""

import asyncio
import errno
import socket
from pathlib import Path

import pytest

from glyphvae.server.accept_loop import TOGETHER, AcceptLoop
from tests.service.sockets import serving, until

uvloop = pytest.importorskip("uvloop", reason="it is not there on Windows")

CROWD = 2 * TOGETHER + 3


def knock(port: int) -> socket.socket:
    """A connection that the kernel has made; nobody need have taken it."""
    return socket.create_connection(("127.0.0.1", port), timeout=30)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_crowd_is_taken_in_a_few_turns(repository: Path) -> None:
    async def main() -> int:
        async with serving(repository) as server:
            clients = [knock(server.config.port) for _ in range(CROWD)]
            await asyncio.sleep(0.001)  # a look at the sockets
            await turns(12)
            taken = len(server.server_state.connections)
            for client in clients:
                client.close()
            return taken

    # libuv alone would have taken one or two for each look.
    assert uvloop.run(main()) == CROWD


def test_those_taken_together_are_served(repository: Path) -> None:
    async def main() -> list[bytes]:
        async with serving(repository) as server:
            clients = [knock(server.config.port) for _ in range(CROWD)]
            for client in clients:
                client.sendall(b"GET /livez HTTP/1.1\r\nHost: glyphvae\r\nConnection: close\r\n\r\n")
            answers = [await asyncio.to_thread(client.recv, 64) for client in clients]
            for client in clients:
                client.close()
            return answers

    assert {answer[:12] for answer in uvloop.run(main())} == {b"HTTP/1.1 200"}


async def test_once_stopped_it_takes_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        accept_loop = AcceptLoop([listener], asyncio.Protocol)
        accept_loop.start()
        accept_loop.stop()
        with knock(listener.getsockname()[1]):
            await turns(3)
            connection, _ = listener.accept()  # it waits still
            connection.close()


class Full(socket.socket):
    """A listening socket of a process that may open no more files."""

    tried = 0
    full = True

    def accept(self) -> tuple[socket.socket, object]:
        if self.full:
            self.tried += 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_without_descriptors_connections_wait_quietly(caplog: pytest.LogCaptureFixture) -> None:
    with Full() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        made: list[asyncio.Protocol] = []

        def make() -> asyncio.Protocol:
            made.append(asyncio.Protocol())
            return made[-1]

        accept_loop = AcceptLoop([listener], make)
        accept_loop.start()
        with knock(listener.getsockname()[1]), knock(listener.getsockname()[1]):
            await until(lambda: listener.tried)
            await turns(10)
            assert listener.tried == 1  # though both still wait
            assert [record.getMessage() for record in caplog.records] == [
                "new connections wait for 1 s: Too many open files"
            ]
            listener.full = False
            await until(lambda: len(made) == 2)
            listener.full = True
            with knock(listener.getsockname()[1]):
                await until(lambda: listener.tried == 2)
                accept_loop.stop()  # while it waits


async def test_a_client_that_has_gone_already_is_no_fault() -> None:
    def gone() -> asyncio.Protocol:
        raise OSError(107, "Transport endpoint is not connected")

    one, other = socket.socketpair()
    one.setblocking(False)
    with one, other:
        await AcceptLoop([], gone).connect(one)
