"""Requests per second and latency of every server, beside the bare limit of the same round."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from benchmarks import calls, wrk
from benchmarks.call import Call
from benchmarks.cores import two_cores
from benchmarks.programs import bare, bare_call, frameworks, glyphvae, references
from benchmarks.rounds import ratios, rotated
from benchmarks.stage import Stage, Subject, console, staged
from benchmarks.wrk import Load

BARE = bare().name
CONNECTIONS = (1, 32)
# A few hundred bytes more are copied in well under a hundredth of what the bare limit takes for an answer.
SHARED = 2


@dataclass(frozen=True)
class Case:
    """One server under one kind of request.

    Attributes:
        server: Its name.
        call: What it is asked.
        size: Bytes of its answer; the bare limit answers with as many.
    """

    server: str
    call: Call
    size: int

    @property
    def name(self) -> str:
        """A name no other case has."""
        return f"{self.server}: {self.call.name}"


@dataclass(frozen=True)
class Options:
    """How long to measure.

    Attributes:
        rounds: How often every case has its turn.
        seconds: How long a turn is, in whole seconds.
        warm_up: Seconds of load before the first round.
        connections: Requests in flight.
    """

    rounds: int = 5
    seconds: int = 2
    warm_up: int = 1
    connections: tuple[int, ...] = CONNECTIONS


def measure(subject: Subject, options: Options) -> list[dict[str, Any]]:
    """All cases at each number of connections.

    Raises:
        BenchmarkError: wrk, a framework or a second core is missing, or a server does not start.
    """
    wrk.executable()
    others = [*references(subject.decoder, subject.served), *frameworks(subject.served)]
    own = glyphvae(subject.models, python=subject.python)
    with staged([bare(), own, *others]) as stage:
        cases = [_case(stage, program.name, program.call) for program in others]
        cases += [_case(stage, own.name, call) for call in calls.glyphvae(stage.servers[own.name].first_answer.content)]
        return measure_cases(stage, cases, options)


def _case(stage: Stage, server: str, call: Call) -> Case:
    with stage.turn(server) as running:
        answer = running.ask(call)
    if answer.status != 200:
        raise ValueError(f"{server} refuses {call.name}: {answer.status} {answer.content[:500]!r}")
    return Case(server, call, len(answer.content))


def measure_cases(stage: Stage, cases: Sequence[Case], options: Options) -> list[dict[str, Any]]:
    """Some cases and the bare limits that belong to them, interleaved."""
    sizes = bare_sizes([case.size for case in cases])
    limits = [Case(BARE, bare_call(size), size) for size in sorted(set(sizes.values()))]
    everything = {case.name: case for case in [*limits, *cases]}
    for case in everything.values():
        _turn(stage, case, max(options.connections), options.warm_up)
    loads: dict[tuple[str, int], list[Load]] = {}
    for number in range(options.rounds):
        for connections in options.connections:
            for name in rotated(list(everything), number):
                load = _turn(stage, everything[name], connections, options.seconds)
                loads.setdefault((name, connections), []).append(load)
        console.print(f"round {number + 1} of {options.rounds}")
    figures = []
    for (name, connections), own in loads.items():
        case = everything[name]
        limit = loads[Case(BARE, bare_call(sizes.get(case.size, case.size)), 0).name, connections]
        figures.append(_figure(case, connections, own, limit))
    return figures


def _turn(stage: Stage, case: Case, connections: int, seconds: int) -> Load:
    with stage.turn(case.server) as running:
        return wrk.load(running.port, case.call, connections, seconds, two_cores()[1])


def bare_sizes(sizes: Sequence[int]) -> Mapping[int, int]:
    """The size that the bare limit answers with for each size; sizes within a factor of `SHARED` have one in common."""
    shared: dict[int, int] = {}
    current = 0
    for size in sorted(sizes):
        if size > SHARED * current:
            current = size
        shared[size] = current
    return shared


def _figure(case: Case, connections: int, own: Sequence[Load], limit: Sequence[Load]) -> dict[str, Any]:
    return {
        "server": case.server,
        "call": case.call.name,
        "bytes": case.size,
        "connections": connections,
        "rounds": [asdict(load) for load in own],
        "ratios": ratios([load.rate for load in own], [load.rate for load in limit]),
        "p50_ratios": ratios([load.p50_ms for load in own], [load.p50_ms for load in limit]),
        "p99_ratios": ratios([load.p99_ms for load in own], [load.p99_ms for load in limit]),
        "errors": sum(load.errors for load in own),
    }


def quick(options: Options) -> Options:
    """Options that only try whether everything runs."""
    return replace(options, rounds=1, seconds=1, warm_up=1)
