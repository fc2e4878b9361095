"""Requests a second and latency of every server: closed loop beside the bare limit, and open loop by load."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import uvloop

from benchmarks import wrk
from benchmarks.calls import Call, service_calls, vector_calls
from benchmarks.driver import Record, drive, poisson
from benchmarks.peers import BARE, bare_call, peers
from benchmarks.processes import BenchmarkError, on_cores, two_cores
from benchmarks.rounds import Key, ratios, rotated
from benchmarks.server import Stage, Subject, console, staged
from benchmarks.wrk import Load

CONNECTIONS = (1, 32)
# Sizes within this factor share a bare limit: a few hundred bytes more are copied in well under a hundredth of the
# time that it takes for a response.
SHARED = 2
# Servers in the open loop, the shares of their capacity, and the percentiles of their latency.
OPEN_LOOP = ("FastAPI, empty route", "FastAPI + ONNX Runtime", "LitServe, batching")
SHARES = (0.3, 0.6, 0.9)
PERCENTILES = (50, 90, 99, 99.9)
# Seconds after which a server without a response is not loaded again.
PATIENCE = 30
# Requests in flight while capacity is measured, and at most in the open loop.
BUSY, CROWD = 32, 128


class Turn(NamedTuple):
    """The load of one turn.

    Attributes:
        server: Its name on the stage.
        call: The request.
        connections: Requests in flight.
    """

    server: str
    call: Call
    connections: int


def load(stage: Stage, turn: Turn, seconds: int) -> Load:
    """Load one server of a stage with wrk for some seconds, longer where not even one response arrives in time."""
    with stage.turn(turn.server) as running:
        measured = wrk.load(running.port, turn.call, turn.connections, seconds, two_cores()[1])
    return measured if measured.requests or seconds > PATIENCE else load(stage, turn, 2 * seconds)


def in_turns(stage: Stage, groups: Sequence[Mapping[Key, Turn]], rounds: int, seconds: int) -> dict[Key, list[Load]]:
    """Load servers in turns for some rounds, after a second of warm-up in every turn.

    Args:
        stage: The servers.
        groups: Turns to compare with each other; they follow each other, with another one first in every round.
        rounds: Number of rounds.
        seconds: Duration of a turn.

    Raises:
        BenchmarkError: A server answered no request of a turn.
    """
    loads: dict[Key, list[Load]] = {key: [] for group in groups for key in group}
    for number in range(rounds + 1):
        for group in groups:
            for key in rotated(list(group), number):
                measured = load(stage, group[key], seconds if number else 1)
                if measured.errors >= measured.requests:
                    raise BenchmarkError(f"{group[key].server} answered no request: {group[key].call.name}")
                if number:
                    loads[key].append(measured)
        console.print(f"round {number} of {rounds}" if number else "warmed up")
    return loads


class Case(NamedTuple):
    """A server under one kind of request.

    Attributes:
        server: Its name.
        call: The request.
        size: Bytes of its response; the bare limit responds with as many.
    """

    server: str
    call: Call
    size: int

    @property
    def name(self) -> str:
        """A name that no other case has."""
        return f"{self.server}: {self.call.name}"


def measure(subject: Subject, rounds: int = 5, seconds: int = 1) -> list[dict[str, Any]]:
    """Measure requests a second and latency, closed loop.

    Args:
        subject: The service.
        rounds: Turns of each server and request.
        seconds: Duration of a turn.

    Raises:
        BenchmarkError: wrk, a framework or a second core is missing, or a server does not start.
    """
    wrk.executable()
    own, others = subject.service(), peers(subject)
    with staged([BARE, own, *others]) as stage:
        calls = [(peer.name, peer.call) for peer in others]
        own_calls = [*service_calls(stage[own.name].first_answer.content), *vector_calls()]
        calls += [(own.name, call) for call in own_calls]
        cases = []
        for server, call in calls:
            with stage.turn(server) as running:
                cases.append(Case(server, call, len(running.ask(call).content)))
        return measure_cases(stage, cases, rounds, seconds)


def measure_cases(
    stage: Stage, cases: Sequence[Case], rounds: int, seconds: int, connections: Sequence[int] = CONNECTIONS
) -> list[dict[str, Any]]:
    """Measure cases and the bare limits that belong to them at each number of connections."""
    sizes = bare_sizes([case.size for case in cases])
    limits = {size: Case(BARE.name, bare_call(size), size) for size in sorted(set(sizes.values()))}
    everything = {case.name: case for case in [*limits.values(), *cases]}
    groups = [
        {(name, count): Turn(case.server, case.call, count) for name, case in everything.items()}
        for count in connections
    ]
    loads = in_turns(stage, groups, rounds, seconds)
    figures = []
    for (name, count), own in loads.items():
        case = everything[name]
        limit = loads[limits[sizes[case.size]].name, count]
        figure = {"server": case.server, "call": case.call.name, "bytes": case.size, "connections": count}
        figure |= {"rounds": [asdict(load) for load in own], "errors": sum(load.errors for load in own)}
        for key, field in (("ratios", "rate"), ("p50_ratios", "p50_ms"), ("p99_ratios", "p99_ms")):
            figure[key] = ratios(*([getattr(load, field) for load in one] for one in (own, limit)))
        figures.append(figure)
    return figures


def bare_sizes(sizes: Sequence[int]) -> Mapping[int, int]:
    """Map each size to that of its bare limit; sizes within a factor of `SHARED` have one in common."""
    shared: dict[int, int] = {}
    current = 0
    for size in sorted(sizes):
        if size > SHARED * current:
            current = size
        shared[size] = current
    return shared


def measure_arrivals(subject: Subject, rounds: int = 2, seconds: int = 3) -> list[dict[str, Any]]:
    """Measure latency at a share of each server's own capacity, open loop.

    Args:
        subject: The service.
        rounds: Turns of each server.
        seconds: Duration of the arrivals at each share, in each round.
    """
    wrk.executable()
    rng = np.random.default_rng(0)
    programs = [subject.service(), *peers(subject, OPEN_LOOP)]
    figures = {one.name: {"server": one.name, "call": one.call.name, "capacity": [], "shares": []} for one in programs}
    with staged(programs) as stage:
        for number in range(rounds):
            for program in programs:
                busy = Turn(program.name, program.call, BUSY)
                load(stage, busy, 1)
                capacity = load(stage, busy, 2).rate
                figure: Any = figures[program.name]
                figure["capacity"].append(capacity)
                for share in SHARES:
                    due = poisson(share * capacity, seconds, rng)
                    with stage.turn(program.name) as server, on_cores(two_cores()[1]):
                        record = uvloop.run(drive(server.port, repeat(program.call.raw()), CROWD, due=due))
                    figure["shares"].append({"share": share, "round": number, **arrivals_summary(record)})
            console.print(f"round {number + 1} of {rounds}")
    return list(figures.values())


def arrivals_summary(record: Record) -> dict[str, Any]:
    """Return percentiles of latency in milliseconds, and how late the driver itself was."""
    late = record.lateness
    return {
        "requests": record.statuses.get("200", 0),
        "errors": record.errors,
        "rate": record.goodput,
        "lateness_p99_ms": float(1000 * np.percentile(late, 99)) if late else None,
        "latency_ms": record.percentiles(*PERCENTILES),
    }
