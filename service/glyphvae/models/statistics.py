"""Counts of what a graph has computed, as the Open Inference Protocol reports them."""

from collections import defaultdict
from threading import Lock
from time import time
from typing import Literal

# Parts of a request for a graph; `success` and `fail` are the whole of it.
Phase = Literal["success", "fail", "queue", "compute_input", "compute_infer", "compute_output"]


class Duration:
    """Number and duration of what happened several times.

    Attributes:
        count: How often.
        nanoseconds: How long in all.
    """

    __slots__ = ("count", "nanoseconds")

    def __init__(self) -> None:
        self.count = 0
        self.nanoseconds = 0

    def add(self, seconds: float) -> None:
        """Count one more."""
        self.count += 1
        self.nanoseconds += int(seconds * 1e9)


class Statistics:
    """Counts of one graph since its model was loaded.

    Attributes:
        rows: Rows that it has computed, for whichever endpoint.
        batches: Its runs, by their rows.
        last: When the last of them ended, in milliseconds since 1970; 0 if there was none.
        phases: Parts of the requests for the graph by its own name.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.batches: defaultdict[int, Duration] = defaultdict(Duration)
        self.last = 0
        self.phases: defaultdict[Phase, Duration] = defaultdict(Duration)
        self._lock = Lock()

    def ran(self, rows: int, seconds: float) -> None:
        """Count a run; safe to call from any thread."""
        with self._lock:
            self.rows += rows
            self.batches[rows].add(seconds)
            self.last = int(time() * 1000)
