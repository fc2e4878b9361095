"""Load from many keep-alive connections at once, closed loop or open loop.

In an open loop requests come when they are due, whether or not the server has answered the ones before. Where they are
queued, latency counts from the moment a request was due, not from when a connection was free to carry it. A closed loop
leaves that wait out, and a server that stalls then looks fast: coordinated omission.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

import numpy as np
from numpy.typing import NDArray

Due = Iterable[float] | NDArray[np.float64]
# Event loops wait in whole milliseconds; closer than this, the loop is polled instead.
POLL_BELOW = 0.002
# Seconds that responses may take after the last request was sent.
PATIENCE = 30.0


@dataclass
class Record:
    """Outcome of a load.

    Attributes:
        seconds: Latency of each response, by status.
        lateness: Seconds by which requests left late although a connection was free: the driver's own error.
        good: Responses with 200 until `ended`; those still under way then do not count.
        lost: Requests whose connection broke, or that had no response within `PATIENCE`.
        unsent: Requests for which no connection was free when they were due.
        began: Start of the load.
        ended: Time of the last request, or when time was up.
    """

    seconds: dict[int, list[float]] = field(default_factory=dict)
    lateness: list[float] = field(default_factory=list)
    good: int = 0
    lost: int = 0
    unsent: int = 0
    began: float = 0.0
    ended: float = 0.0

    @property
    def statuses(self) -> dict[str, int]:
        """Number of responses by status."""
        return {str(status): len(seconds) for status, seconds in sorted(self.seconds.items())}

    @property
    def errors(self) -> int:
        """Number of requests without a response of status 200."""
        return sum(self.statuses.values()) - self.statuses.get("200", 0) + self.lost + self.unsent

    @property
    def goodput(self) -> float:
        """Responses with 200 a second."""
        return self.good / (self.ended - self.began)

    def percentiles(self, *percents: float, status: int = 200) -> dict[str, float | None]:
        """Return percentiles of latency in milliseconds, None where no response had that status."""
        values = self.seconds.get(status)
        return {
            f"p{percent:g}": 1000 * float(np.percentile(values, percent)) if values else None for percent in percents
        }


class Driver:
    """Keep-alive connections to one server, each with one request at a time.

    Args:
        port: Where the server listens on 127.0.0.1.
        requests: HTTP/1.1 requests, taken one after the other; a closed loop ends with them.
    """

    def __init__(self, port: int, requests: Iterator[bytes]) -> None:
        self.record = Record()
        self._port = port
        self._requests = requests
        self._free: deque[_Connection] = deque()
        self._all: set[_Connection] = set()
        self._queued: deque[float] = deque()
        self._outstanding = 0
        self._closed_loop = False
        self._idle = asyncio.Event()

    async def connect(self, connections: int) -> None:
        """Open connections.

        Raises:
            OSError: No server listens.
        """
        for _ in range(connections):
            await self._open()

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        self._all.add(connection)
        self._use(connection)

    async def closed_loop(self, seconds: float | None = None) -> Record:
        """Send the next request on every connection as soon as it is free, until time is up or requests end."""
        self._begin()
        self._closed_loop = True
        for _ in range(len(self._free)):
            self._use(self._free.popleft())
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            self._closed_loop = False
        return await self._end()

    async def open_loop(self, due: Due, *, queue: bool = False) -> Record:
        """Send a request at each of the due times.

        Args:
            due: Seconds from now, ascending.
            queue: Queue requests while no connection is free, and count latency from when they were due; else they
                are dropped, and latency counts from when they were sent.
        """
        self._begin()
        for offset in due:
            moment = self.record.began + offset
            while (wait := moment - perf_counter()) > 0:  # noqa: ASYNC110 (no event tells the time this finely)
                await asyncio.sleep(wait - POLL_BELOW if wait > POLL_BELOW else 0)
            if self._free:
                self.record.lateness.append(perf_counter() - moment)
                self._send(self._free.popleft(), moment if queue else None)
            elif queue:
                self._queued.append(moment)
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
        self.record.lost += self._outstanding + len(self._queued)
        return self.record

    def _use(self, connection: "_Connection") -> None:
        if self._queued:
            self._send(connection, self._queued.popleft())
        elif self._closed_loop:
            self._send(connection)
        else:
            self._free.append(connection)

    def _send(self, connection: "_Connection", due: float | None = None) -> None:
        request = next(self._requests, None)
        if request is None:
            self._closed_loop = False
            self._free.append(connection)
            if not self._outstanding:
                self._idle.set()
            return
        self._outstanding += 1
        connection.send(request, perf_counter() if due is None else due)

    def answered(self, connection: "_Connection", status: int, seconds: float) -> None:
        """Record a response and use the connection again."""
        self.record.seconds.setdefault(status, []).append(seconds)
        self._outstanding -= 1
        self._use(connection)
        self._settle()

    def disconnected(self, connection: "_Connection", *, busy: bool) -> None:
        """Record a broken connection, and open another one unless `close` was called."""
        if connection in self._free:
            self._free.remove(connection)
        if busy:
            self.record.lost += 1
            self._outstanding -= 1
            self._settle()
        if connection in self._all:
            self._all.discard(connection)
            task = asyncio.get_running_loop().create_task(self._open())
            task.add_done_callback(lambda done: done.exception())

    def _settle(self) -> None:
        if not self._outstanding and not self._closed_loop:
            self._idle.set()

    def close(self) -> None:
        """Close all connections."""
        connections, self._all = self._all, set()
        for connection in connections:
            connection.close()


class _Connection(asyncio.Protocol):
    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._transport: asyncio.Transport | None = None
        self._since: float | None = None
        self._head = b""
        self._missing = -1
        self._status = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # that of uvloop does not inherit from it

    def send(self, request: bytes, since: float) -> None:
        assert self._transport is not None  # noqa: S101 (it is free only once it is connected)
        self._since, self._head, self._missing = since, b"", -1
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._missing < 0:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._status, self._missing = status_and_length(head)
        self._missing -= len(data)
        if self._missing <= 0 and self._since is not None:
            seconds, self._since = perf_counter() - self._since, None
            self._driver.answered(self, self._status, seconds)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        busy, self._since = self._since is not None, None
        self._driver.disconnected(self, busy=busy)

    def close(self) -> None:
        self._since = None
        if self._transport is not None:
            self._transport.close()


async def drive(
    port: int, requests: Iterator[bytes], connections: int, seconds: float | None = None, due: Due | None = None
) -> Record:
    """Load a server over new connections: at the times `due`, queueing what is late, else in a closed loop."""
    driver = Driver(port, requests)
    await driver.connect(connections)
    record = await (driver.closed_loop(seconds) if due is None else driver.open_loop(due, queue=True))
    driver.close()
    return record


def status_and_length(head: bytes) -> tuple[int, int]:
    """Return the status and the `Content-Length` of a response from its head."""
    lines = head.lower().split(b"\r\n")
    lengths = [int(line[15:]) for line in lines if line.startswith(b"content-length:")]
    return int(lines[0].split()[1]), lengths[0] if lengths else 0


def poisson(rate: float, seconds: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the times of a Poisson process of `rate` a second, float64 (about rate·seconds,)."""
    gaps = rng.exponential(1 / rate, size=int(rate * seconds * 1.5) + 100)
    times = np.cumsum(gaps)
    return np.asarray(times[times < seconds])
