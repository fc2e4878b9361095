"""Very many requests, no two alike, and what stays behind."""

from typing import Any

import uvloop

from benchmarks import mixture
from benchmarks.cores import on_cores, two_cores
from benchmarks.pressure import Pressure
from benchmarks.programs import glyphvae
from benchmarks.server import Server
from benchmarks.stage import Subject, console
from benchmarks.watch import Watch

CONNECTIONS = 32
# The share of the run in which caches, pools and the allocator's arenas grow to their size.
WARM_UP = 0.3
LOOKS = 100


def measure(subject: Subject, requests: int) -> dict[str, Any]:
    """Memory, descriptors and threads while the service answers that many mixed requests."""
    own = glyphvae(subject.models, python=subject.python)
    with Server(own, two_cores()[:1]) as server, on_cores(two_cores()[1]):
        return uvloop.run(_measure(server, requests))


async def _measure(server: Server, requests: int) -> dict[str, Any]:
    watch = Watch(server)
    statuses: dict[str, int] = {}
    lost, seconds = 0, 0.0
    for turn in range(LOOKS):
        pressure = Pressure(server.port, mixture.requests(turn, mixture.EVERYTHING, requests // LOOKS))
        await pressure.connect(CONNECTIONS)
        record = await pressure.closed_loop()
        pressure.close()
        for status, answers in record.seconds.items():
            statuses[str(status)] = statuses.get(str(status), 0) + len(answers)
        lost, seconds = lost + record.lost, seconds + record.ended - record.began
        look = watch.look()
        if turn % 10 == 9:
            console.print(f"soak: {(turn + 1) * (requests // LOOKS)} requests, {look.resident_bytes >> 20} MiB")
    warm = watch.looks[int(WARM_UP * LOOKS) :]
    return {
        "statuses": statuses,
        "lost": lost,
        "rate": sum(statuses.values()) / seconds,
        "bytes_an_hour": watch.bytes_an_hour(WARM_UP),
        "bytes_a_million_requests": (warm[-1].resident_bytes - warm[0].resident_bytes)
        / (requests * (1 - WARM_UP))
        * 1e6,
        "looks": [look._asdict() for look in watch.looks],
    }
