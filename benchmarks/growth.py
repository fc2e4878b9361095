"""Cost by requests in flight, glyphs, characters, server processes and models."""

import http.client
import json
import shutil
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import onnxruntime as ort

from benchmarks import processes, wrk
from benchmarks.calls import GENERATE, TEXT, Call, exchange, samples, text
from benchmarks.footprint import SETTLING, idle
from benchmarks.http import Case, measure_cases
from benchmarks.peers import BARE, EMPTY, peers
from benchmarks.processes import on_cores, two_cores
from benchmarks.rounds import ratios
from benchmarks.server import DEFAULT_MODEL, Server, Subject, console, staged
from glyphvae_training.export.exported import session
from glyphvae_training.measures.timing import seconds_per_call

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
SAMPLES = (1, 10, 100, 1000, 10_000, 100_000)
CHARACTERS = (1, 10, 100, 1000, 10_000)
WORKERS = (1, 2)
MODELS = (1, 2, 5, 10)
# Glyphs at which the service is compared with ONNX Runtime alone, and the batches that are tried there.
MANY = 10_000
ALONE_BATCHES = (64, 128, 256, 1024)


def measure(subject: Subject, rounds: int = 2, seconds: int = 1) -> dict[str, Any]:
    """Measure cost by requests in flight, glyphs, characters, server processes and models.

    Args:
        subject: The service.
        rounds: Turns at each number of connections.
        seconds: Duration of a turn, and about that of one size of response.
    """
    wrk.executable()
    return {
        "connections": connections(subject, rounds, seconds),
        **sizes(subject, seconds),
        "workers": [workers(subject, count, seconds) for count in WORKERS],
        "models": [models(subject, count, seconds) for count in MODELS],
    }


def connections(subject: Subject, rounds: int, seconds: int) -> list[dict[str, Any]]:
    """Measure the service, the empty FastAPI route and the bare limit at 1 to 512 requests in flight."""
    programs = [subject.service(), *peers(subject, [EMPTY.name])]
    with staged([BARE, *programs]) as stage:
        size = len(stage[programs[0].name].first_answer.content)
        cases = [Case(program.name, program.call, size) for program in programs]
        return measure_cases(stage, cases, rounds, seconds, CONNECTIONS)


def sizes(subject: Subject, seconds: float) -> dict[str, Any]:
    """Measure seconds and memory by the number of glyphs and of characters, one request at a time."""
    program = subject.service("--max-samples", str(max(SAMPLES)))
    with staged([program]) as stage:
        with stage.turn(program.name) as server:
            by_samples = [{"n": n, **_one_by_one(server, samples(n), seconds)} for n in SAMPLES]
            console.print("measured glyphs")
            # Wrapped, or ten thousand characters would be one line half a million pixels long.
            calls = [(n, text((TEXT * n)[:n], width=1000)) for n in CHARACTERS]
            by_characters = [{"characters": n, **_one_by_one(server, call, seconds)} for n, call in calls]
            console.print("measured characters")
        beside = alone(stage[program.name], subject, seconds)
    return {"samples": by_samples, "characters": by_characters, "alone": beside}


def _one_by_one(server: Server, call: Call, seconds: float) -> dict[str, Any]:
    """Send requests on one connection until the time is up, at least three."""
    family = server.processes()
    taken: list[float] = []
    size = 0
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    with on_cores(two_cores()[1]):
        exchange(connection, call)
        processes.forget_peak(family)
        while len(taken) < 3 or sum(taken) < seconds:
            answer = exchange(connection, call)
            if answer.status != 200:
                raise ValueError(f"{call.name}: {answer.status} {answer.content[:500]!r}")
            size = len(answer.content)
            taken.append(answer.seconds)
    connection.close()
    facts = {"bytes": size, "requests": len(taken), "peak_bytes": processes.peak_bytes(family)}
    return {**facts, "median_seconds": float(np.median(taken)), "fastest_seconds": min(taken)}


def alone(server: Server, subject: Subject, seconds: float) -> dict[str, Any]:
    """Measure glyphs a second over HTTP at n=10,000 and of ONNX Runtime alone on the server's core, in turns.

    Args:
        server: Of the service, paused.
        subject: The service.
        seconds: Half of the duration.
    """
    core, load_core = two_cores()
    decoder = session(subject.served.read_bytes())
    call = samples(MANY)
    rates: dict[str, list[float]] = {"http": [], "onnxruntime": []}
    with on_cores(core):
        batch = min(ALONE_BATCHES, key=lambda size: _seconds_alone(decoder, size))
    began = perf_counter()
    while len(rates["http"]) < 5 or perf_counter() - began < 2 * seconds:
        server.resume()
        with on_cores(load_core):
            # A connection of its own each time: the server closes those that were idle while it was paused.
            server.ask(call)
            rates["http"].append(MANY / server.ask(call).seconds)
        server.pause()
        with on_cores(core):
            rates["onnxruntime"].append(MANY / _seconds_alone(decoder, batch))
    return {"n": MANY, "batch": batch, "rates": rates, "ratios": ratios(rates["http"], rates["onnxruntime"])}


def _seconds_alone(decoder: ort.InferenceSession, batch: int) -> float:
    """Return the seconds for `MANY` glyphs, decoded `batch` at a time."""
    z = np.random.default_rng(0).standard_normal((batch, decoder.get_inputs()[0].shape[1]), dtype=np.float32)
    feed = {"z": z, "label": np.full(batch, 19)}
    return seconds_per_call(lambda: decoder.run(["pixels"], feed), -(-MANY // batch)) * MANY / batch


def workers(subject: Subject, count: int, seconds: int) -> dict[str, Any]:
    """Measure requests a second of server processes on as many cores; with two, the load shares one of them."""
    core, load_core = two_cores()
    program = subject.service("--workers", str(count), name=f"{count} workers")
    with Server(program, [core, load_core][:count]) as server:
        wrk.load(server.port, GENERATE, 64, 1, load_core)
        load = wrk.load(server.port, GENERATE, 64, seconds, load_core)
        resident = processes.resident_bytes(server.processes())
    figures = {"rate": load.rate, "p99_ms": load.p99_ms, "errors": load.errors, "resident_bytes": resident}
    return {"workers": count, **figures}


def models(subject: Subject, count: int, seconds: int) -> dict[str, Any]:
    """Measure start, memory and requests a second with `count` models loaded; requests go to the first."""
    with tempfile.TemporaryDirectory(prefix="glyphvae-bench-") as folder:
        name = copy_models(subject, Path(folder), count)
        copies = Subject(Path(folder), subject.python)
        with Server(copies.service("--default-model", name, name=f"{count} models"), two_cores()[:1]) as server:
            wrk.load(server.port, GENERATE, 32, 1, two_cores()[1])
            load = wrk.load(server.port, GENERATE, 32, seconds, two_cores()[1])
            rest = idle(server, SETTLING)
            return {"models": count, "start_seconds": server.start_seconds, "rate": load.rate, **rest}


def copy_models(source: Subject, target: Path, count: int) -> str:
    """Copy the default model under `count` names of its own; return the first."""
    manifest = source.manifest(DEFAULT_MODEL)
    parts = {part: facts for part, facts in manifest.items() if isinstance(facts, dict) and "file" in facts}
    for number in range(count):
        name = f"copy-{number}"
        facts = {**manifest, "name": name}
        for part, entry in parts.items():
            file = f"{name}-{part}/1/model.onnx"
            (target / file).parent.mkdir(parents=True)
            shutil.copyfile(source.models / entry["file"], target / file)
            facts[part] = {**entry, "entry": f"{name}-{part}", "file": file}
        (target / f"{name}.json").write_text(json.dumps(facts), encoding="utf-8")
    return "copy-0"
