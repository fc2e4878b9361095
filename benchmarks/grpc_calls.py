"""A glyph by gRPC beside an empty method of `grpc.aio`, by the same client in turns."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.processes import BenchmarkError, cpu_seconds, on_cores, two_cores
from benchmarks.rounds import ratios
from benchmarks.server import ROOT, Server, Subject, console
from benchmarks.servers.empty_grpc import METHOD
from glyphvae.kserve.messages import SERVICE, request_of

INFER = f"/{SERVICE}/ModelInfer"
LABEL = 19


def glyph(subject: Subject, model: str) -> bytes:
    """Return the request for one glyph from a decoder, as 8-bit pixels."""
    asked = request_of("ModelInfer")(model_name=f"{model}-decoder")
    latents = int(subject.manifest(model)["latent_size"])
    asked.inputs.add(name="z", datatype="FP32", shape=(1, latents))
    asked.inputs.add(name="label", datatype="INT64", shape=(1, 1))
    asked.outputs.add(name="pixels")
    asked.raw_input_contents.extend([np.zeros(latents, "<f4").tobytes(), np.array([LABEL], "<i8").tobytes()])
    content: bytes = asked.SerializeToString()
    return content


def measure(
    subject: Subject, rounds: int = 8, calls: int = 1000, concurrent: int = 8, model: str = "cvae"
) -> dict[str, Any]:
    """Measure a glyph by gRPC beside an empty method.

    Args:
        subject: The service that is measured.
        rounds: Turns of each.
        calls: Calls of a turn.
        concurrent: Calls at a time.
        model: Model that draws the glyph.

    Raises:
        BenchmarkError: A server does not start.
    """
    port = _free_port()
    core, other = two_cores()
    service = subject.service("--grpc-port", str(port), "--preload", model)
    with Server(service, [core]) as server, _empty([core]) as (empty, empty_port), on_cores(other):
        targets = {
            "glyph": (port, INFER, glyph(subject, model), server.processes()),
            "empty": (empty_port, METHOD, b"", [empty]),
        }
        return asyncio.run(_alternate(targets, rounds, calls, concurrent))


async def _alternate(
    targets: dict[str, tuple[int, str, bytes, list[int]]], rounds: int, calls: int, concurrent: int
) -> dict[str, Any]:
    import grpc  # noqa: PLC0415 (needed by this part alone)

    microseconds: dict[str, list[float]] = {name: [] for name in targets}
    processor: dict[str, list[float]] = {name: [] for name in targets}
    channels = {name: grpc.aio.insecure_channel(f"127.0.0.1:{port}") for name, (port, *_) in targets.items()}
    for turn in range(rounds + 1):
        for name, (_, method, content, processes) in targets.items():
            before, began = cpu_seconds(processes), perf_counter()
            await _call(channels[name].unary_unary(method), content, calls, concurrent)
            if turn:  # the first warms both up
                microseconds[name].append((perf_counter() - began) / calls * 1e6)
                processor[name].append((cpu_seconds(processes) - before) / calls * 1e6)
    for channel in channels.values():
        await channel.close()
    best = min(microseconds["empty"]) / min(microseconds["glyph"])
    console.print(
        f"glyph {min(microseconds['glyph']):.0f} µs, empty {min(microseconds['empty']):.0f} µs, ratio {best:.2f}; "
        f"server's processor {min(processor['glyph']):.0f} and {min(processor['empty']):.0f} µs"
    )
    return {
        "microseconds": microseconds,
        "processor": processor,
        "ratios": ratios(microseconds["empty"], microseconds["glyph"]),
        "ratio": best,
        "processor_ratio": min(processor["empty"]) / min(processor["glyph"]),
    }


async def _call(method: Any, content: bytes, calls: int, concurrent: int) -> None:  # noqa: ANN401 (grpc is not typed)
    async def some() -> None:
        for _ in range(calls // concurrent):
            await method(content)

    await asyncio.gather(*(some() for _ in range(concurrent)))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _empty(cores: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the process and the port of a server with an empty method."""
    command = [sys.executable, "-m", "benchmarks.servers.empty_grpc"]
    with on_cores(*cores):
        # In a session of its own as the service is: Linux shares a busy machine out by sessions.
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True)
    assert process.stdout is not None  # noqa: S101 (narrows what `Popen` leaves open)
    try:
        line = process.stdout.readline()
        if not line:
            raise BenchmarkError("the server with the empty method did not start")
        yield process.pid, int(line)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
