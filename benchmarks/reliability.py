"""The service under overload, under very many requests, beside slow clients, and after the loss of a process."""

import asyncio
import os
import signal
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
import uvloop

from benchmarks.calls import EVERYTHING, SMALL, WORK, mixture
from benchmarks.driver import Driver, Record, drive, poisson
from benchmarks.processes import entries, on_cores, resident_bytes, two_cores
from benchmarks.server import Server, Subject, console

# Overload: the mixtures, the multiple of capacity, seconds of each of the turns in which capacity is measured, requests
# in flight there, and in overload: more than may wait.
MIXTURES = {"work": WORK, "large": (0, 0, 0, 0, 0, 0, 0, 1), "glyphs": (1, 1, 0, 0, 0, 0, 0, 0)}
TIMES = 3
CALM = 6.0
BUSY, CROWD = 32, 900
# Soak: how often memory is read, and the share of the run in which pools, caches and arenas grow to their size.
LOOKS = 100
WARM_UP = 0.3
# Slow clients: healthy connections beside them, and the parts of a request that are sent a byte a second: the head for
# half of the clients, the body for the others.
HEALTHY = 8
HEAD = b"POST /generate?label=J HTTP/1.1\r\nHost: glyphvae\r\nX-Slow: " + b"x" * 1000
BODY = b"POST /encode HTTP/1.1\r\nHost: glyphvae\r\nContent-Length: 100000\r\n\r\n"
# Recovery: seconds of load in a turn, long enough for a process to start twice, connections, seconds until a process is
# killed, and the line that uvicorn logs once a process serves.
SECONDS = 8.0
CONNECTIONS = 16
BEFORE = 1.0
SERVES = "Application startup complete"
LOG = 1 << 20


async def _load(server: Server, seed: int, weights: Sequence[float], connections: int, seconds: float) -> Record:
    return await drive(server.port, mixture(seed, weights), connections, seconds)


def _look(server: Server) -> dict[str, float]:
    """Read memory, descriptors and threads of a server."""
    family = server.processes()
    counts = {"descriptors": entries(family, "fd"), "threads": entries(family, "task")}
    return {"seconds": perf_counter(), "resident_bytes": resident_bytes(family), **counts}


async def _look_every_second(server: Server, looks: list[dict[str, float]]) -> None:
    while True:
        looks.append(_look(server))
        await asyncio.sleep(1)


def overload(subject: Subject, seconds: int = 60) -> list[dict[str, Any]]:
    """Measure goodput, statuses, latency and memory at three times capacity, for several mixtures.

    Args:
        subject: The service.
        seconds: Duration of the overload.
    """
    figures = []
    for name, weights in MIXTURES.items():
        with Server(subject.service(), two_cores()[:1]) as server, on_cores(two_cores()[1]):
            figures.append({"mixture": name, **uvloop.run(_overload(server, weights, seconds))})
        console.print(f"overload: {name}")
    return figures


async def _overload(server: Server, weights: Sequence[float], seconds: int) -> dict[str, Any]:
    looks: list[dict[str, float]] = []
    # A shared machine is not as fast at one time as at another, so capacity is measured on both sides.
    calm = [(await _load(server, turn, weights, BUSY, CALM)).goodput for turn in range(2)]
    due = poisson(TIMES * max(calm), seconds, np.random.default_rng(0))
    looking = asyncio.create_task(_look_every_second(server, looks))
    driver = Driver(server.port, mixture(9, weights))
    await driver.connect(CROWD)
    record = await driver.open_loop(due)
    driver.close()
    looking.cancel()
    calm += [(await _load(server, turn, weights, BUSY, CALM)).goodput for turn in range(2, 4)]
    peak = float(np.median(calm))
    goodput = {"peak_rate": peak, "goodput": record.goodput, "goodput_ratio": record.goodput / peak}
    counts = {"due": len(due), "statuses": record.statuses, "lost": record.lost, "unsent": record.unsent}
    latency = {str(status): record.percentiles(50, 90, 99, status=status) for status in sorted(record.seconds)}
    memory = {key: [look[key] for look in looks] for key in ("resident_bytes", "descriptors")}
    return {**goodput, **counts, "latency_ms": latency, **memory}


def soak(subject: Subject, requests: int = 1_000_000) -> dict[str, Any]:
    """Measure memory, descriptors and threads over very many mixed requests.

    Args:
        subject: The service.
        requests: Number of requests.
    """
    with Server(subject.service(), two_cores()[:1]) as server, on_cores(two_cores()[1]):
        return uvloop.run(_soak(server, requests))


async def _soak(server: Server, requests: int) -> dict[str, Any]:
    looks: list[dict[str, float]] = []
    statuses: dict[str, int] = {}
    lost, seconds = 0, 0.0
    for turn in range(LOOKS):
        record = await drive(server.port, mixture(turn, EVERYTHING, requests // LOOKS), BUSY)
        statuses = {key: statuses.get(key, 0) + record.statuses.get(key, 0) for key in statuses | record.statuses}
        lost, seconds = lost + record.lost, seconds + record.ended - record.began
        looks.append(_look(server))
        if turn % 10 == 9:
            console.print(f"soak: {sum(statuses.values())} requests, {looks[-1]['resident_bytes'] / 1e6:.0f} MB")
    warm = looks[int(WARM_UP * LOOKS) :]
    times, resident = ([look[key] for look in warm] for key in ("seconds", "resident_bytes"))
    slope, growth = np.polyfit(times, resident, 1)[0], (resident[-1] - resident[0]) / (requests * (1 - WARM_UP))
    slopes = {"bytes_an_hour": 3600 * float(slope), "bytes_a_million_requests": 1e6 * growth}
    return {"statuses": statuses, "lost": lost, "rate": sum(statuses.values()) / seconds, **slopes, "looks": looks}


def slow(subject: Subject, clients: int = 500, seconds: int = 14, flags: Sequence[str] = ()) -> dict[str, Any]:
    """Measure how long clients stay that send a byte a second, and the latency of healthy ones without and with them.

    Args:
        subject: The service.
        clients: Number of slow clients.
        seconds: Duration of the healthy load before the slow clients come, and beside them.
        flags: Of `glyphvae serve`.
    """
    with Server(subject.service(*flags), two_cores()[:1]) as server, on_cores(two_cores()[1]):
        return uvloop.run(_slow(server, clients, seconds))


async def _slow(server: Server, clients: int, seconds: int) -> dict[str, Any]:
    await _load(server, 1, SMALL, HEALTHY, 1)
    alone = await _load(server, 1, SMALL, HEALTHY, seconds)
    dribbling = asyncio.gather(*(_dribble(server.port, index % 2 == 1) for index in range(clients)))
    beside = await _load(server, 1, SMALL, HEALTHY, seconds)
    stays = await dribbling
    console.print(f"slow: the last of {clients} was closed after {max(stays):.1f} s")
    healthy: dict[str, Any] = {
        name: {"requests": sum(one.statuses.values()), "lost": one.lost, "latency_ms": one.percentiles(50, 99)}
        for name, one in (("alone", alone), ("beside", beside))
    }
    before, meanwhile = (one["latency_ms"]["p99"] for one in healthy.values())
    facts = {"clients": clients, "closed": len(stays), "longest_seconds": max(stays), "healthy_connections": HEALTHY}
    return {**facts, **healthy, "p99_ratio": (meanwhile or 0) / (before or 1)}


async def _dribble(port: int, in_body: bool) -> float:
    """Send a byte a second until the server closes the connection; return the seconds until then."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = perf_counter()
    writer.write(BODY if in_body else b"")
    rest = iter(bytes(100_000) if in_body else HEAD)
    closed = asyncio.create_task(reader.read())
    while not closed.done():
        await asyncio.wait([closed], timeout=1)
        if not closed.done():
            writer.write(bytes([next(rest)]))
    writer.close()
    return perf_counter() - began


def recovery(subject: Subject, turns: int = 5) -> list[dict[str, Any]]:
    """Measure requests answered and lost when one of two processes is killed, and seconds until two serve again.

    Args:
        subject: The service.
        turns: Number of kills.
    """
    # A core for each process; the load takes little of the second one's.
    program = subject.service("--workers", "2", "--log-level", "info")
    with Server(program, two_cores()) as server, on_cores(two_cores()[1]):
        return [uvloop.run(_kill(server, turn)) for turn in range(turns)]


async def _kill(server: Server, turn: int) -> dict[str, Any]:
    await _until(server, turn + 2)
    load = asyncio.create_task(_load(server, turn, SMALL, CONNECTIONS, SECONDS))
    await asyncio.sleep(BEFORE)
    # The supervisor comes first, its children in the order of their start.
    os.kill(server.processes()[-1], signal.SIGKILL)
    killed = perf_counter()
    await _until(server, turn + 3)
    seconds = perf_counter() - killed
    record = await load
    console.print(f"recovery: two processes again after {seconds:.2f} s, {record.lost} requests lost")
    return {"seconds": seconds, "lost": record.lost, "connections": CONNECTIONS, "statuses": record.statuses}


async def _until(server: Server, serving: int) -> None:
    """Wait until `serving` processes have begun to serve, including those that ended meanwhile."""
    while server.log(LOG).count(SERVES) < serving:  # noqa: ASYNC110 (a log has no event)
        await asyncio.sleep(0.01)
