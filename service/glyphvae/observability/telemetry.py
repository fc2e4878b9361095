"""Counts of the service: plain numbers in this process, cheap enough for every request.

Whoever publishes them (Prometheus, a log) reads them from here.
"""

import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from glyphvae.observability.tracing import Tracing

# Seconds. Half a millisecond is a glyph from an idle service, five seconds the default deadline.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Seconds of the event loop: others may wait for a tenth.
ITERATIONS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)


class Histogram:
    """Counts of values by bucket.

    Args:
        bounds: The highest value of each bucket but the last, which has no bound; ascending.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def observe_all(self, values: Sequence[float]) -> None:
        """Count several values."""
        bounds, counts = self.bounds, self.counts
        for value in values:
            counts[bisect_left(bounds, value)] += 1
        self.total += sum(values)

    def state(self) -> list[float]:
        """Return the counts, and then the total."""
        return [*self.counts, self.total]

    def add(self, state: list[float]) -> None:
        """Add another histogram of the same bounds."""
        *counts, total = state
        self.counts = [mine + int(theirs) for mine, theirs in zip(self.counts, counts, strict=True)]
        self.total += total


class State(TypedDict):
    """All counts of a process, as JSON can carry them; see `Telemetry`."""

    requests: list[tuple[str, int, int]]
    latency: dict[str, list[float]]
    refused: dict[str, int]
    queued: dict[str, int]
    connections: int
    in_flight: int
    process: int
    prefetched: dict[str, int]
    waits: dict[str, list[float]]
    batches: dict[str, list[float]]
    runs: dict[str, list[float]]
    loop: list[float]
    dropped: int


class Telemetry:
    """The counts of one process.

    Attributes:
        requests: Answers by route and status; routes are path templates, `other` for unknown paths.
        latency: Seconds from a request's head to the end of its answer, by route.
        refused: Requests refused or given up, by reason: `busy`, `deadline`, `gone`, `key`, `rate`.
        queued: Returns the rows that wait for a model now, by model.
        connections: Returns the connections that are open now, and those of them whose requests are being answered.
        waits: Seconds a call waited for its batch, by model.
        batches: Rows in a batch, by model.
        runs: Seconds a batch ran, by model.
        loop: Processor seconds of the event loop between two looks, see `glyphvae.observability.loop_time`.
        prefetched: Returns the glyphs that are drawn ahead now, by model.
        dropped: Returns the lines of the log that this process dropped.
        dropped_elsewhere: Lines that the processes that were added dropped.
        tracing: Makes traces; None where they are off.
    """

    def __init__(self) -> None:
        self.requests: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.latency: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(SECONDS))
        self.refused: defaultdict[str, int] = defaultdict(int)
        self.queued: Callable[[], Mapping[str, int]] = dict
        self.connections: Callable[[], tuple[int, int]] = lambda: (0, 0)
        self.waits: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(SECONDS))
        self.batches: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(ROWS))
        self.runs: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(SECONDS))
        self.loop = Histogram(ITERATIONS)
        self.prefetched: Callable[[], Mapping[str, int]] = dict
        self.dropped: Callable[[], int] = int
        self.dropped_elsewhere = 0
        self.tracing: Tracing | None = None

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self.requests[route, status] += 1
        self.latency[route].observe(seconds)

    def ran(self, model: str, rows: int, seconds: float) -> None:
        """Count a batch that a model ran."""
        self.batches[model].observe(rows)
        self.runs[model].observe(seconds)

    def state(self) -> State:
        """Return a copy of all counts; safe to call from any thread."""
        connections, in_flight = self.connections()
        # `dict` copies in one step, so that no other thread adds a key meanwhile.
        return {
            "requests": [(route, status, count) for (route, status), count in dict(self.requests).items()],
            "latency": _states(self.latency),
            "refused": dict(self.refused),
            "queued": dict(self.queued()),
            "connections": connections,
            "in_flight": in_flight,
            "process": os.getpid(),
            "prefetched": dict(self.prefetched()),
            "waits": _states(self.waits),
            "batches": _states(self.batches),
            "runs": _states(self.runs),
            "loop": self.loop.state(),
            "dropped": self.dropped() + self.dropped_elsewhere,
        }

    def add(self, state: State) -> None:
        """Add what another process counted; levels, as `queued` is one, end with it."""
        for route, status, count in state["requests"]:
            self.requests[route, status] += count
        for reason, count in state["refused"].items():
            self.refused[reason] += count
        self.dropped_elsewhere += state["dropped"]
        self.loop.add(state["loop"])
        for mine, theirs in (
            (self.latency, state["latency"]),
            (self.waits, state["waits"]),
            (self.batches, state["batches"]),
            (self.runs, state["runs"]),
        ):
            for key, histogram in theirs.items():
                mine[key].add(histogram)


def _states(histograms: Mapping[str, Histogram]) -> dict[str, list[float]]:
    return {key: histogram.state() for key, histogram in dict(histograms).items()}
