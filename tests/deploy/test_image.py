"""The image is built and run: `make image-test`. Needs root, buildah, and debootstrap for its base."""

import io
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.deploy.container import Container, build, build_base, first_process, free_port, mounted

pytestmark = [pytest.mark.image, pytest.mark.timeout(1800)]

MEGABYTE = 1_000_000
# Compilers, PyTorch, the code of training, and tests, those that packages bring along too. Debian's Python has one file
# of its test suite.
UNWANTED = re.compile(
    r".*/(gcc|g\+\+|cc|c\+\+|clang|ld|as|make)(-[\d.]+)?"
    r"|.*/site-packages/(glyphvae_training|torch|lightning|pytest|onnx)/.*|.*/tests/.*"
)


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    build_base()
    with mounted(build("cpu")) as container:
        yield container


@pytest.fixture(scope="module")
def served(container: Container) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes], int]]:
    """The service, run by the image's entry point."""
    port = free_port()
    environment = {"GLYPHVAE_HOST": "127.0.0.1", "GLYPHVAE_PORT": str(port)}
    process = subprocess.Popen(container.command(*container.config["Entrypoint"], environment=environment))
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=httpx.HTTPTransport(retries=10)) as client:
        try:
            yield client, process, port
        finally:
            # The service is the first process of its namespace; what started it ignores signals.
            os.kill(first_process(process), signal.SIGTERM)
            process.wait(30)


def test_it_is_small(container: Container, capsys: pytest.CaptureFixture[str]) -> None:
    size = container.bytes()
    with capsys.disabled():
        print(f"\nCPU image: {size / MEGABYTE:.0f} MB")
    assert size < 600 * MEGABYTE


def test_it_holds_neither_compiler_nor_pytorch_nor_tests(container: Container) -> None:
    files = [str(path) for path in container.files()]
    assert any(path.endswith("/site-packages/glyphvae/application.py") for path in files)
    assert [path for path in files if UNWANTED.fullmatch(path)] == []


def test_it_writes_a_j(served: tuple[httpx.Client, subprocess.Popen[bytes], int]) -> None:
    answer = served[0].post("/generate?label=J")
    assert answer.status_code == 200
    assert Image.open(io.BytesIO(answer.content), formats=["PNG"]).size == (28, 28)


def test_it_runs_as_nobody_in_particular(served: tuple[httpx.Client, subprocess.Popen[bytes], int]) -> None:
    served[0].get("/livez")
    text = Path(f"/proc/{first_process(served[1])}/status").read_text(encoding="ascii")
    status = dict(line.split(":\t", 1) for line in text.splitlines())
    assert set(status["Uid"].split()) == {"10001"}
    assert int(status["CapEff"], 16) == 0


def test_it_can_write_nowhere(container: Container) -> None:
    writes = "import pathlib; pathlib.Path('/opt/glyphvae/x').touch()"
    command = container.command("python3", "-c", writes, environment={})
    finished = subprocess.run(command, check=False, capture_output=True, text=True)
    assert "Read-only file system" in finished.stderr


@pytest.mark.usefixtures("served")
def test_its_health_check_tells_health(
    container: Container, served: tuple[httpx.Client, subprocess.Popen[bytes], int]
) -> None:
    served[0].get("/livez")
    check = container.config["Healthcheck"]["Test"]
    assert check[0] == "CMD"
    healthy = container.command(*check[1:], environment={"GLYPHVAE_PORT": str(served[2])})
    assert subprocess.run(healthy, check=False).returncode == 0
    gone = container.command(*check[1:], environment={"GLYPHVAE_PORT": str(free_port())})
    assert subprocess.run(gone, check=False, capture_output=True).returncode == 1
