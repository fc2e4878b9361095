"""Neither the service nor what it depends on writes a file of its own accord or calls anybody.

ONNX Runtime's telemetry would write below the home directory at its import, and look a host up ten seconds later.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "exported/cvae-decoder/1/model.onnx"

# Tracing takes time, and so may others on the machine.
SETTINGS = {"GLYPHVAE_DEVICE": "cpu", "GLYPHVAE_REQUEST_TIMEOUT": "600"}

SESSION = """
import {package}
import onnxruntime
onnxruntime.InferenceSession({model!r}, providers=["CPUExecutionProvider"])
"""

SERVICE = """
import asyncio
import httpx
from glyphvae.application import create

async def ask():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create()), base_url="http://glyphvae") as client:
        glyph = (await client.post("/generate?label=J")).raise_for_status()
        for path in ("/encode", "/reconstruct"):
            (await client.post(path, content=glyph.content)).raise_for_status()
        for media in ("image/png", "image/webp", "image/svg+xml", "application/pdf"):
            page = {"lines": "ruled"} if media.endswith("pdf") else None
            asked = {"text": "HELLO", "page": page}
            (await client.post("/render-text", json=asked, headers={"Accept": media})).raise_for_status()
        (await client.post("/font", json={"seed": 7}, headers={"Accept": "font/woff2"})).raise_for_status()
        for format in ("npz", "idx", "webdataset", "parquet"):
            (await client.post("/dataset", json={"count": 100, "format": format})).raise_for_status()
    await asyncio.sleep(12)

asyncio.run(ask())
"""

# Calls that change the file system, and those that open a file for writing.
WRITES = re.compile(
    r"\d+ (?:(?:mkdir|rename|unlink|rmdir|link|symlink|truncate|f?chmod|l?chown|mknod|creat)\w*\("
    r"|open\w*\((?!.*\"/dev/null\").*O_(?:WRONLY|RDWR|CREAT))"
)
# A single zero is how threads wake an event loop up.
LOOK_UPS = re.compile(r'socket\(|connect\(|send\w*\((?!\d+, "\\0", 1,)|"/etc/(?:resolv\.conf|hosts|nsswitch\.conf)"')


def variables(home: Path) -> dict[str, str]:
    sources = {name: os.environ[name] for name in os.environ.keys() & {"PYTHONPATH"}}  # of another working tree
    return sources | {"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"} | SETTINGS


@pytest.mark.parametrize("package", ["glyphvae", "glyphvae_training", "benchmarks"])
def test_telemetry_is_off(package: str, tmp_path: Path) -> None:
    program = SESSION.format(package=package, model=str(MODEL))
    subprocess.run([sys.executable, "-c", program], env=variables(tmp_path), cwd=ROOT, check=True)
    assert list(tmp_path.rglob("*")) == []


def test_whatever_imports_onnx_runtime_is_where_its_telemetry_is_off() -> None:
    switches = {"service": "glyphvae/__init__.py", "training": "glyphvae_training/__init__.py"}
    switches |= {"benchmarks": "__init__.py", "tests": "conftest.py"}
    for folder, name in switches.items():
        text = (ROOT / folder / name).read_text(encoding="utf-8")
        assert 'os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")' in text, folder
    importing = re.compile(rb"^\s*(?:import|from) onnxruntime\b", re.MULTILINE)
    # Running an example leaves bytecode beside it, so files are no text.
    files = [path for path in (ROOT / "examples").rglob("*") if path.is_file()]
    assert [path for path in files if importing.search(path.read_bytes())] == []


needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def traced(folder: Path, program: str) -> list[str]:
    """Run a program with an empty home; return its calls that name a file or a socket."""
    home, trace = folder / "home", folder / "trace"
    home.mkdir()
    strace = ("strace", "--follow-forks", "--seccomp-bpf", "--trace=%file,%network", f"--output={trace}")
    subprocess.run([*strace, sys.executable, "-c", program], env=variables(home), cwd=folder, check=True)
    assert list(home.iterdir()) == []
    return trace.read_text(encoding="utf-8").splitlines()


def assert_quiet(calls: list[str]) -> None:
    done = [call for call in calls if "= -1 " not in call]
    assert [call for call in done if WRITES.match(call)] == []
    assert [call for call in calls if LOOK_UPS.search(call)] == []


@needs_strace
def test_a_service_writes_no_file_and_looks_up_no_host(tmp_path: Path) -> None:
    calls = traced(tmp_path, SERVICE)
    assert any(str(MODEL.parents[2]) in call for call in calls)
    assert_quiet(calls)


# Every module that the distributions of both locks provide, as far as they are installed, after glyphvae.
EVERYTHING = """
import importlib, re, time
from importlib.metadata import packages_distributions
from pathlib import Path

import glyphvae

locks = "".join(Path({folder!r}, name).read_text(encoding="utf-8") for name in ("serve-cpu.txt", "serve-gpu.txt"))
locked = set(re.findall(r"^([a-z0-9._-]+)==", locks, re.MULTILINE))
for module, distributions in sorted(packages_distributions().items()):
    if module.isidentifier() and locked & {{re.sub(r"[-_.]+", "-", name).lower() for name in distributions}}:
        importlib.import_module(module)
time.sleep(12)
"""


@needs_strace
def test_no_dependency_writes_a_file_or_calls_anybody_when_it_is_imported(tmp_path: Path) -> None:
    calls = traced(tmp_path, EVERYTHING.format(folder=str(ROOT / "requirements")))
    for name in ("onnxruntime", "pyarrow", "opentelemetry", "redis"):
        assert any(f"/site-packages/{name}/__init__.py" in call or f"/{name}/" in call for call in calls), name
    # urllib3 makes a socket to see whether there is IPv6.
    assert_quiet([call for call in calls if "= -1 " not in call and "socket(AF_INET6, SOCK_STREAM" not in call])
