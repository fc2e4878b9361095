"""Load that a server is not expected to bear: more requests than it can answer, from many connections at once."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CLOSE = b"connection: close"
# After the last request was sent, how long answers may take.
PATIENCE = 15.0


@dataclass
class Record:
    """What came back.

    Attributes:
        seconds: From sending to the last byte of each answer, by status.
        good: Answers with 200 until `ended`; what was still under way then does not count.
        lost: Requests whose connection broke.
        unsent: Requests for which no connection was free when they were due.
        began: When the first was due.
        ended: When the last was due, or time was up.
    """

    seconds: dict[int, list[float]] = field(default_factory=dict)
    good: int = 0
    lost: int = 0
    unsent: int = 0
    began: float = 0.0
    ended: float = 0.0

    @property
    def answered(self) -> int:
        """How many have an answer."""
        return sum(map(len, self.seconds.values()))

    @property
    def goodput(self) -> float:
        """Answers with 200 a second."""
        return self.good / (self.ended - self.began)

    def percentile(self, status: int, percent: float) -> float | None:
        """Of the latency of answers with that status, in milliseconds; None where there were none."""
        values = self.seconds.get(status)
        return 1000 * float(np.percentile(values, percent)) if values else None


class Pressure:
    """Keep-alive connections to one server, each with one request at a time.

    Args:
        port: Where the server listens.
        requests: HTTP/1.1 requests, taken one after the other; where they end, so does a closed loop.
    """

    def __init__(self, port: int, requests: Iterator[bytes]) -> None:
        self.record = Record()
        self._port = port
        self._requests = requests
        self._free: deque[_Connection] = deque()
        self._all: set[_Connection] = set()
        self._outstanding = 0
        self._closed_loop = False
        self._idle = asyncio.Event()

    async def connect(self, connections: int) -> None:
        """Open that many connections."""
        for _ in range(connections):
            await self._open()

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        self._all.add(connection)
        self._take(connection)

    async def closed_loop(self, seconds: float | None = None) -> Record:
        """Every connection asks again as soon as it has its answer: until time is up, or requests are."""
        self._begin()
        self._closed_loop = True
        for _ in range(len(self._free)):
            self._take(self._free.popleft())
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            self._closed_loop = False
        return await self._end()

    async def open_loop(self, due: Iterable[float]) -> Record:
        """A request goes out whenever one is due, in seconds from now, if a connection is free for it."""
        self._begin()
        for offset in due:
            while (wait := self.record.began + offset - perf_counter()) > 0:  # noqa: ASYNC110 (no event tells the time)
                await asyncio.sleep(wait if wait > 0.002 else 0)
            if self._free:
                self._send(self._free.popleft())
            else:
                self.record.unsent += 1
        return await self._end()

    def _begin(self) -> None:
        self.record = Record(began=perf_counter())
        self._idle.clear()

    async def _end(self) -> Record:
        self.record.ended = perf_counter()
        self.record.good = len(self.record.seconds.get(200, ()))
        if self._outstanding:
            self._idle.clear()
            await asyncio.wait([asyncio.create_task(self._idle.wait())], timeout=PATIENCE)
        return self.record

    def _take(self, connection: "_Connection") -> None:
        if self._closed_loop:
            self._send(connection)
        else:
            self._free.append(connection)

    def _send(self, connection: "_Connection") -> None:
        request = next(self._requests, None)
        if request is None:
            self._closed_loop = False
            self._free.append(connection)
            if not self._outstanding:
                self._idle.set()
            return
        self._outstanding += 1
        connection.send(request)

    def answered(self, connection: "_Connection", status: int, seconds: float) -> None:
        """A connection has its answer."""
        self.record.seconds.setdefault(status, []).append(seconds)
        self._settle()
        self._take(connection)

    def lost(self, connection: "_Connection", busy: bool) -> None:
        """A connection broke; another one takes its place."""
        self._all.discard(connection)
        if connection in self._free:
            self._free.remove(connection)
        if busy:
            self.record.lost += 1
            self._settle()
        if not connection.wanted:
            return
        task = asyncio.get_running_loop().create_task(self._open())
        task.add_done_callback(lambda done: done.exception())

    def _settle(self) -> None:
        self._outstanding -= 1
        if not self._outstanding and not self._closed_loop:
            self._idle.set()

    def close(self) -> None:
        """Close all connections."""
        for connection in list(self._all):
            connection.close()


class _Connection(asyncio.Protocol):
    def __init__(self, pressure: Pressure) -> None:
        self.wanted = True
        self._pressure = pressure
        self._transport: asyncio.Transport | None = None
        self._sent: float | None = None
        self._head = b""
        self._missing = -1
        self._status = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> None:
        assert self._transport is not None  # noqa: S101 (it is free only once it is connected)
        self._sent, self._head, self._missing = perf_counter(), b"", -1
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._missing < 0:
            self._head += data
            head, end, content = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._status, self._missing = status_and_length(head)
            data = content
        self._missing -= len(data)
        if self._missing <= 0 and self._sent is not None:
            seconds, self._sent = perf_counter() - self._sent, None
            self._pressure.answered(self, self._status, seconds)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        busy, self._sent = self._sent is not None, None
        self._pressure.lost(self, busy)

    def close(self) -> None:
        """Close it; no other one takes its place."""
        self.wanted = False
        if self._transport is not None:
            self._transport.close()


def status_and_length(head: bytes) -> tuple[int, int]:
    """The status and the `Content-Length` of an answer, by its head."""
    lines = head.lower().split(b"\r\n")
    lengths = [int(line[15:]) for line in lines if line.startswith(b"content-length:")]
    return int(lines[0].split()[1]), lengths[0] if lengths else 0
