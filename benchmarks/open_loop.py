"""Latency at a given share of a server's capacity, requests arriving at random."""

from typing import Any

import numpy as np
import uvloop

from benchmarks import wrk
from benchmarks.arrivals import Arrivals, drive, poisson
from benchmarks.call import Call
from benchmarks.cores import on_cores, two_cores
from benchmarks.programs import frameworks, glyphvae, references
from benchmarks.stage import Stage, Subject, console, staged

SHARES = (0.3, 0.6, 0.9)
PERCENTILES = (50, 90, 99, 99.9)
# In flight while capacity is measured.
BUSY = 32


def measure(subject: Subject, seconds: int, rounds: int = 2) -> list[dict[str, Any]]:
    """The service, what people write, and a framework, each at 30, 60 and 90 % of its own capacity.

    Args:
        subject: What is measured.
        seconds: Of arrivals at each share, in each round.
        rounds: How often each has its turn.
    """
    wrk.executable()
    compared = [*references(subject.decoder, subject.served), frameworks(subject.served)[1]]
    programs = [glyphvae(subject.models, python=subject.python), *(one for one in compared if "torch" not in one.name)]
    calls = {program.name: program.call for program in programs}
    rng = np.random.default_rng(0)
    figures: dict[str, dict[str, Any]] = {}
    with staged(programs) as stage:
        for number in range(rounds):
            for name, call in calls.items():
                capacity = _capacity(stage, name, call, seconds=2)
                figure = figures.setdefault(name, {"server": name, "call": call.name, "capacity": [], "shares": []})
                figure["capacity"].append(capacity)
                for share in SHARES:
                    due = poisson(share * capacity, seconds, rng)
                    with stage.turn(name) as server, on_cores(two_cores()[1]):
                        arrivals = uvloop.run(drive(server.port, call.raw(), due))
                    figure["shares"].append({"share": share, "round": number, **summary(arrivals)})
            console.print(f"round {number + 1} of {rounds}")
    return list(figures.values())


def _capacity(stage: Stage, name: str, call: Call, seconds: int) -> float:
    with stage.turn(name) as server:
        wrk.load(server.port, call, BUSY, 1, two_cores()[1])
        return wrk.load(server.port, call, BUSY, seconds, two_cores()[1]).rate


def summary(arrivals: Arrivals) -> dict[str, Any]:
    """Percentiles of latency in milliseconds, beside how late the driver itself was."""
    known = len(arrivals.latencies) > 0
    latencies = 1000 * arrivals.latencies if known else np.array([np.nan])
    return {
        "requests": len(arrivals.latencies),
        "errors": arrivals.errors,
        "rate": len(arrivals.latencies) / arrivals.seconds if known else 0.0,
        "lateness_p99_ms": float(1000 * np.percentile(arrivals.lateness, 99)) if len(arrivals.lateness) else None,
        "latency_ms": {
            f"p{percent:g}": float(np.percentile(latencies, percent)) if known else None for percent in PERCENTILES
        },
    }
