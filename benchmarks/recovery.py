"""One of two server processes is killed under load: what is lost, and how long until there are two again."""

import asyncio
import os
import signal
from time import perf_counter
from typing import Any

import uvloop

from benchmarks import mixture
from benchmarks.cores import on_cores, two_cores
from benchmarks.pressure import Pressure
from benchmarks.programs import glyphvae
from benchmarks.server import Server
from benchmarks.stage import Subject, console

# Of each turn; long enough for a process to start twice.
SECONDS = 8.0
CONNECTIONS = 16
# When in its turn a process is killed.
BEFORE = 1.0
# What uvicorn's log says once a process serves.
SERVES = "Application startup complete"
LOG = 1 << 20


def measure(subject: Subject, turns: int) -> list[dict[str, Any]]:
    """Each turn: requests answered and lost, those in flight at the kill, and seconds until two processes serve again.

    Args:
        subject: What is measured.
        turns: How often a process is killed.
    """
    own = glyphvae(subject.models, "--device", "cpu", "--workers", "2", "--log-level", "info", python=subject.python)
    # A core for each process; the load takes little of the second one's.
    with Server(own, two_cores()) as server, on_cores(two_cores()[1]):
        return [uvloop.run(_turn(server, turn)) for turn in range(turns)]


async def _turn(server: Server, turn: int) -> dict[str, Any]:
    await _until(server, turn + 2)
    pressure = Pressure(server.port, mixture.requests(turn, (*mixture.EVERYTHING[:5], 0, 0)))
    await pressure.connect(CONNECTIONS)
    load = asyncio.create_task(pressure.closed_loop(SECONDS))
    await asyncio.sleep(BEFORE)
    # The supervisor comes first, its children in the order of their start.
    os.kill(server.processes()[-1], signal.SIGKILL)
    killed = perf_counter()
    await _until(server, turn + 3)
    seconds = perf_counter() - killed
    record = await load
    pressure.close()
    console.print(f"recovery: two processes again after {seconds:.2f} s, {record.lost} requests lost")
    return {
        "seconds": seconds,
        "lost": record.lost,
        "connections": CONNECTIONS,
        "statuses": {str(status): len(answers) for status, answers in record.seconds.items()},
    }


async def _until(server: Server, serving: int) -> None:
    """Wait until as many processes have begun to serve, those that ended meanwhile included."""
    while server.log(LOG).count(SERVES) < serving:  # noqa: ASYNC110 (a log has no event)
        await asyncio.sleep(0.01)
