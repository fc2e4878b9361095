"""Three times as many requests as a server can answer."""

import asyncio
from typing import Any

import numpy as np
import uvloop

from benchmarks import mixture
from benchmarks.arrivals import poisson
from benchmarks.cores import on_cores, two_cores
from benchmarks.pressure import Pressure, Record
from benchmarks.programs import glyphvae
from benchmarks.server import Server
from benchmarks.stage import Subject, console
from benchmarks.watch import Watch

TIMES = 3
# Seconds of each of the turns in which capacity is measured, two before and two after.
CALM = 6.0
# In flight where capacity is measured, and where it is exceeded: more than are let wait.
BUSY, CROWD = 32, 900
KINDS = {"work": mixture.WORK, "large": (0, 0, 0, 0, 0, 0, 1), "glyphs": (1, 1, 0, 0, 0, 0, 0)}


def measure(subject: Subject, seconds: int) -> list[dict[str, Any]]:
    """Goodput, statuses, latency and memory at three times capacity, for several mixtures.

    Args:
        subject: What is measured.
        seconds: Of overload.
    """
    figures = []
    for name, weights in KINDS.items():
        console.print(f"overload: {name}")
        own = glyphvae(subject.models, python=subject.python)
        with Server(own, two_cores()[:1]) as server, on_cores(two_cores()[1]):
            figures.append({"mixture": name, **uvloop.run(_measure(server, weights, seconds))})
    return figures


async def _measure(server: Server, weights: tuple[float, ...], seconds: int) -> dict[str, Any]:
    watch = Watch(server)
    before = [await _calm(server, weights, turn) for turn in range(2)]
    due = poisson(TIMES * max(before), seconds, np.random.default_rng(0))
    crowd = Pressure(server.port, mixture.requests(9, weights))
    await crowd.connect(CROWD)
    looking = asyncio.create_task(_look(watch))
    record = await crowd.open_loop(due)
    looking.cancel()
    crowd.close()
    # A shared machine is not as fast at one time as at another, so capacity is measured on both sides.
    after = [await _calm(server, weights, turn) for turn in range(2, 4)]
    peak = float(np.median([*before, *after]))
    return {"peak_rate": peak, "due": len(due), **summary(record), "goodput_ratio": record.goodput / peak} | {
        "resident_bytes": [look.resident_bytes for look in watch.looks],
        "descriptors": [look.descriptors for look in watch.looks],
    }


async def _calm(server: Server, weights: tuple[float, ...], turn: int) -> float:
    """Answers with 200 a second, where nobody asks for more than is given."""
    calm = Pressure(server.port, mixture.requests(turn, weights))
    await calm.connect(BUSY)
    record = await calm.closed_loop(CALM)
    calm.close()
    return record.goodput


async def _look(watch: Watch) -> None:
    while True:
        watch.look()
        await asyncio.sleep(1)


def summary(record: Record) -> dict[str, Any]:
    """What became of the requests, and how soon."""
    return {
        "statuses": {str(status): len(seconds) for status, seconds in sorted(record.seconds.items())},
        "lost": record.lost,
        "unsent": record.unsent,
        "goodput": record.goodput,
        "latency_ms": {
            str(status): {f"p{percent}": record.percentile(status, percent) for percent in (50, 90, 99)}
            for status in sorted(record.seconds)
        },
    }
