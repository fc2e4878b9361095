"""The servers that the service is compared with, as data; the applications they run are in `benchmarks.servers`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.calls import GENERATE, JSON, Call
from benchmarks.processes import BenchmarkError
from benchmarks.server import ROOT, Program, Subject
from benchmarks.servers.glyphs import DECODER, EXACT

# Frameworks whose requirements would hold back our own; `make bench` gives each a virtual environment.
FRAMEWORKS = ("litserve", "bentoml", "mlserver")
UVICORN = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")


def _bin(framework: str, program: str = "python") -> str:
    return str(ROOT / f".venv-bench-{framework}" / "bin" / program)


def uvicorn(application: str, *flags: str, python: str = sys.executable) -> tuple[str, ...]:
    """Return the command that serves an ASGI application with uvicorn."""
    return (python, "-m", "uvicorn", application, "--port", "{port}", *UVICORN, *flags)


def _post(path: str, body: dict[str, Any]) -> Call:
    return Call("generate", path, json.dumps(body).encode(), JSON)


def _mlserver(name: str, **batching: float) -> Program:
    # In-process inference, and nothing beside the response that a setting can turn off.
    settings = {"debug": False, "parallel_workers": 0, "metrics_endpoint": None, "gzip_enabled": False}
    facts = {"name": "glyph", "implementation": "benchmarks.servers.frameworks.GlyphModel", **batching}
    ports = {"MLSERVER_HOST": "127.0.0.1", "MLSERVER_HTTP_PORT": "{port}", "MLSERVER_GRPC_PORT": "{spare}"}
    files = {"settings.json": json.dumps(settings), "model-settings.json": json.dumps(facts)}
    label = {"name": "label", "shape": [1, 1], "datatype": "INT64", "data": [19]}
    call = _post("/v2/models/glyph/infer", {"inputs": [label]})
    return Program(name, (_bin("mlserver", "mlserver"), "start", "."), call, ports, files)


def bare_call(size: int) -> Call:
    """Return the request for a constant response of `size` bytes."""
    return Call(f"{size} bytes", f"/?{size}")


BARE = Program("bare limit", uvicorn("benchmarks.servers.bare:app"), bare_call(400))
EMPTY = Program("FastAPI, empty route", uvicorn("benchmarks.servers.fastapi_app:empty", "--factory"), GENERATE)

# The frameworks in the settings that measured best with one request in flight and with many.
_LITSERVE = (_bin("litserve"), "-m", "benchmarks.servers.frameworks", "{port}")
_BENTOML = (_bin("bentoml"), "-m", "bentoml", "serve", "benchmarks.servers.frameworks:GlyphService")
_WHERE = ("--host", "127.0.0.1", "--port", "{port}")
_UNTRACKED = {"BENTOML_DO_NOT_TRACK": "True"}
PEERS = (
    EMPTY,
    Program("FastAPI + torch", uvicorn("benchmarks.servers.fastapi_app:pytorch", "--factory"), GENERATE),
    Program("FastAPI + ONNX Runtime", uvicorn("benchmarks.servers.fastapi_app:onnxruntime", "--factory"), GENERATE),
    Program("LitServe", (*_LITSERVE, "1"), _post("/predict", {"label": 19})),
    Program("LitServe, batching", (*_LITSERVE, "32"), _post("/predict", {"label": 19})),
    Program("BentoML", (*_BENTOML, *_WHERE), _post("/generate", {"label": [19]}), _UNTRACKED),
    _mlserver("MLServer"),
    _mlserver("MLServer, batching", max_batch_size=32, max_batch_time=0.002),
)


def peers(subject: Subject, names: Sequence[str] = ()) -> list[Program]:
    """Return the peers called `names`, or all, with the subject's decoder inside.

    Raises:
        BenchmarkError: The environment of one is missing.
    """
    chosen = [peer for peer in PEERS if not names or peer.name in names]
    for python in (Path(peer.command[0]) for peer in chosen):
        if not python.exists():
            environment = python.parents[1].name
            raise BenchmarkError(f"{environment} is missing: `make {environment}/.done`")
    decoders = {DECODER: str(subject.served), EXACT: str(subject.decoder)}
    return [replace(peer, environment={**peer.environment, **decoders}) for peer in chosen]
