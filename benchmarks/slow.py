"""Clients that send a byte a second, and what others notice of them."""

import asyncio
from time import perf_counter
from typing import Any

import uvloop

from benchmarks import mixture
from benchmarks.cores import on_cores, two_cores
from benchmarks.pressure import Pressure, Record
from benchmarks.programs import glyphvae
from benchmarks.server import Server
from benchmarks.stage import Subject, console

HEALTHY = 8
# Half of them are slow within the head, half within the body.
HEAD = b"POST /generate?label=J HTTP/1.1\r\nHost: glyphvae\r\nX-Slow: " + b"x" * 1000
BODY = b"POST /encode HTTP/1.1\r\nHost: glyphvae\r\nContent-Length: 100000\r\n\r\n"


def measure(subject: Subject, clients: int, seconds: int, *flags: str) -> dict[str, Any]:
    """How long slow clients stay, and the latency of healthy ones without and with them.

    Args:
        subject: What is measured.
        clients: Slow ones.
        seconds: Of healthy load before the slow ones come, and beside them.
        flags: Of `glyphvae serve`.
    """
    own = glyphvae(subject.models, "--device", "cpu", *flags, python=subject.python)
    with Server(own, two_cores()[:1]) as server, on_cores(two_cores()[1]):
        return uvloop.run(_measure(server, clients, seconds))


async def _measure(server: Server, clients: int, seconds: int) -> dict[str, Any]:
    await _healthy(server, 1)
    alone = await _healthy(server, seconds)
    stays: list[float] = []
    slow = asyncio.gather(*(_dribble(server.port, index, stays) for index in range(clients)))
    beside = await _healthy(server, seconds)
    await slow
    console.print(f"slow: the last of {clients} was closed after {max(stays):.1f} s")
    return {
        "clients": clients,
        "closed": len(stays),
        "longest_seconds": max(stays),
        "healthy_connections": HEALTHY,
        "alone": _summary(alone),
        "beside": _summary(beside),
        "p99_ratio": (beside.percentile(200, 99) or 0) / (alone.percentile(200, 99) or 1),
    }


async def _healthy(server: Server, seconds: int) -> Record:
    pressure = Pressure(server.port, mixture.requests(1, (*mixture.EVERYTHING[:5], 0, 0)))
    await pressure.connect(HEALTHY)
    record = await pressure.closed_loop(seconds)
    pressure.close()
    return record


async def _dribble(port: int, index: int, stays: list[float]) -> None:
    """One byte a second, until the server has had enough."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = perf_counter()
    sent = BODY if index % 2 else b""
    writer.write(sent)
    rest = iter(bytes(100_000) if index % 2 else HEAD)
    closed = asyncio.create_task(reader.read())
    while not closed.done():
        await asyncio.wait([closed], timeout=1)
        if not closed.done():
            writer.write(bytes([next(rest)]))
    stays.append(perf_counter() - began)
    writer.close()


def _summary(record: Record) -> dict[str, Any]:
    return {
        "requests": record.answered,
        "lost": record.lost,
        "latency_ms": {f"p{percent}": record.percentile(200, percent) for percent in (50, 99)},
    }
