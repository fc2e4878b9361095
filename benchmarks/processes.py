"""Processor cores, and the memory and processor time of process trees as Linux counts them in /proc."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PROC = Path("/proc")


class BenchmarkError(Exception):
    """A missing prerequisite of a benchmark; the message names it."""


def two_cores() -> tuple[int, int]:
    """Return the core that servers run on and the core that drives the load.

    Raises:
        BenchmarkError: This process may use one core only.
    """
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise BenchmarkError("two processor cores are needed, one for the server and one for the load; there is one")
    return allowed[0], allowed[1]


@contextmanager
def on_cores(*cores: int) -> Iterator[None]:
    """Pin this thread, and every process it starts meanwhile, to `cores`."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def tree(root: int) -> list[int]:
    """Return the process ids of `root` and all its descendants."""
    parents = {int(path.name): parent for path in PROC.glob("[0-9]*") if (parent := _parent(path)) is not None}
    found = [root]
    for process in found:  # grows while it is read
        found += [child for child, parent in parents.items() if parent == process]
    return found


def _parent(process: Path) -> int | None:
    with suppress(OSError):  # the process may have ended
        # The name, in brackets, may hold spaces and brackets itself.
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    return None


def resident_bytes(processes: Sequence[int]) -> int:
    """Add up the resident memory (RSS) of `processes`; pages that several share count in each."""
    return sum(_status(process, "VmRSS") for process in processes)


def peak_bytes(processes: Sequence[int]) -> int:
    """Add up the largest resident memory of each process since `forget_peak`."""
    return sum(_status(process, "VmHWM") for process in processes)


def forget_peak(processes: Sequence[int]) -> None:
    """Reset the peaks that `peak_bytes` reads to the resident memory of this moment."""
    for process in processes:
        (PROC / str(process) / "clear_refs").write_text("5")


def _status(process: int, field: str) -> int:
    with suppress(OSError):
        lines = (PROC / str(process) / "status").read_text().splitlines()
        return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)
    return 0


def entries(processes: Sequence[int], folder: str) -> int:
    """Count the entries of a folder of each process in /proc: `fd` for descriptors, `task` for threads."""
    return sum(len(list((PROC / str(process) / folder).iterdir())) for process in processes)


def cpu_seconds(processes: Sequence[int]) -> float:
    """Add up the processor time that all threads of `processes` have used."""
    files = [file for process in processes for file in (PROC / str(process)).glob("task/*/schedstat")]
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9  # nanoseconds on a core


def send_all(processes: Sequence[int], signal: int) -> None:
    """Send a signal to each process that is still alive."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal)
