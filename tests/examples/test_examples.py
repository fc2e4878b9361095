"""Every example runs as it is, against the shipped models."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.service.processes import ROOT, Server, plain_environment, running

EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("--device", "cpu") as server, server.client() as client:
        client.get("/livez").raise_for_status()
        yield server


def test_the_notebook_runs_from_top_to_bottom(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    monkeypatch.setenv("GLYPHVAE_URL", server.url)
    names: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)  # noqa: S102
    names["client"].close()
    assert names["glyphs"].pixels.shape == (100, 28, 28)
    assert names["accuracy"] > 0.7
    assert sum(a == b for a, b in zip(names["written"], names["read"], strict=True)) > 10
    assert names["text"].image.width > 200
    assert names["refused"].field == "query.label"


def test_the_shell_script_writes_its_files(server: Server, tmp_path: Path) -> None:
    done = subprocess.run(
        [EXAMPLES / "shell.sh"],
        cwd=tmp_path,
        env=os.environ | {"GLYPHVAE_URL": server.url},
        capture_output=True,
        text=True,
        check=True,
    )
    assert picture_width(tmp_path / "j.png") == 112
    assert picture_width(tmp_path / "text.png") > 100
    assert (tmp_path / "MNIST/raw/train-images-idx3-ubyte").stat().st_size == 16 + 800 * 784
    assert '"encodings":[{"label":"J"' in done.stdout
    assert re.search(r"glyphvae-seed: \d+", done.stdout)
    assert '"type":"urn:glyphvae:problem:invalid-parameter"' in done.stdout


def picture_width(path: Path) -> int:
    with Image.open(path) as image:
        return image.width


EMBEDDED = """
import asyncio, httpx
from embed import app

async def main():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://cards") as client:
        for method, path in (("GET", "/card/ADA"), ("GET", "/card/7"), ("POST", "/handwriting/generate?label=J")):
            answer = await client.request(method, path)
            print(answer.status_code, answer.headers["content-type"])

asyncio.run(main())
"""


def test_the_application_has_the_service_inside() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", EMBEDDED],
        cwd=EXAMPLES,
        env=plain_environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "200 image/png\n422 application/json\n200 image/png\n"


def test_every_example_is_listed() -> None:
    listed = set(re.findall(r"\]\(([^)]+)\)", (EXAMPLES / "README.md").read_text(encoding="utf-8")))
    assert listed == {path.name for path in EXAMPLES.iterdir() if path.is_file()} - {"README.md"}
