"""Closed-loop load by wrk."""

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

from benchmarks.calls import Call
from benchmarks.processes import BenchmarkError, on_cores

# In wrk's output, before the line with the fields of `Load`.
MARK = "figures: "

# Latency in wrk is in microseconds; `status` counts responses of 400 and above.
DONE = """\
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '%s{"requests": %%d, "rate": %%.5f, "failed": %%d, "broken": %%d, '
    .. '"p50_ms": %%.3f, "p90_ms": %%.3f, "p99_ms": %%.3f, "max_ms": %%.3f}\\n',
    summary.requests, summary.requests / summary.duration * 1e6, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(90) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
"""


@dataclass(frozen=True)
class Load:
    """Figures of one turn of load.

    Attributes:
        requests: Number of responses.
        rate: Responses a second.
        p50_ms: Median latency in milliseconds; `p90_ms`, `p99_ms` and `max_ms` likewise.
        failed: Responses of status 400 and above.
        broken: Connections refused, broken off, or without a response in time.
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
    """Return the Lua script that has wrk send `call`."""
    lines = [f"wrk.method = {_lua(call.method.encode())}"]
    lines += [f"wrk.headers[{_lua(name.encode())}] = {_lua(value.encode())}" for name, value in call.headers.items()]
    if call.body:
        lines.append(f"wrk.body = {_lua(call.body)}")
    # Without a function, wrk sends one request that it has built once.
    lines.append(f"wrk.path = {_lua(call.path.encode())}")
    if call.tail:
        lines += ["local counter, path = 0, wrk.path", "request = function()", "  counter = counter + 1"]
        lines += [f"  return wrk.format(nil, path .. {call.tail.lua})", "end"]
    return "\n".join([*lines, DONE % MARK])


def _lua(value: bytes) -> str:
    """Write bytes as a string literal of Lua."""
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:03d}" for b in value) + '"'


def parse(output: str) -> Load:
    """Read the figures in wrk's output.

    Raises:
        BenchmarkError: There are none.
    """
    marked = [line for line in output.splitlines() if line.startswith(MARK)]
    if not marked:
        raise BenchmarkError(f"wrk printed no figures:\n{output[-1000:]}")
    return Load(**json.loads(marked[-1].removeprefix(MARK)))


def executable() -> str:
    """Return the path of wrk.

    Raises:
        BenchmarkError: It is not installed.
    """
    if (path := shutil.which("wrk")) is None:
        raise BenchmarkError("wrk is not installed; it drives the load (Debian and Ubuntu: apt-get install wrk)")
    return path


def load(port: int, call: Call, connections: int, seconds: int, *cores: int) -> Load:
    """Keep `connections` requests in flight against 127.0.0.1 for some seconds, from a thread on each of `cores`."""
    with tempfile.NamedTemporaryFile("w", prefix="glyphvae-bench-", suffix=".lua", encoding="ascii") as file:
        file.write(script(call))
        file.flush()
        options = f"-t{len(cores)} -c{connections} -d{seconds}s --timeout 30s -s {file.name}"
        command = [executable(), *options.split(), f"http://127.0.0.1:{port}"]
        with on_cores(*cores):
            result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise BenchmarkError(f"wrk failed: {result.stderr or result.stdout}")
    return parse(result.stdout)
