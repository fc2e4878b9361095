"""Time, processor time and memory of a data set from the command and from the service, in every format."""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks import processes
from benchmarks.processes import BenchmarkError
from benchmarks.server import Server, Subject, console
from glyphvae.client import Client

FORMATS = ("npz", "idx", "webdataset", "parquet")


def measure(
    subject: Subject, count: int = 1_000_000, beside: int = 10_000, formats: Sequence[str] = FORMATS
) -> list[dict[str, Any]]:
    """Measure data sets by `glyphvae dataset` and by the service; some minutes, and up to 3 GB of disk.

    Args:
        subject: The service.
        count: Glyphs in each data set.
        beside: Glyphs in small ones, which show whether memory grows.
        formats: The formats, with commas between.
    """
    rows = []
    for size in (beside, count):
        with tempfile.TemporaryDirectory() as folder:
            rows += [_row("command", name, size, command(subject, name, size, Path(folder))) for name in formats]
        with Server(subject.service(), sorted(os.sched_getaffinity(0))) as server:
            rows += [_row("service", name, size, over_http(server, name, size)) for name in formats]
    return rows


def _row(origin: str, name: str, count: int, cost: dict[str, Any]) -> dict[str, Any]:
    rates = {f"glyphs_per_{unit}second": count / cost[f"{unit}seconds"] for unit in ("", "cpu_")}
    console.print(f"{origin}, {name}, {count} glyphs: {cost['seconds']:.1f} s, {cost['peak_bytes'] / 1e6:.0f} MB")
    return {"from": origin, "format": name, "count": count, **rates, **cost}


def command(subject: Subject, name: str, count: int, folder: Path) -> dict[str, Any]:
    """Run `glyphvae dataset` in a process of its own and return its cost."""
    file = folder / "glyphs"
    arguments = ["-m", "glyphvae", "dataset", str(count), "-o", str(file), "--format", name, "--seed", "7"]
    begin = perf_counter()
    process = subprocess.Popen([subject.python, *arguments, "--models", subject.models], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchmarkError(f"`python {' '.join(arguments)}` exits with {process.returncode}")
    cost = {"seconds": perf_counter() - begin, "cpu_seconds": usage.ru_utime + usage.ru_stime}
    size = file.stat().st_size
    file.unlink()
    return {**cost, "peak_bytes": 1024 * usage.ru_maxrss, "bytes": size}


def over_http(server: Server, name: Any, count: int) -> dict[str, Any]:  # noqa: ANN401 (one of the client's formats)
    """Read `POST /dataset` from a running service, discard it and return its cost."""
    served = server.processes()
    processes.forget_peak(served)
    begin, cpu = perf_counter(), processes.cpu_seconds(served)
    with Client(f"http://127.0.0.1:{server.port}", timeout=600) as client:
        size = sum(len(piece) for piece in client.dataset(count, format=name, seed=7))
    cost = {"seconds": perf_counter() - begin, "cpu_seconds": processes.cpu_seconds(served) - cpu}
    return {**cost, "peak_bytes": processes.peak_bytes(served), "bytes": size}
