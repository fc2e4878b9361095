import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import cast

import numpy as np
import pytest
import uvloop

from benchmarks.arrivals import Arrivals, drive, is_complete, poisson

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


class Stalling(asyncio.Protocol):
    """Answers at once, except that between two times (seconds from the first connection) it stalls.

    An empty answer breaks the connection.
    """

    def __init__(self, stall: tuple[float, float], answer: bytes, began: float) -> None:
        self.stall = stall
        self.answer = answer
        self.began = began

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        assert data == REQUEST
        since = perf_counter() - self.began
        stalled = self.stall[0] <= since < self.stall[1]
        asyncio.get_running_loop().call_later(self.stall[1] - since if stalled else 0, self.reply)

    def reply(self) -> None:
        self.transport.write(self.answer)
        if not self.answer:
            self.transport.abort()


@asynccontextmanager
async def server(stall: tuple[float, float] = (0, 0), answer: bytes = ANSWER) -> AsyncIterator[int]:
    began = perf_counter()
    loop = asyncio.get_running_loop()
    running = await loop.create_server(lambda: Stalling(stall, answer, began), "127.0.0.1", 0)
    async with running:
        yield running.sockets[0].getsockname()[1]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_every_request_is_answered_and_timed_from_when_it_was_due(run: Callable[..., Arrivals]) -> None:
    due = np.arange(0, 0.2, 0.01)

    async def measure() -> Arrivals:
        async with server() as port:
            return await drive(port, REQUEST, due, connections=8)

    result = run(measure())
    assert len(result.latencies) == len(due)
    assert len(result.lateness) == len(due)
    assert result.errors == 0
    assert (result.latencies > 0).all()
    assert result.seconds >= 0.19


async def test_a_stall_delays_every_request_that_was_due_in_it() -> None:
    """One connection, 100 requests a second, a stall of 0.3 s: a closed loop would see a single slow request."""
    due = np.arange(0, 0.6, 0.01)
    async with server(stall=(0.1, 0.4)) as port:
        result = await drive(port, REQUEST, due, connections=1)
    assert len(result.latencies) == len(due)
    slow = np.sort(result.latencies[result.latencies > 0.1])
    assert len(slow) >= 19  # all that were due in the first 0.2 s of the stall
    assert result.latencies.max() == pytest.approx(0.3, abs=0.05)
    # Waits fall evenly, as the stall goes by.
    assert np.diff(slow).max() < 0.05


async def test_answers_that_are_no_success_are_errors() -> None:
    async with server(answer=ANSWER.replace(b"200 OK", b"503 No")) as port:
        result = await drive(port, REQUEST, [0, 0.01, 0.02], connections=2)
    assert result.errors == 3
    assert len(result.latencies) == 0


async def test_connections_that_break_are_errors() -> None:
    async with server(answer=b"") as port:
        result = await drive(port, REQUEST, [0, 0.01], connections=2)
    assert result.errors == 2


async def test_a_server_that_is_not_there_is_an_error() -> None:
    async with server() as port:
        pass
    with pytest.raises(OSError, match="Connect call failed"):
        await drive(port, REQUEST, [0], connections=1)


def test_poisson_arrivals_have_their_rate_and_no_memory() -> None:
    times = poisson(1000, 10, np.random.default_rng(0))
    assert len(times) == pytest.approx(10_000, rel=0.05)
    assert times.max() < 10
    gaps = np.diff(times)
    assert (gaps > 0).all()
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)


@pytest.mark.parametrize(
    ("received", "complete"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Le", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\nx: y\r\ncontent-length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n", True),
    ],
)
def test_an_answer_is_complete_with_the_last_byte_of_its_content(received: bytes, complete: bool) -> None:
    assert is_complete(received) == complete
