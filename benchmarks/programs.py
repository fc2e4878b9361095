"""The servers that are measured: how each is started, and what it is asked for."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.call import JSON, Call
from benchmarks.cores import BenchmarkError
from benchmarks.servers.glyphs import DECODER

ROOT = Path(__file__).resolve().parent.parent

# J, by its number, which every server understands.
GENERATE = Call("generate", "/generate?label=19")
UVICORN = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")


@dataclass(frozen=True)
class Program:
    """How a server is started.

    Attributes:
        name: What tables call it.
        command: To run; `{port}` is where it has to listen, `{spare}` another free port.
        call: The request for one glyph.
        environment: Variables, with the same places to fill in.
        files: By name, written into its working folder before it starts.
    """

    name: str
    command: tuple[str, ...]
    call: Call
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


def environment_of(framework: str) -> Path:
    """The virtual environment that `make bench` gives a framework."""
    return ROOT / f".venv-bench-{framework}"


def python_of(framework: str) -> str:
    """The interpreter of a framework's environment.

    Raises:
        BenchmarkError: It is not there.
    """
    python = environment_of(framework) / "bin" / "python"
    if not python.exists():
        raise BenchmarkError(f"{framework} has no environment here: `make {environment_of(framework).name}/.done`")
    return str(python)


def glyphvae(models: Path, *flags: str, python: str = sys.executable, name: str = "glyphvae") -> Program:
    """This service on the CPU.

    Args:
        models: The repository of exported models.
        flags: Of `glyphvae serve`.
        python: The interpreter that runs it.
        name: What tables call it.
    """
    command = (
        python,
        "-m",
        "glyphvae",
        "serve",
        "--port",
        "{port}",
        "--models",
        str(models),
        "--log-level",
        "error",
    )
    return Program(name, (*command, *(flags or ("--device", "cpu"))), GENERATE)


def bare(size: int = 400) -> Program:
    """The bare limit, asked for answers of `size` bytes."""
    return Program("bare limit", _uvicorn("bare"), bare_call(size))


def bare_call(size: int) -> Call:
    """The request for a constant answer of `size` bytes."""
    return Call(f"{size} bytes", f"/?{size}")


def references(exact: Path, served: Path) -> list[Program]:
    """What the service is compared with, our decoder inside where there is one.

    Args:
        exact: The decoder in float32.
        served: The decoder as the service runs it.
    """
    return [
        Program("FastAPI, empty route", _uvicorn("fastapi_empty"), GENERATE),
        Program("FastAPI + torch", _uvicorn("fastapi_torch"), GENERATE, {DECODER: str(exact)}),
        Program("FastAPI + ONNX Runtime", _uvicorn("fastapi_onnx"), GENERATE, {DECODER: str(served)}),
    ]


def frameworks(decoder: Path) -> list[Program]:
    """The serving frameworks, each in the settings that measured best with one request in flight and with many.

    Raises:
        BenchmarkError: The environment of one is not there.
    """
    model = {DECODER: str(decoder)}
    return [
        _litserve(model, batch=1),
        _litserve(model, batch=32),
        _bentoml(model),
        _mlserver(model, "MLServer"),
        _mlserver(model, "MLServer, batching", max_batch_size=32, max_batch_time=0.002),
    ]


def _uvicorn(module: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "uvicorn", f"benchmarks.servers.{module}:app", "--port", "{port}", *UVICORN)


def _litserve(model: dict[str, str], batch: int) -> Program:
    name = "LitServe" if batch == 1 else "LitServe, batching"
    command = (python_of("litserve"), "-m", "benchmarks.servers.litserve_app", "{port}", str(batch))
    return Program(name, command, _json_call("/predict", {"label": 19}), model)


def _bentoml(model: dict[str, str]) -> Program:
    command = (python_of("bentoml"), "-m", "bentoml", "serve", "benchmarks.servers.bentoml_app:GlyphService")
    where = ("--host", "127.0.0.1", "--port", "{port}")
    return Program(
        "BentoML",
        (*command, *where),
        _json_call("/generate", {"label": [19]}),
        {"BENTOML_DO_NOT_TRACK": "True", **model},
    )


def _mlserver(model: dict[str, str], name: str, **batching: float) -> Program:
    # In-process inference, and nothing beside the answer that a setting can turn off.
    settings = {"debug": False, "parallel_workers": 0, "metrics_endpoint": None, "gzip_enabled": False}
    ports = {"MLSERVER_HOST": "127.0.0.1", "MLSERVER_HTTP_PORT": "{port}", "MLSERVER_GRPC_PORT": "{spare}"}
    facts = {"name": "glyph", "implementation": "benchmarks.servers.mlserver_app.GlyphModel", **batching}
    files = {"settings.json": json.dumps(settings), "model-settings.json": json.dumps(facts)}
    inputs = {"inputs": [{"name": "label", "shape": [1, 1], "datatype": "INT64", "data": [19]}]}
    command = (str(Path(python_of("mlserver")).with_name("mlserver")), "start", ".")
    return Program(name, command, _json_call("/v2/models/glyph/infer", inputs), {**ports, **model}, files)


def _json_call(path: str, body: Mapping[str, object]) -> Call:
    return Call("generate", path, json.dumps(body).encode(), {"Content-Type": JSON})
