"""A server's memory, descriptors and threads while it works."""

from time import perf_counter
from typing import NamedTuple

import numpy as np

from benchmarks.processes import PROC, resident_bytes
from benchmarks.server import Server


class Look(NamedTuple):
    """One look at a server.

    Attributes:
        seconds: Since the first one.
        resident_bytes: Of all its processes.
        descriptors: Open ones.
        threads: Running ones.
    """

    seconds: float
    resident_bytes: int
    descriptors: int
    threads: int


class Watch:
    """Looks at a server now and then.

    Args:
        server: The server.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._began = perf_counter()
        self.looks: list[Look] = []

    def look(self) -> Look:
        """Look now."""
        family = self._server.processes()
        descriptors = sum(len(list((PROC / str(one) / "fd").iterdir())) for one in family)
        threads = sum(len(list((PROC / str(one) / "task").iterdir())) for one in family)
        self.looks.append(Look(perf_counter() - self._began, resident_bytes(family), descriptors, threads))
        return self.looks[-1]

    def bytes_an_hour(self, after: float) -> float:
        """The slope of memory, by least squares, from the share `after` of all looks on."""
        looks = self.looks[int(after * len(self.looks)) :]
        return 3600 * float(np.polyfit([one.seconds for one in looks], [one.resident_bytes for one in looks], 1)[0])
