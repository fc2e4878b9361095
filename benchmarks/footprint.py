"""What a server costs before anybody asks it anything, and what it keeps after many requests."""

import time
from typing import Any

from benchmarks import processes, wrk
from benchmarks.cores import two_cores
from benchmarks.programs import Program, bare, frameworks, glyphvae, references
from benchmarks.server import Server
from benchmarks.stage import Subject, console

# After the first answer, until a server has finished what it does at its start.
SETTLING = 1.0
# Load before memory is compared: pools, caches and the allocator's arenas have grown by then.
WARM_UP = 2


def measure(subject: Subject, idle_seconds: float, requests: int, starts: int = 5) -> dict[str, Any]:
    """Start, memory and idle processor time of every server, and the service's memory after many requests.

    Args:
        subject: What is measured.
        idle_seconds: How long each server is watched doing nothing.
        requests: How many the service answers before its memory is read again.
        starts: How often the service is started; the others are started once.
    """
    own = glyphvae(subject.models, python=subject.python)
    others = [bare(), *references(subject.decoder, subject.served), *frameworks(subject.served)]
    figures = [_at_rest(own, idle_seconds, starts), *(_at_rest(program, idle_seconds, 1) for program in others)]
    return {"at_rest": figures, "after_requests": after_requests(own, requests)}


def _at_rest(program: Program, idle_seconds: float, starts: int) -> dict[str, Any]:
    console.print(f"starting {program.name}")
    start_seconds = []
    for _ in range(starts - 1):
        with Server(program, two_cores()[:1]) as server:
            start_seconds.append(server.start_seconds)
    with Server(program, two_cores()[:1]) as server:
        start_seconds.append(server.start_seconds)
        time.sleep(SETTLING)
        return {"server": program.name, "start_seconds": start_seconds, **idle(server, idle_seconds)}


def idle(server: Server, seconds: float) -> dict[str, float]:
    """Memory in bytes and the share of a core's time that a server takes while it is not asked anything."""
    family = server.processes()
    began, used = time.perf_counter(), processes.cpu_seconds(family)
    time.sleep(seconds)
    share = (processes.cpu_seconds(family) - used) / (time.perf_counter() - began)
    return {"resident_bytes": processes.resident_bytes(family), "idle_core_share": share}


def after_requests(program: Program, requests: int) -> dict[str, Any]:
    """Memory of one server before and after at least so many requests, at 32 in flight."""
    with Server(program, two_cores()[:1]) as server:
        wrk.load(server.port, program.call, 32, WARM_UP, two_cores()[1])
        family = server.processes()
        before, answered, errors = processes.resident_bytes(family), 0, 0
        rate = 0.0
        while answered < requests:
            # The first second tells how long the rest takes.
            seconds = max(1, min(60, int((requests - answered) / rate))) if rate else 1
            load = wrk.load(server.port, program.call, 32, seconds, two_cores()[1])
            answered, errors, rate = answered + load.requests, errors + load.errors, load.rate
        after = processes.resident_bytes(family)
        return {
            "server": program.name,
            "requests": answered,
            "errors": errors,
            "resident_bytes_before": before,
            "resident_bytes_after": after,
        }
