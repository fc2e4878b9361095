"""How cost grows: with requests in flight, glyphs, characters, workers and models."""

import http.client
import json
import shutil
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import onnxruntime as ort

from benchmarks import calls, processes, wrk
from benchmarks.call import Call, exchange
from benchmarks.cores import on_cores, two_cores
from benchmarks.footprint import SETTLING, idle
from benchmarks.http import Case, Options, measure_cases
from benchmarks.programs import GENERATE, bare, glyphvae, references
from benchmarks.rounds import ratios
from benchmarks.server import Server
from benchmarks.stage import Subject, console, staged
from glyphvae.settings import Settings
from glyphvae_training.export.exported import session
from glyphvae_training.export.graphs import ALL_PARTS
from glyphvae_training.measures.timing import seconds_per_call

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
SAMPLES = (1, 10, 100, 1000, 10_000, 100_000)
CHARACTERS = (1, 10, 100, 1000, 10_000)
WORKERS = (1, 2)
MODELS = (1, 2, 5, 10)
# Which of them the limit of ONNX Runtime alone is compared at.
MANY = 10_000
ALONE_BATCHES = (64, 128, 256, 1024)


def measure(subject: Subject, options: Options, seconds: float) -> dict[str, Any]:
    """Every kind of growth.

    Args:
        subject: What is measured.
        options: Of the load.
        seconds: About how long one size of answer is measured.
    """
    wrk.executable()
    return {
        "connections": connections(subject, options),
        **sizes(subject, seconds),
        "workers": [workers(subject, count, options.seconds) for count in WORKERS],
        "models": [models(subject, count, options.seconds) for count in MODELS],
    }


def connections(subject: Subject, options: Options) -> list[dict[str, Any]]:
    """The service, the empty FastAPI route and the bare limit at 1 to 512 requests in flight."""
    own, empty = glyphvae(subject.models, python=subject.python), references(subject.decoder, subject.served)[0]
    with staged([bare(), own, empty]) as stage:
        size = len(stage.servers[own.name].first_answer.content)
        cases = [Case(own.name, own.call, size), Case(empty.name, empty.call, size)]
        return measure_cases(stage, cases, options)


def sizes(subject: Subject, seconds: float) -> dict[str, Any]:
    """Seconds and memory by the number of glyphs and of characters, one request at a time."""
    program = glyphvae(subject.models, "--device", "cpu", "--max-samples", str(max(SAMPLES)), python=subject.python)
    with staged([program]) as stage:
        with stage.turn(program.name) as server:
            by_samples = [{"n": n, **_one_by_one(server, calls.samples(n), seconds)} for n in SAMPLES]
            console.print("measured glyphs")
            by_characters = [{"characters": n, **_one_by_one(server, _text(n), seconds)} for n in CHARACTERS]
            console.print("measured characters")
        beside = alone(stage.servers[program.name], subject, seconds)
    return {"samples": by_samples, "characters": by_characters, "alone": beside}


def _text(count: int) -> Call:
    repeats = -(-count // len(calls.TEXT))
    # Wrapped, or ten thousand characters would be one line half a million pixels long.
    return calls.text((calls.TEXT * repeats)[:count], width=1000)


def _one_by_one(server: Server, call: Call, seconds: float) -> dict[str, Any]:
    """Requests on one connection until the time is up, at least three."""
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
    return {
        "bytes": size,
        "requests": len(taken),
        "median_seconds": float(np.median(taken)),
        "fastest_seconds": min(taken),
        "peak_bytes": processes.peak_bytes(family),
    }


def alone(server: Server, subject: Subject, seconds: float) -> dict[str, Any]:
    """Glyphs a second over HTTP at n=10,000 against ONNX Runtime alone on the server's core, taking turns.

    Args:
        server: Of the service, paused.
        subject: What is measured.
        seconds: Half of how long it takes.
    """
    core, load_core = two_cores()
    decoder = session(subject.served.read_bytes())
    call = calls.samples(MANY)
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
    """Seconds for `MANY` glyphs, decoded `batch` at a time."""
    rng = np.random.default_rng(0)
    inputs = {
        "z": rng.standard_normal((batch, decoder.get_inputs()[0].shape[1]), dtype=np.float32),
        "label": np.full(batch, 19),
    }
    return seconds_per_call(lambda: decoder.run(["pixels"], inputs), -(-MANY // batch)) * MANY / batch


def workers(subject: Subject, count: int, seconds: int) -> dict[str, Any]:
    """Requests a second of some server processes, on as many cores; with two, the load shares one of them."""
    program = glyphvae(
        subject.models, "--device", "cpu", "--workers", str(count), python=subject.python, name=f"{count} workers"
    )
    core, load_core = two_cores()
    with Server(program, [core, load_core][:count]) as server:
        wrk.load(server.port, GENERATE, 64, 1, load_core)
        load = wrk.load(server.port, GENERATE, 64, seconds, load_core)
        resident = processes.resident_bytes(server.processes())
    return {
        "workers": count,
        "rate": load.rate,
        "p99_ms": load.p99_ms,
        "errors": load.errors,
        "resident_bytes": resident,
    }


def models(subject: Subject, count: int, seconds: int) -> dict[str, Any]:
    """Start, memory and requests a second with so many models loaded; requests go to the first."""
    with tempfile.TemporaryDirectory(prefix="glyphvae-bench-") as folder:
        name = copy_models(subject.models, Path(folder), count)
        program = glyphvae(
            Path(folder), "--device", "cpu", "--default-model", name, python=subject.python, name=f"{count} models"
        )
        with Server(program, two_cores()[:1]) as server:
            wrk.load(server.port, GENERATE, 32, 1, two_cores()[1])
            load = wrk.load(server.port, GENERATE, 32, seconds, two_cores()[1])
            rest = idle(server, SETTLING)
            return {"models": count, "start_seconds": server.start_seconds, "rate": load.rate, **rest}


def copy_models(source: Path, target: Path, count: int) -> str:
    """Copies of the default model under names of their own; returns the first's name."""
    manifest = json.loads((source / f"{Settings().default_model}.json").read_text(encoding="utf-8"))
    names = [f"copy-{number}" for number in range(count)]
    for name in names:
        facts = {**manifest, "name": name}
        for part in ALL_PARTS:
            if manifest.get(part) is None:
                continue
            entry = f"{name}-{part}"
            file = f"{entry}/1/model.onnx"
            (target / file).parent.mkdir(parents=True)
            shutil.copyfile(source / manifest[part]["file"], target / file)
            facts[part] = {**manifest[part], "entry": entry, "file": file}
        (target / f"{name}.json").write_text(json.dumps(facts), encoding="utf-8")
    return names[0]
