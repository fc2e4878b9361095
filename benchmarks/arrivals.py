"""Open-loop load: requests come when they come, whether or not the server has answered the ones before.

Latency counts from the moment a request was due, not from when a connection was free to carry it. A closed loop leaves
that wait out, and a server that stalls then looks fast: coordinated omission.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Event loops wait in whole milliseconds; closer than this, the loop is polled instead.
POLL_BELOW = 0.002
# After the last request was sent, how long answers may take.
PATIENCE = 30.0

OK = b"HTTP/1.1 2"


@dataclass(frozen=True)
class Arrivals:
    """What an open loop measured.

    Attributes:
        latencies: Seconds from due to answered, float64 (answered,), in order of the answers.
        lateness: Seconds by which requests left late although a connection was free: the driver's own error.
        errors: Answers that are not 2xx, broken connections and missing answers.
        seconds: From the first request's due time to the last answer.
    """

    latencies: Floats
    lateness: Floats
    errors: int
    seconds: float


def poisson(rate: float, seconds: float, rng: np.random.Generator) -> Floats:
    """Due times of a Poisson process of `rate` a second, in seconds from its start, float64 (about rate·seconds,)."""
    gaps = rng.exponential(1 / rate, size=int(rate * seconds * 1.5) + 100)
    times = np.cumsum(gaps)
    return np.asarray(times[times < seconds])


async def drive(port: int, request: bytes, due: Sequence[float] | Floats, connections: int = 128) -> Arrivals:
    """Send `request` to 127.0.0.1 at each of the due times.

    Args:
        port: Where the server listens.
        request: One HTTP/1.1 request.
        due: Seconds from the start, ascending, not empty.
        connections: At most so many requests are in flight; more wait here, and their wait counts.

    Raises:
        OSError: There is no server.
    """
    loop = asyncio.get_running_loop()
    driver = _Driver(request)
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(driver), "127.0.0.1", port)
    start = perf_counter() + 0.01
    for offset in due:
        await _until(start + offset)
        driver.offer(start + offset)
    with suppress(TimeoutError):
        await asyncio.wait_for(driver.idle.wait(), PATIENCE)
    return await driver.close(start)


async def _until(moment: float) -> None:
    while (wait := moment - perf_counter()) > 0:  # noqa: ASYNC110 (no event tells the time this finely)
        await asyncio.sleep(wait - POLL_BELOW if wait > POLL_BELOW else 0)


class _Driver:
    """Hands requests to free connections, and keeps the record."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.connections: list[_Connection] = []
        self.free: deque[_Connection] = deque()
        self._waiting: deque[float] = deque()
        self._latencies: list[float] = []
        self._lateness: list[float] = []
        self._errors = 0
        self._last = 0.0
        self._outstanding = 0
        self.idle = asyncio.Event()

    def offer(self, due: float) -> None:
        """A request that is due now goes out, or waits for a connection."""
        self._outstanding += 1
        self.idle.clear()
        if self.free:
            self._lateness.append(perf_counter() - due)
            self.free.popleft().send(self._request, due)
        else:
            self._waiting.append(due)

    def answered(self, connection: "_Connection", due: float, ok: bool) -> None:
        """A connection has its answer, and is free for the next request."""
        self._last = perf_counter()
        if ok:
            self._latencies.append(self._last - due)
        else:
            self._errors += 1
        self._settle()
        if self._waiting:
            connection.send(self._request, self._waiting.popleft())
        else:
            self.free.append(connection)

    def lost(self, connection: "_Connection", busy: bool) -> None:
        """A connection broke."""
        if busy:
            self._errors += 1
            self._settle()
        elif connection in self.free:
            self.free.remove(connection)

    def _settle(self) -> None:
        self._outstanding -= 1
        if self._outstanding == 0:
            self.idle.set()

    async def close(self, start: float) -> Arrivals:
        """Close all connections; what has no answer yet is an error."""
        errors = self._errors + self._outstanding
        for connection in self.connections:
            connection.close()
        await asyncio.gather(*(connection.closed.wait() for connection in self.connections))
        return Arrivals(np.array(self._latencies), np.array(self._lateness), errors, self._last - start)


class _Connection(asyncio.Protocol):
    """One keep-alive connection; one request at a time."""

    def __init__(self, driver: _Driver) -> None:
        self._driver = driver
        self._transport: asyncio.Transport | None = None
        self._due: float | None = None
        self._received = b""
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # that of uvloop does not inherit from it
        self._driver.connections.append(self)
        self._driver.free.append(self)

    def send(self, request: bytes, due: float) -> None:
        """Send a request that was due at `due`."""
        assert self._transport is not None  # noqa: S101 (it is free only once it is connected)
        self._due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._due is None or not is_complete(self._received):
            return
        due, ok = self._due, self._received.startswith(OK)
        self._due, self._received = None, b""
        self._driver.answered(self, due, ok)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        self._driver.lost(self, self._due is not None)
        self._due = None
        self.closed.set()

    def close(self) -> None:
        """Close it; it counts no more."""
        self._due = None
        if self._transport is not None:
            self._transport.close()


def is_complete(received: bytes) -> bool:
    """Whether an HTTP/1.1 answer with a `Content-Length` is all there."""
    head, end, content = received.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(content) >= int(value)
    return True
