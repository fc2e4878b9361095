import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import repeat

import pytest

from benchmarks.pressure import Pressure, status_and_length


@asynccontextmanager
async def server(answer: Callable[[int], bytes]) -> AsyncIterator[int]:
    """A server whose n-th answer is `answer(n)`; nothing closes the connection."""
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
        pressure = Pressure(port, repeat(b"x\n", 50))
        await pressure.connect(4)
        record = await pressure.closed_loop()
        pressure.close()
    assert (record.answered, record.good, record.lost) == (50, 50, 0)
    assert record.goodput > 0
    assert record.percentile(200, 50) is not None
    assert record.percentile(429, 50) is None


async def test_a_closed_loop_ends_when_time_is_up() -> None:
    async with server(ok) as port:
        pressure = Pressure(port, repeat(b"x\n"))
        await pressure.connect(2)
        record = await pressure.closed_loop(0.05)
        pressure.close()
    assert record.answered >= record.good > 0


async def test_an_open_loop_counts_by_status_and_what_it_could_not_send() -> None:
    def answer(number: int) -> bytes:
        return ok(number) if number % 2 else b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"

    async with server(answer) as port:
        pressure = Pressure(port, repeat(b"x\n"))
        await pressure.connect(1)
        record = await pressure.open_loop([0, 0, 0.05])
        pressure.close()
    assert {status: len(seconds) for status, seconds in record.seconds.items()} == {429: 1, 200: 1}
    assert record.unsent == 1


async def test_a_broken_connection_is_counted_and_replaced() -> None:
    async with server(lambda number: b"" if number == 1 else ok(number)) as port:
        pressure = Pressure(port, repeat(b"x\n", 10))
        await pressure.connect(2)
        record = await pressure.closed_loop()
        pressure.close()
    assert (record.answered, record.lost) == (9, 1)


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
