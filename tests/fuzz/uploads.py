"""A connection of the server that is fed in pieces, without a network.

An input is a list of cuts, a separator, and a stream of requests. Each cut is a byte: its lower seven bits are the
length of a piece, its highest bit a pause after it, which is an iteration of the event loop. The list begins anew until
the stream ends.
"""

import asyncio
import logging
import re
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import cycle
from typing import Any
from unittest.mock import patch

import uvicorn

from glyphvae.errors import Problem
from glyphvae.server.connection import Connection, State
from tests.fuzz.known import application, context

SEPARATOR = b"\x1f"
PAUSE = b""
# Whether it passes before the response is made differs from run to run.
TIMED = re.compile(rb"x-request-timeout", re.IGNORECASE)
# Seconds; no thread takes as long.
PATIENCE = 60
INTERIM = 100
FAULT = 500
# What every response has of its own.
VOLATILE = re.compile(rb"^(x-request-id|server-timing): .*\r\n", re.MULTILINE)


@dataclass
class Served:
    """Outcome of a stream.

    Attributes:
        responses: Status line, sorted headers and body of each response.
        whole: Requests that had arrived to their last byte.
        broken: Whether the connection was refused within the body of a request.
    """

    responses: list[tuple[bytes, list[bytes], bytes]] = field(default_factory=list)
    whole: int = 0
    broken: bool = False


def uploads(data: bytes) -> None:
    """A stream of requests gets the same responses in pieces as at once, and none of them is a fault."""
    cuts, _, stream = data.partition(SEPARATOR)
    if TIMED.search(stream):
        return
    with patch("os.urandom", bytes):  # without a seed no two responses are alike
        at_once = _serve([stream])
        in_pieces = _serve(list(_pieces(cuts, stream)))
    for served in (at_once, in_pieces):
        assert all(int(status.split()[1]) < FAULT for status, _, _ in served.responses), served.responses
    if at_once.broken or in_pieces.broken:
        # A request may be answered before the rest of its body turns out to be none.
        before = at_once.whole
        assert max(len(at_once.responses), len(in_pieces.responses)) <= before + 1
        assert in_pieces.responses[:before] == at_once.responses[:before]
    else:
        assert in_pieces.responses == at_once.responses


def _pieces(cuts: bytes, stream: bytes) -> Iterator[bytes]:
    """Cut a stream."""
    if not any(cut & 0x7F for cut in cuts):
        cuts = b"\x7f"
    start = 0
    for cut in cycle(cuts):
        if start >= len(stream):
            return
        end = start + (cut & 0x7F)
        yield stream[start:end]
        start = end
        if cut & 0x80:
            yield PAUSE


class Pipe(asyncio.Transport):
    """A transport that keeps what is written to it, and whose peer reads it all.

    Args:
        connection: Told when the transport is closed.
    """

    def __init__(self, connection: asyncio.Protocol) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.paused = False
        self.lost = False
        self._connection = connection
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep some bytes."""
        if not self._closing:
            self.written.append(bytes(data))

    def close(self) -> None:
        """Tell the connection in the next iteration."""
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self._lose)

    def _lose(self) -> None:
        self.lost = True
        self._connection.connection_lost(None)

    def is_closing(self) -> bool:
        """Return whether it is closed, or about to be."""
        return self._closing

    def pause_reading(self) -> None:
        """Deliver nothing until `resume_reading`."""
        self.paused = True

    def resume_reading(self) -> None:
        """Deliver again."""
        self.paused = False

    def get_write_buffer_size(self) -> int:
        """Return that everything was read."""
        return 0


class Counted(Connection):
    """A connection that counts the requests that have arrived."""

    served: Served

    @property
    def waits(self) -> bool:
        """Whether it waits for the rest of a request, with those before answered."""
        return self._refusal is None and self._receiving and not self._owes_responses()

    def on_message_complete(self) -> None:
        """Count one."""
        super().on_message_complete()
        self.served.whole += not self._receiving

    def refuse(self, problem: Problem) -> None:
        """Note where it was refused."""
        self.served.broken |= self._receiving and not self._in_head
        super().refuse(problem)


class Turns(selectors.SelectSelector):
    """The selector of an event loop without a network, whose iterations a coroutine can wait for."""

    def __init__(self) -> None:
        super().__init__()
        self._holds: Callable[[], bool] | None = None
        self._waiting: asyncio.Future[None]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for worker threads alone, and only where the loop has nothing to do before `until` returns."""
        holds = self._holds
        if timeout == 0 or holds is None:
            return super().select(timeout)
        self._holds = None
        if holds():
            self._waiting.set_result(None)
            return []
        events = super().select(PATIENCE)
        assert events, "nothing goes on any more"
        self._holds = holds
        return events

    async def until(self, holds: Callable[[], bool]) -> None:
        """Go on once something holds and no callback is left but those for a later time."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._holds = holds
        await self._waiting


@cache
def _config() -> uvicorn.Config:
    config = uvicorn.Config(application(), http=Connection, ws="none", access_log=False, log_config=None)
    config.load()
    return config


def _serve(pieces: list[bytes]) -> Served:
    turns = Turns()
    with _no_errors(), asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(turns)) as runner:
        return runner.run(_connect(turns, pieces))


async def _connect(turns: Turns, pieces: list[bytes]) -> Served:
    state = State(context().settings)
    state.front = application().front
    connection = Counted(_config(), state, {})
    connection.served = served = Served()
    pipe = Pipe(connection)
    connection.connection_made(pipe)
    await _deliver(turns, pipe, connection, pieces)
    await turns.until(lambda: pipe.is_closing() or not connection._is_answering() or connection.waits)
    if not pipe.is_closing():
        assert not connection.eof_received()
        pipe.close()
    await turns.until(lambda: pipe.lost and not state.tasks and not context().threads.queued)
    assert not state.connections
    assert context().outbox.held == 0
    served.responses = list(_responses(pipe.written))
    return served


async def _deliver(turns: Turns, pipe: Pipe, connection: Connection, pieces: list[bytes]) -> None:
    for piece in pieces:
        if pipe.paused:
            await turns.until(lambda: not pipe.paused or pipe.is_closing())
        if pipe.is_closing():
            return
        if piece == PAUSE:
            await asyncio.sleep(0)
        else:
            connection.data_received(piece)


def _responses(written: list[bytes]) -> Iterator[tuple[bytes, list[bytes], bytes]]:
    """Split what was written into responses; one begins with a write of its own."""
    while written:
        begins = (index for index, data in enumerate(written) if index and data.startswith(b"HTTP/1."))
        size = next(begins, len(written))
        head, _, body = b"".join(written[:size]).partition(b"\r\n\r\n")
        status, *headers = VOLATILE.sub(b"", head + b"\r\n").splitlines()
        if int(status.split()[1]) != INTERIM:
            yield status, sorted(headers), body
        written = written[size:]


class _Errors(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.records.append(record)


@contextmanager
def _no_errors() -> Iterator[None]:
    """Assert that nothing logs an error, as event loops do of exceptions in callbacks."""
    errors: Any = _Errors()
    logging.getLogger().addHandler(errors)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(errors)
    assert not errors.records, [record.getMessage() for record in errors.records]
