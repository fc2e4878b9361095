"""Memory and processor time of a process and its descendants, as Linux counts them in /proc."""

import os
from collections.abc import Sequence
from pathlib import Path

PROC = Path("/proc")


def tree(root: int) -> list[int]:
    """The process ids of `root` and all its descendants."""
    parents = {int(path.name): parent for path in PROC.glob("[0-9]*") if (parent := _parent(path)) is not None}
    found = [root]
    for process in found:  # grows while it is read
        found += [child for child, parent in parents.items() if parent == process]
    return found


def _parent(process: Path) -> int | None:
    try:
        # The name, in brackets, may hold spaces and brackets itself.
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None  # it has ended


def resident_bytes(processes: Sequence[int]) -> int:
    """Resident memory (RSS) of all of them; pages that several share count in each."""
    return sum(_status(process, "VmRSS") for process in processes)


def peak_bytes(processes: Sequence[int]) -> int:
    """The largest resident memory of each since `forget_peak`, added up."""
    return sum(_status(process, "VmHWM") for process in processes)


def forget_peak(processes: Sequence[int]) -> None:
    """Let `peak_bytes` begin at what is resident now."""
    for process in processes:
        (PROC / str(process) / "clear_refs").write_text("5")


def _status(process: int, field: str) -> int:
    try:
        lines = (PROC / str(process) / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), 0)


def cpu_seconds(processes: Sequence[int]) -> float:
    """Processor time that all threads of all of them have used."""
    total = 0
    for process in processes:
        for thread in (PROC / str(process)).glob("task/*/schedstat"):
            total += int(thread.read_text().split()[0])  # nanoseconds on a core
    return total / 1e9


def send_all(processes: Sequence[int], signal: int) -> None:
    """Send a signal to each that still lives."""
    for process in processes:
        try:
            os.kill(process, signal)
        except ProcessLookupError:
            continue
