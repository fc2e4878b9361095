"""Which processor core does what: servers run on the first, load and measurement on the second."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


class BenchmarkError(Exception):
    """A benchmark cannot run; the message says what is missing."""


def two_cores() -> tuple[int, int]:
    """The core of the servers and that of the load.

    Raises:
        BenchmarkError: This process may use one core only.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise BenchmarkError("two processor cores are needed, one for the server and one for the load; there is one")
    return allowed[0], allowed[1]


@contextmanager
def on_cores(*cores: int) -> Iterator[None]:
    """Run this thread, and whatever it starts meanwhile, on some cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
