"""Neither the service nor what it depends on writes a file of its own accord or calls anybody.

ONNX Runtime's telemetry would write below the home directory at its import, and look a host up ten seconds later.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "exported/cvae-decoder/1/model.onnx"

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
        (await client.post("/render-text", json={"text": "HELLO"})).raise_for_status()
    await asyncio.sleep(12)

asyncio.run(ask())
"""

# Calls that change the file system, and those that open a file for writing.
WRITES = re.compile(
    r"\d+ (?:(?:mkdir|rename|unlink|rmdir|link|symlink|truncate|f?chmod|l?chown|mknod|creat)\w*\("
    r"|open\w*\((?!.*\"/dev/null\").*O_(?:WRONLY|RDWR|CREAT))"
)
LOOK_UPS = re.compile(r'socket\(|connect\(|send\w*\(|"/etc/(?:resolv\.conf|hosts|nsswitch\.conf)"')


def variables(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "GLYPHVAE_DEVICE": "cpu"}


@pytest.mark.parametrize("package", ["glyphvae", "glyphvae_training", "benchmarks"])
def test_telemetry_is_off(package: str, tmp_path: Path) -> None:
    program = SESSION.format(package=package, model=str(MODEL))
    subprocess.run([sys.executable, "-c", program], env=variables(tmp_path), cwd=ROOT, check=True)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_service_writes_no_file_and_looks_up_no_host(tmp_path: Path) -> None:
    home, trace = tmp_path / "home", tmp_path / "trace"
    home.mkdir()
    command = [
        "strace",
        "--follow-forks",
        "--seccomp-bpf",
        "--trace=%file,%network",
        f"--output={trace}",
        sys.executable,
    ]
    subprocess.run([*command, "-c", SERVICE], env=variables(home), cwd=tmp_path, check=True)
    calls = trace.read_text(encoding="utf-8").splitlines()
    assert any(str(MODEL.parents[2]) in call for call in calls)
    done = [call for call in calls if "= -1 " not in call]
    assert [call for call in done if WRITES.match(call)] == []
    assert [call for call in calls if LOOK_UPS.search(call)] == []
    assert list(home.iterdir()) == []
