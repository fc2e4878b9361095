"""Start, memory and idle processor time of every server, and the service's memory after many requests."""

import time
from typing import Any

from benchmarks import processes, wrk
from benchmarks.peers import BARE, peers
from benchmarks.processes import two_cores
from benchmarks.server import Program, Server, Subject, console

# Seconds after the first response until a server has finished its start.
SETTLING = 1.0
# Seconds of load before memory is compared: pools, caches and the allocator's arenas have grown by then.
WARM_UP = 2


def measure(subject: Subject, seconds: int = 3, requests: int = 50_000, starts: int = 5) -> dict[str, Any]:
    """Measure start-up, memory and idle processor time.

    Args:
        subject: The service.
        seconds: Idle time of each server.
        requests: Number of requests before the service's memory is read again.
        starts: Starts of the service; the others are started once.
    """
    programs = [subject.service(), BARE, *peers(subject)]
    figures = [at_rest(program, seconds, starts if program is programs[0] else 1) for program in programs]
    return {"at_rest": figures, "after_requests": after_requests(programs[0], requests)}


def at_rest(program: Program, seconds: float, starts: int = 1) -> dict[str, Any]:
    """Start a program some times, and watch it idle after the last."""
    console.print(f"starting {program.name}")
    start_seconds = []
    for _ in range(starts - 1):
        with Server(program, two_cores()[:1]) as server:
            start_seconds.append(server.start_seconds)
    with Server(program, two_cores()[:1]) as server:
        time.sleep(SETTLING)
        facts = {"server": program.name, "start_seconds": [*start_seconds, server.start_seconds]}
        return {**facts, **idle(server, seconds)}


def idle(server: Server, seconds: float) -> dict[str, float]:
    """Measure memory in bytes and the share of a core's time that a server takes without requests."""
    family = server.processes()
    began, used = time.perf_counter(), processes.cpu_seconds(family)
    time.sleep(seconds)
    share = (processes.cpu_seconds(family) - used) / (time.perf_counter() - began)
    return {"resident_bytes": processes.resident_bytes(family), "idle_core_share": share}


def after_requests(program: Program, requests: int) -> dict[str, Any]:
    """Measure the memory of one server before and after at least `requests`, at 32 in flight."""
    with Server(program, two_cores()[:1]) as server:
        load = wrk.load(server.port, program.call, 32, WARM_UP, two_cores()[1])
        family = server.processes()
        before, answered, errors = processes.resident_bytes(family), 0, 0
        while answered < requests:
            seconds = max(1, min(60, int((requests - answered) / load.rate)))
            load = wrk.load(server.port, program.call, 32, seconds, two_cores()[1])
            answered, errors = answered + load.requests, errors + load.errors
        resident = {"resident_bytes_before": before, "resident_bytes_after": processes.resident_bytes(family)}
    return {"server": program.name, "requests": answered, "errors": errors, **resident}
