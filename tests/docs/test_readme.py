"""The README's commands work as they are written."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.service.processes import Server, running

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8000"
# Set up an environment, serve until they are stopped, or train: other tests and CI itself run these.
LONG = ("make ", *(f"glyphvae {name}" for name in ("serve", "train", "export", "evaluate", "rank", "study")))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Every shell command, comments and continued lines taken care of."""
    lines = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("--request-timeout", "60") as server:
        yield server


@pytest.mark.parametrize("command", [command for command in commands() if command.startswith("curl")])
def test_curl(command: str, server: Server, tmp_path: Path) -> None:
    Image.new("L", (28, 28), 255).save(tmp_path / "blank.png")
    (tmp_path / "j.png").write_bytes(httpx.post(f"{server.url}/generate?label=J").content)
    assert ADDRESS in command
    subprocess.run(
        ["bash", "-c", command.replace("curl ", "curl --fail --silent --show-error ").replace(ADDRESS, server.url)],
        cwd=tmp_path,
        check=True,
    )
    for name in re.findall(r"-o (\S+)", command):
        assert (tmp_path / name).stat().st_size > 0
        if name.endswith(".png"):
            Image.open(tmp_path / name).verify()


@pytest.mark.parametrize("program", blocks("python"))
def test_python(program: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(program.replace(ADDRESS, server.url), "README.md", "exec"), {})  # noqa: S102


@pytest.mark.parametrize("command", [command for command in commands() if command.startswith("glyphvae")])
def test_glyphvae(command: str, tmp_path: Path) -> None:
    name, *arguments = command.split()[1:]
    if command.startswith(LONG):
        arguments = ["--help"]
    ran = subprocess.run(
        ["bash", "-c", " ".join([f"{Path(sys.executable).parent}/glyphvae", name, *(arguments or [])])],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert ran.stdout or list(tmp_path.iterdir())


def test_every_command_is_run_by_a_test() -> None:
    # tests/deploy reads the file of Compose, which is not installed.
    known = ("git clone", "curl", "glyphvae", "make serve", "docker compose up", "docker compose --profile gpu up")
    assert [command for command in commands() if not command.startswith(known)] == []


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", README)
    assert links
    assert [link for link in links if not link.startswith("http") and not (ROOT / link).exists()] == []
