"""Closed-loop load by wrk: its script, its run, and what it printed."""

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.call import Call
from benchmarks.cores import BenchmarkError, on_cores

# Before the line with the figures, in wrk's output.
MARK = "figures: "

# Latency in wrk is in microseconds; `status` counts answers of 400 and above.
DONE = """\
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '%s{"requests": %%d, "microseconds": %%d, "bytes": %%d, "failed": %%d, "broken": %%d, '
    .. '"p50": %%.0f, "p90": %%.0f, "p99": %%.0f, "max": %%.0f}\\n',
    summary.requests, summary.duration, summary.bytes, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max))
end
"""


@dataclass(frozen=True)
class Load:
    """What one turn of load measured.

    Attributes:
        requests: Answered.
        rate: Of them in a second.
        p50_ms: Median latency in milliseconds; `p90_ms`, `p99_ms` and `max_ms` likewise.
        failed: Answers of status 400 and above.
        broken: Connections refused, broken off, or without an answer in time.
    """

    requests: int
    rate: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    failed: int
    broken: int

    @property
    def errors(self) -> int:
        """Failed and broken together."""
        return self.failed + self.broken


def script(call: Call) -> str:
    """The Lua script that has wrk send `call`."""
    lines = [f"wrk.method = {_lua(call.method.encode())}"]
    lines += [f"wrk.headers[{_lua(name.encode())}] = {_lua(value.encode())}" for name, value in call.headers.items()]
    if call.body:
        lines.append(f"wrk.body = {_lua(call.body)}")
    if call.tail is None:
        # Without a function, wrk sends one request that it has built once.
        lines.append(f"wrk.path = {_lua(call.path.encode())}")
    else:
        lines += [
            "local counter = 0",
            f"local path = {_lua(call.path.encode())}",
            "request = function()",
            "  counter = counter + 1",
            f"  return wrk.format(nil, path .. {call.tail.lua})",
            "end",
        ]
    return "\n".join([*lines, DONE % MARK])


def _lua(value: bytes) -> str:
    """Bytes as a string literal of Lua."""
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:03d}" for b in value) + '"'


def parse(output: str) -> Load:
    """The figures in wrk's output.

    Raises:
        BenchmarkError: There are none.
    """
    marked = [line for line in output.splitlines() if line.startswith(MARK)]
    if not marked:
        raise BenchmarkError(f"wrk printed no figures:\n{output[-1000:]}")
    figures = json.loads(marked[-1].removeprefix(MARK))
    return Load(
        requests=figures["requests"],
        rate=figures["requests"] / (figures["microseconds"] / 1e6),
        p50_ms=figures["p50"] / 1000,
        p90_ms=figures["p90"] / 1000,
        p99_ms=figures["p99"] / 1000,
        max_ms=figures["max"] / 1000,
        failed=figures["failed"],
        broken=figures["broken"],
    )


def executable() -> str:
    """The path of wrk.

    Raises:
        BenchmarkError: It is not installed.
    """
    path = shutil.which("wrk")
    if path is None:
        raise BenchmarkError("wrk is not installed; it drives the load (Debian and Ubuntu: apt-get install wrk)")
    return path


def load(port: int, call: Call, connections: int, seconds: int, *cores: int) -> Load:
    """Keep `connections` requests in flight against 127.0.0.1 for some seconds, from a thread on each of `cores`."""
    with tempfile.TemporaryDirectory(prefix="glyphvae-bench-") as folder:
        path = Path(folder, "script.lua")
        path.write_text(script(call), encoding="ascii")
        command = [
            executable(),
            f"-t{len(cores)}",
            f"-c{connections}",
            f"-d{seconds}s",
            "--timeout",
            "30s",
            "-s",
            str(path),
        ]
        with on_cores(*cores):
            result = subprocess.run([*command, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=False)
    if result.returncode:
        raise BenchmarkError(f"wrk failed: {result.stderr or result.stdout}")
    return parse(result.stdout)
