"""Ratios between two servers of the service, measured in alternating rounds of one run on the same cores.

All servers run at the same time, and all but the one under load are paused. A ratio pairs the two turns of one round;
its interval is the 95 % bootstrap interval of the median over rounds.
"""

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import wrk
from benchmarks.calls import GENERATE, TEXT, Call, samples, service_calls
from benchmarks.footprint import at_rest
from benchmarks.http import Turn, in_turns
from benchmarks.peers import uvicorn
from benchmarks.processes import BenchmarkError, two_cores
from benchmarks.results import git
from benchmarks.rounds import interval, ratios, rotated
from benchmarks.server import ROOT, Program, Server, Subject, staged
from benchmarks.wrk import Load

# Seconds between the end of the load and the pause: the service has no batch that outlasts it.
FINISHING = 0.1
VERSIONS = ("new", "parent")


class Row(NamedTuple):
    """Turns of two checkouts, and the figures that are read from them.

    Attributes:
        call: The name of the request.
        way: `serve` or `uvicorn`.
        connections: Requests in flight.
        figures: Fields of `wrk.Load`.
    """

    call: str
    way: str = "serve"
    connections: int = 32
    figures: tuple[str, ...] = ("rate",)


ROWS = (
    Row("generate", figures=("rate", "p99_ms")),
    Row("generate", connections=1, figures=("p50_ms",)),
    *map(Row, ("generate, seed", "generate, z", "encode", "encode, label", "reconstruct", "reconstruct, label")),
    Row(f"render-text, {len(TEXT)} characters"),
    Row(samples(10_000).name, connections=1, figures=("p50_ms",)),
    Row("generate", "uvicorn"),
    Row("encode, label", "uvicorn"),
)
# Rows of a server without requests, by their key in the footprint.
AT_REST = {"start_seconds": "start", "resident_bytes": "memory at rest", "idle_core_share": "processor time at rest"}


def checkouts(parent: Path, rounds: int = 20, seconds: int = 2, starts: int = 5, rows: str = "") -> dict[str, Any]:
    """Measure the speed of this checkout by that of another one.

    Only the command lines and HTTP of either checkout are used, so any two commits compare. A ratio is above 1 where
    this checkout is faster or needs less: rates are divided by the other's, times and memory divide the other's.

    Args:
        parent: The other checkout; both need `.venv-serve-cpu`.
        rounds: Turns of each checkout under load.
        seconds: Duration of a turn.
        starts: Rounds of the start, and of memory and processor time at rest.
        rows: Requests under load, with semicolons between; all without it.
    """
    wrk.executable()
    roots = dict(zip(VERSIONS, (ROOT, parent.resolve()), strict=True))
    names = {name.strip() for name in rows.split(";")}
    chosen = [row for row in ROWS if not rows or row.call in names]
    figures = [*_at_rest(roots, starts), *_under_load(roots, chosen, rounds, seconds)]
    return {"parent": git("rev-parse", "HEAD", root=parent), "rows": figures}


def program(version: str, way: str, root: Path) -> Program:
    """Return a server of a checkout, with its own models, in its own environment.

    Raises:
        BenchmarkError: The environment is missing.
    """
    python = root / ".venv-serve-cpu" / "bin" / "python"
    if not python.exists():
        raise BenchmarkError(f"{root} has no environment: `make .venv-serve-cpu/.done` there")
    is_new = (root / "service" / "glyphvae").is_dir()  # since 0.2.0
    package = "glyphvae" if is_new else "service"
    command = uvicorn(*(["glyphvae:app"] if is_new else ["service.app:create", "--factory"]), python=str(python))
    if way == "serve":
        command = (str(python), "-m", package, "serve", "--port", "{port}")
    settings = {"GLYPHVAE_DEVICE": "cpu", "GLYPHVAE_LOG_LEVEL": "error"}
    return Program(f"{version}, {way}", command, GENERATE, settings, root=root)


def _at_rest(roots: dict[str, Path], starts: int) -> list[dict[str, Any]]:
    taken: dict[str, list[dict[str, Any]]] = {version: [] for version in VERSIONS}
    for number in range(starts):
        for version in rotated(VERSIONS, number):
            figures = at_rest(program(version, "serve", roots[version]), 3)
            taken[version].append({**figures, "start_seconds": figures["start_seconds"][0]})
    both = [taken[version] for version in VERSIONS if starts]
    return [_row(name, key, *([one[key] for one in own] for own in both)) for key, name in AT_REST.items() if both]


def _under_load(roots: dict[str, Path], rows: Sequence[Row], rounds: int, seconds: int) -> list[dict[str, Any]]:
    ways = dict.fromkeys(row.way for row in rows)
    with staged([program(version, way, roots[version]) for way in ways for version in VERSIONS], FINISHING) as stage:
        glyph = next(iter(stage.values())).first_answer.content
        calls = {call.name: call for call in [*service_calls(glyph), samples(10_000)]}
        groups = [
            {(row, version): Turn(f"{version}, {row.way}", calls[row.call], row.connections) for version in VERSIONS}
            for row in rows
        ]
        return rows_of(in_turns(stage, groups, rounds, seconds), rows)


def rows_of(loads: Mapping[tuple[Row, str], Sequence[Load]], rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the figures of each row from the loads of both versions."""
    figures = []
    for row in rows:
        both = [loads[row, version] for version in VERSIONS]
        errors = sum(load.errors for one in both for load in one)
        for figure in row.figures:
            name = ", ".join([row.call, f"{row.connections} in flight", row.way, figure.removesuffix("_ms")])
            values = ([getattr(load, figure) for load in one] for one in both)
            figures.append({**_row(name, figure, *values), "errors": errors})
    return figures


def _row(name: str, figure: str, new: list[float], parent: list[float]) -> dict[str, Any]:
    faster = ratios(new, parent) if figure == "rate" else ratios(parent, new)
    return {"row": name, "figure": figure, "new": new, "parent": parent, **_ratios(faster)}


def _ratios(values: list[float]) -> dict[str, Any]:
    middle = interval(values)
    return {"ratios": values, "median": middle.median, "low": middle.low, "high": middle.high}


ORIGIN = "https://example.org"
SAMPLING = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"}
# It runs on the core of the load, and tells the number of exports it was sent.
RECEIVER = Program(
    "trace receiver", (sys.executable, "-m", "benchmarks.servers.otlp", "{port}"), Call("traces", "/v1/traces")
)
EXPORTS = Call("exports", "/", method="GET")
# What the service is guarded with, and the ratio to reach.
GUARDS = {"nothing": None, "keys": 0.9, "CORS": 0.9, "traces": 0.8, "keys, CORS and traces": None}


def guarded(subject: Subject, rounds: int = 10, seconds: int = 2) -> list[dict[str, Any]]:
    """Measure requests a second with keys, with CORS and with traces by those without.

    Traces are sampled at 10 % and sent to a receiver. The service needs the extra `traces`, which the development
    environment has.

    Args:
        subject: The service.
        rounds: Turns of each.
        seconds: Duration of a turn.

    Raises:
        BenchmarkError: A server refuses its requests, or no trace has reached the receiver.
    """
    wrk.executable()
    with tempfile.TemporaryDirectory() as folder, Server(RECEIVER, two_cores()[1:2]) as receiver:
        programs = guarded_programs(subject, Path(folder, "keys"), f"http://127.0.0.1:{receiver.port}/v1/traces")
        with staged(programs, FINISHING) as stage:
            calls = service_calls(stage["nothing"].first_answer.content)
            groups = [_group(call, programs) for call in calls if call.name in {"generate", "encode, label"}]
            loads = in_turns(stage, groups, rounds, seconds)
        # Each server has sent the rest of its traces by now.
        if not int(receiver.ask(EXPORTS).content):
            raise BenchmarkError("no trace has reached the receiver")
    return guarded_rows(loads)


def _group(call: Call, programs: Sequence[Program]) -> dict[tuple[str, str], Turn]:
    calls = {one.name: replace(call, headers=call.headers | one.call.headers) for one in programs}
    return {(call.name, name): Turn(name, sent, 32) for name, sent in calls.items()}


def guarded_rows(loads: Mapping[tuple[str, str], Sequence[Load]]) -> list[dict[str, Any]]:
    """Return the figures of each request and guard by those of the request without."""
    rates = {key: [load.rate for load in one] for key, one in loads.items()}
    figures = []
    for (call, guard), own in rates.items():
        facts = {"call": call, "guard": guard, "goal": GUARDS[guard], "rates": own}
        errors = sum(load.errors for load in loads[call, guard])
        figures.append({**facts, **_ratios(ratios(own, rates[call, "nothing"])), "errors": errors})
    return figures


def guarded_programs(subject: Subject, keys: Path, endpoint: str) -> list[Program]:
    """Return the service with each of `GUARDS`, and the headers of its requests in its call."""
    make_key = [subject.python, "-m", "glyphvae", "keys", "benchmark", "--file", str(keys)]
    token = subprocess.run(make_key, capture_output=True, text=True, check=True).stdout.strip()
    flags = {"keys": f"--keys={keys}", "CORS": f"--cors-origins={ORIGIN}", "traces": f"--trace-endpoint={endpoint}"}
    headers = {"keys": {"Authorization": f"Bearer {token}"}, "CORS": {"Origin": ORIGIN}}
    programs = []
    for name in GUARDS:
        chosen = [guard for guard in flags if guard in name]
        own = subject.service(*(flags[guard] for guard in chosen), name=name)
        sent = {key: value for guard in chosen for key, value in headers.get(guard, {}).items()}
        environment = SAMPLING if "traces" in chosen else {}
        programs.append(replace(own, call=replace(own.call, headers=sent), environment=environment))
    return programs
