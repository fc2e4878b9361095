"""The three ways into another application, each from an empty folder with the shipped models."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.service.processes import plain_environment

PATIENCE = 120  # seconds; the tests may share their machine
KEY = "glyphvae_known"
RUNNING = re.compile(r"Uvicorn running on (http://\S+)")
ORIGIN = "https://example.org"


def python(folder: Path, program: str, **variables: str) -> str:
    """Run a program in a folder; return its standard output."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder,
        env=plain_environment() | {"GLYPHVAE_DEVICE": "cpu"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


LIGHT = """
import os, sys
import glyphvae
print(os.environ["ORT_DISABLE_TELEMETRY"], {"fastapi", "onnxruntime", "numpy", "httpx"} & set(sys.modules))
"""


def test_the_import_is_cheap(tmp_path: Path) -> None:
    assert python(tmp_path, LIGHT) == "1 set()\n"


def test_a_writer_needs_no_server(tmp_path: Path) -> None:
    python(tmp_path, 'from glyphvae import Writer; Writer().render("HELLO").save("hello.png")')
    with Image.open(tmp_path / "hello.png", formats=["PNG"]) as image:
        assert image.width > 5 * 28
    assert [path.name for path in tmp_path.iterdir()] == ["hello.png"]


SAME = """
import asyncio, httpx, glyphvae
from glyphvae import Writer

async def main():
    writer = Writer(context=glyphvae.app.state.context)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(glyphvae.app), base_url="http://glyphvae") as client:
        for picture, path, given in (
            (writer.render("HELLO", seed=7), "/render-text", {"json": {"text": "HELLO", "seed": 7}}),
            (writer.generate_picture("J", n=3, seed=7), "/generate", {"params": {"label": "J", "n": 3, "seed": 7}}),
        ):
            response = await client.post(path, **given)
            print(picture.content == response.content, response.headers["content-type"])

asyncio.run(main())
"""


def test_a_writer_and_the_application_make_the_same_bytes(tmp_path: Path) -> None:
    assert python(tmp_path, SAME) == "True image/png\n" * 2


@contextmanager
def serving(folder: Path, application: str, **variables: str) -> Iterator[tuple[httpx.Client, list[str]]]:
    """Run uvicorn's own command in a folder; yield a client of it, and what it logs, complete once it has ended."""
    command: list[str | Path] = [Path(sys.executable).parent / "uvicorn", application, "--port", "0", "--no-access-log"]
    environment = plain_environment() | {"GLYPHVAE_DEVICE": "cpu"} | variables
    log: list[str] = []
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            found = (RUNNING.search(line) for line in process.stderr)
            url = next(match[1] for match in found if match)
            with httpx.Client(base_url=url, timeout=PATIENCE) as client:
                yield client, log
        finally:
            process.terminate()
            log.extend(process.stderr)


@pytest.fixture
def guarded(tmp_path: Path) -> dict[str, str]:
    """Return settings that guard the service, with a file of keys."""
    digest = sha256(KEY.encode()).hexdigest()
    (tmp_path / "keys").write_text(json.dumps({"name": "known", "sha256": digest, "rate": "3/hour"}), encoding="utf-8")
    return {
        "GLYPHVAE_KEYS": str(tmp_path / "keys"),
        "GLYPHVAE_CORS_ORIGINS": ORIGIN,
        "GLYPHVAE_MAX_SAMPLES": "2",
        "GLYPHVAE_ACCESS_LOG": "on",
        "GLYPHVAE_LOG_FORMAT": "json",
    }


OUTER = """
import glyphvae
from fastapi import FastAPI

app = FastAPI()
app.mount("/handwriting", glyphvae.app)
"""


@pytest.mark.parametrize(("application", "prefix"), [("glyphvae:app", ""), ("outer:app", "/handwriting")])
def test_served_and_mounted_it_is_guarded(
    tmp_path: Path, guarded: dict[str, str], application: str, prefix: str
) -> None:
    (tmp_path / "outer.py").write_text(OUTER, encoding="utf-8")
    key = {"Authorization": f"Bearer {KEY}", "Origin": ORIGIN}
    with serving(tmp_path, application, **guarded) as (client, log):
        ready = client.get(f"{prefix}/readyz")
        refused = client.post(f"{prefix}/generate?label=J")
        many = client.post(f"{prefix}/generate?label=J&n=3", headers=key)
        glyph = client.get(f"{prefix}/generate?label=J", headers=key)
        client.get(f"{prefix}/models", headers=key)
        spent = client.get(f"{prefix}/models", headers=key)
        nowhere = client.get(f"{prefix}/nowhere", headers=key)
        asked = {"Origin": "https://other.example", "Access-Control-Request-Method": "POST"}
        foreign = client.options(f"{prefix}/generate", headers=asked)
    assert ready.status_code == 200
    assert (refused.status_code, refused.json()["type"]) == (401, "urn:glyphvae:problem:unauthorized")
    assert many.json()["errors"][0]["allowed"] == "at most 2 of all labels together"
    assert (glyph.status_code, glyph.headers["content-type"]) == (200, "image/png")
    assert glyph.headers["access-control-allow-origin"] == ORIGIN
    assert (spent.status_code, spent.json()["type"]) == (429, "urn:glyphvae:problem:too-many-requests")
    assert nowhere.status_code == 429
    assert (foreign.status_code, foreign.json()["type"]) == (403, "urn:glyphvae:problem:origin-refused")
    # All lines are there, although nothing tells a mounted application that the server ends.
    lines = [json.loads(line) for line in log if line.startswith("{")]
    told = [(line["route"], line["method"], line["status"], line["key"]) for line in lines]
    assert told == [
        ("/readyz", "GET", 200, None),
        ("/generate", "POST", 401, None),
        ("/generate", "POST", 422, "known"),
        ("/generate", "GET", 200, "known"),
        ("/models", "GET", 200, "known"),
        ("/models", "GET", 429, "known"),
        ("other", "GET", 429, "known"),
        ("/generate", "OPTIONS", 403, None),
    ]


def test_a_wrong_setting_stops_the_start(tmp_path: Path) -> None:
    program = "import glyphvae\ntry:\n    glyphvae.app\nexcept glyphvae.errors.StartError as error:\n    print(error)"
    said = python(tmp_path, program, GLYPHVAE_THREADS="0")
    assert said == "setting GLYPHVAE_THREADS: Input should be greater than or equal to 1 (got '0')\n"
