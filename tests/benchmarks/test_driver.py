import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import repeat

import numpy as np
import pytest
import uvloop

from benchmarks.driver import Driver, Record, drive, poisson, status_and_length
from benchmarks.http import arrivals_summary

REQUEST = b"x\n"


@asynccontextmanager
async def server(answer: Callable[[int], bytes], until: Callable[[], float] = lambda: 0.0) -> AsyncIterator[int]:
    """Serve `answer(n)` as the n-th response, none before the time `until()`; an empty one breaks the connection."""
    count = 0
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        writers.append(writer)
        while await reader.readline():
            content = answer(count)
            count += 1
            if not content:
                break
            await asyncio.sleep(max(0.0, until() - time.perf_counter()))
            # In two pieces, as a network may deliver it.
            writer.write(content[:20])
            await writer.drain()
            writer.write(content[20:])
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
    for writer in writers:
        writer.close()
        await writer.wait_closed()


def ok(_: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"


async def test_a_closed_loop_ends_with_its_requests() -> None:
    async with server(ok) as port:
        record = await drive(port, repeat(REQUEST, 50), 4)
    assert (record.statuses, record.good, record.lost, record.errors) == ({"200": 50}, 50, 0, 0)
    assert record.goodput > 0
    assert record.percentiles(50)["p50"] is not None
    assert record.percentiles(50, status=429) == {"p50": None}


async def test_a_closed_loop_ends_when_time_is_up() -> None:
    async with server(ok) as port:
        record = await drive(port, repeat(REQUEST), 2, seconds=0.05)
    assert record.statuses["200"] >= record.good > 0


async def test_an_open_loop_counts_by_status_and_the_requests_it_could_not_send() -> None:
    def answer(number: int) -> bytes:
        return ok(number) if number % 2 else b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"

    begin = time.perf_counter()
    # The server answers after both of the first requests were due.
    async with server(answer, lambda: begin + 0.2) as port:
        driver = Driver(port, repeat(REQUEST))
        await driver.connect(1)
        record = await driver.open_loop([0, 0])
        again = await driver.open_loop([0])
        driver.close()
    assert (record.statuses, record.unsent, record.errors) == ({"429": 1}, 1, 2)
    assert again.statuses == {"200": 1}


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_queued_requests_are_timed_from_when_they_were_due(run: Callable[..., Record]) -> None:
    """Stall a single connection for 0.3 s: a closed loop would see one slow request."""
    due = np.arange(0, 0.2, 0.01)

    async def measure() -> Record:
        begin = time.perf_counter()
        async with server(ok, lambda: begin + 0.5) as port:
            return await drive(port, repeat(REQUEST), 1, due=due)

    record = run(measure())
    assert record.statuses == {"200": len(due)}
    assert record.errors == 0
    # All were due at least 0.2 s before the server went on, each 0.01 s later than the one before.
    assert min(record.seconds[200]) > 0.2
    assert max(record.seconds[200]) - min(record.seconds[200]) > 0.05


async def test_a_broken_connection_is_counted_and_replaced() -> None:
    async with server(lambda number: b"" if number == 1 else ok(number)) as port:
        record = await drive(port, repeat(REQUEST, 10), 2)
    assert (record.statuses, record.lost) == ({"200": 9}, 1)


async def test_a_missing_server_is_an_error() -> None:
    async with server(ok) as port:
        pass
    with pytest.raises(OSError, match="Connect call failed"):
        await drive(port, repeat(REQUEST), 1)


def test_poisson_arrivals_have_their_rate_and_no_memory() -> None:
    times = poisson(1000, 10, np.random.default_rng(0))
    assert len(times) == pytest.approx(10_000, rel=0.05)
    assert times.max() < 10
    gaps = np.diff(times)
    assert (gaps > 0).all()
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 12", (200, 12)),
        (b"HTTP/1.1 503 Service Unavailable\r\ncontent-length:3\r\nx: y", (503, 3)),
        (b"HTTP/1.1 204 No Content", (204, 0)),
    ],
)
def test_heads_are_read(head: bytes, expected: tuple[int, int]) -> None:
    assert status_and_length(head) == expected


def test_percentiles_are_in_milliseconds() -> None:
    latencies = [number / 1000 for number in range(1, 101)]
    record = Record({200: latencies, 503: [0.1]}, [0.0, 0.001], good=100, lost=1, began=1.0, ended=3.0)
    facts = arrivals_summary(record)
    assert (facts["requests"], facts["rate"], facts["errors"]) == (100, 50, 2)
    assert facts["latency_ms"]["p50"] == pytest.approx(50.5)
    assert facts["latency_ms"]["p99.9"] == pytest.approx(100, abs=0.2)
    assert facts["lateness_p99_ms"] == pytest.approx(1, abs=0.02)


def test_a_server_that_never_answers_has_no_latency() -> None:
    facts = arrivals_summary(Record(lost=5, ended=1.0))
    latency = dict.fromkeys(("p50", "p90", "p99", "p99.9"))
    assert facts == {"requests": 0, "errors": 5, "rate": 0.0, "lateness_p99_ms": None, "latency_ms": latency}
