"""Pauses of the measurement of coverage, which more than doubles the time that Python takes."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def untraced() -> Iterator[None]:
    """Measure neither this thread nor threads and processes that are started meanwhile.

    For work whose lines are covered by others, and for libraries. Threads that work for later tests as well should not
    be started meanwhile: they stay unmeasured.
    """
    own, of_threads = sys.gettrace(), threading.gettrace()
    processes = os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        threading.settrace(of_threads)
        sys.settrace(own)
        if processes is not None:
            os.environ["COVERAGE_PROCESS_CONFIG"] = processes
