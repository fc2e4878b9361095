"""What the service counts about itself: plain numbers in this process, cheap enough for the hottest path.

Whoever publishes them (Prometheus, a log) reads them from here.
"""

from bisect import bisect_left
from collections import defaultdict

# Seconds. Half a millisecond is a glyph from an idle service, five seconds the default deadline.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
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


class Telemetry:
    """The counts of one process.

    Attributes:
        requests: Answers by route and status; routes are path templates, `other` for unknown paths.
        latency: Seconds from a request's head to the end of its answer, by route.
        refused: Requests refused without work, by reason: `busy`, `deadline`, `gone`, `key`, `rate`.
        queued: Rows that wait for a model now, by model.
        waits: Seconds a call waited for its batch, by model.
        batches: Rows in a batch, by model.
        runs: Seconds a batch ran, by model.
    """

    def __init__(self) -> None:
        self.requests: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.latency: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(SECONDS))
        self.refused: defaultdict[str, int] = defaultdict(int)
        self.queued: defaultdict[str, int] = defaultdict(int)
        self.waits: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(SECONDS))
        self.batches: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(ROWS))
        self.runs: defaultdict[str, Histogram] = defaultdict(lambda: Histogram(SECONDS))

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self.requests[route, status] += 1
        self.latency[route].observe(seconds)

    def ran(self, model: str, rows: int, seconds: float) -> None:
        """Count a batch that a model ran."""
        self.batches[model].observe(rows)
        self.runs[model].observe(seconds)
