"""What a data set costs: time, processor time and memory of the command and of the service, in every format.

`python -m benchmarks.dataset --count 1000000` takes some minutes and up to 3 GB of disk.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, get_args

import typer

from benchmarks import processes, results
from benchmarks.programs import ROOT, glyphvae
from benchmarks.server import Server
from glyphvae.client import Client
from glyphvae.datasets.formats import Name

COMMAND = (sys.executable, "-m", "glyphvae", "dataset")
KIBIBYTE = 1024


def command(name: Name, count: int, folder: Path, models: Path) -> dict[str, Any]:
    """`glyphvae dataset` in a process of its own."""
    file = folder / "glyphs"
    arguments = [*COMMAND, str(count), "-o", str(file), "--format", name, "--seed", "7", "--models", str(models)]
    begin = perf_counter()
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"`{' '.join(arguments)}` exits with {process.returncode}")
    figures = _figures(count, perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * KIBIBYTE)
    figures |= {"from": "command", "format": name, "bytes": file.stat().st_size}
    file.unlink()
    return figures


def over_http(server: Server, name: Name, count: int) -> dict[str, Any]:
    """`POST /dataset` to a running service, read by the client and thrown away."""
    served = server.processes()
    processes.forget_peak(served)
    begin, cpu = perf_counter(), processes.cpu_seconds(served)
    with Client(f"http://127.0.0.1:{server.port}", timeout=600) as client:
        size = sum(map(len, client.dataset(count, format=name, seed=7)))
    seconds = perf_counter() - begin
    figures = _figures(count, seconds, processes.cpu_seconds(served) - cpu, processes.peak_bytes(served))
    return figures | {"from": "service", "format": name, "bytes": size}


def _figures(count: int, seconds: float, cpu: float, peak: int) -> dict[str, Any]:
    return {
        "count": count,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "glyphs_per_second": count / seconds,
        "glyphs_per_cpu_second": count / cpu,
        "peak_bytes": peak,
    }


def measure(count: int, names: Sequence[Name], models: Path) -> list[dict[str, Any]]:
    """Formats from the command and from the service.

    Args:
        count: Glyphs.
        names: The formats.
        models: Folder of exported models.
    """
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        rows += [command(name, count, Path(folder), models) for name in names]
    with Server(glyphvae(models), sorted(os.sched_getaffinity(0))) as server:
        rows += [over_http(server, name, count) for name in names]
    return rows


def main(
    count: Annotated[int, typer.Option(help="Glyphs in each data set.")] = 1_000_000,
    beside: Annotated[int, typer.Option(help="Glyphs in small ones, to see whether memory grows.")] = 10_000,
    formats: Annotated[str, typer.Option(help="Which, with commas between.")] = ",".join(get_args(Name)),
    models: Annotated[Path, typer.Option(help="Folder of exported models.")] = ROOT / "exported",
    out: Annotated[Path, typer.Option(help="Where the figures go.")] = results.FOLDER,
) -> None:
    """Measure, and write dataset.json."""
    names: list[Any] = formats.split(",")
    rows = [row for size in (beside, count) for row in measure(size, names, models)]
    results.write(out, "dataset", {"count": count, "beside": beside}, rows)
    for row in rows:
        rate, peak = row["glyphs_per_second"], row["peak_bytes"] / 1e6
        sys.stdout.write(
            f"{row['from']} {row['format']} {row['count']}: {rate:,.0f} glyphs a second, {peak:.0f} MB at most\n"
        )


if __name__ == "__main__":
    typer.run(main)
