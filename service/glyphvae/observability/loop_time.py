"""The processor time that iterations of the event loop take, which everybody else waits for.

No loop says when an iteration ends. A timer looks at the processor time of the loop's thread instead: timers run once
in an iteration, so no iteration lies on both sides of a look, and none takes more than what the thread spent between
two of them. That is at most `INTERVAL` more than the longest iteration took, or `QUIET_INTERVAL` where the loop had
nothing to do before. Unlike the time on a clock it does not depend on what else the machine does.
"""

import asyncio
from time import thread_time

from glyphvae.observability.telemetry import Histogram

# Seconds between two looks. Each wakes an idle process, which costs it 85 µs.
INTERVAL = 0.02
# Where the loop spent less than this many seconds since the last look, the next one can wait longer.
QUIET, QUIET_INTERVAL = 0.001, 0.06


class LoopTime:
    """Looks at the processor time of the running event loop.

    Args:
        histogram: Where the seconds between two looks are counted.
    """

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._loop = asyncio.get_running_loop()
        self._spent = thread_time()
        self._next = self._loop.call_later(INTERVAL, self._look)

    def _look(self) -> None:
        before, self._spent = self._spent, thread_time()
        spent = self._spent - before
        self._histogram.observe(spent)
        self._next = self._loop.call_later(QUIET_INTERVAL if spent < QUIET else INTERVAL, self._look)

    def stop(self) -> None:
        """Look no more."""
        self._next.cancel()
