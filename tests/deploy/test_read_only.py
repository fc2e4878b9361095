"""The service works without any folder that it may write to."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from time import monotonic, sleep

import httpx
import numpy as np
import pytest

from tests.deploy.container import first_process, free_port
from tests.deploy.read_only import is_possible, read_only
from tests.service.processes import COMMAND, ROOT, Server, plain_environment, running

pytestmark = pytest.mark.skipif(
    not is_possible(*read_only(shared_memory=True)), reason="namespaces of users are not to be had here"
)

PATIENCE = 60
HOME = {"HOME": "/nonexistent", "TMPDIR": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
FLAGS = ("--device", "cpu", "--request-timeout", "60")

WRITES = """
import json, os, tempfile
found = []
for folder, _, _ in os.walk("/", topdown=True):
    if folder.startswith(("/proc", "/sys")):
        continue
    if os.access(folder, os.W_OK):
        found.append(folder)
    if folder.count("/") > 2:
        _.clear()
print(json.dumps([os.getuid(), found]))
"""


@pytest.mark.parametrize(("shared_memory", "writable"), [(False, []), (True, ["/dev/shm"])])  # noqa: S108
def test_there_is_no_such_folder(*, shared_memory: bool, writable: list[str]) -> None:
    command = [*read_only(shared_memory=shared_memory), sys.executable, "-c", WRITES]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert json.loads(said) == [10001, writable]


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "two processes"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[Server, str]]:
    """A server without any such folder, and the address of its admin port."""
    workers, port = str(request.param), str(free_port())
    wrapper = read_only(shared_memory=False)
    flags = (*FLAGS, "--workers", workers, "--admin-port", port)
    with running(*flags, wrapper=wrapper, **HOME) as server, server.client() as client:
        client.get("/livez").raise_for_status()
        yield server, f"http://127.0.0.1:{port}"


LETTERS = {"text": "Dear Zoë,\nthank you."}
DATASET = {"count": 600, "seed": 7}


@pytest.mark.parametrize(
    ("path", "body", "accept"),
    [
        ("/generate?label=J", None, "image/png"),
        ("/generate?label=J&n=1000", None, "application/x-npy"),
        ("/interpolate?label=A&label=B&n=24&scale=4", None, "image/gif"),
        ("/render-text", LETTERS, "image/webp"),
        ("/render-text", LETTERS | {"page": {"lines": "ruled"}}, "application/pdf"),
        ("/font", {"seed": 7}, "font/woff2"),
        *(("/dataset", DATASET | {"format": kind}, "*/*") for kind in ("npz", "idx", "webdataset", "parquet")),
    ],
)
def test_everything_is_drawn(server: tuple[Server, str], path: str, body: object, accept: str) -> None:
    with server[0].client() as client:
        response = client.post(path, json=body, headers={"Accept": accept})
    assert response.status_code == 200, response.text
    assert response.content


def test_a_large_file_of_a_form_is_read(server: tuple[Server, str]) -> None:
    with server[0].client() as client:
        drawn = client.post("/generate?label=J&n=500", headers={"Accept": "application/x-npy"}).raise_for_status()
        levels = io.BytesIO()
        np.save(levels, np.load(io.BytesIO(drawn.content)).astype(np.float32) / 255)
        assert len(levels.getvalue()) > 1_500_000
        response = client.post("/encode?label=J", files={"file": ("j.npy", levels.getvalue())})
    assert response.status_code == 200, response.text
    assert len(response.json()["encodings"]) == 500


def test_the_admin_port_answers(server: tuple[Server, str]) -> None:
    for method, path in (("GET", "/readyz"), ("GET", "/metrics"), ("POST", "/reload")):
        assert httpx.request(method, server[1] + path, timeout=PATIENCE).status_code == 200, path


def test_several_processes_count_together_in_shared_memory() -> None:
    admin = str(free_port())
    wrapper = read_only(shared_memory=True)
    flags = (*FLAGS, "--workers", "2", "--admin-port", admin)
    with running(*flags, wrapper=wrapper, **HOME) as server, server.client() as client:
        assert "metrics may be those of one process each" not in server.before
        client.get("/livez").raise_for_status()
        deadline = monotonic() + PATIENCE  # the second process may still start
        while metric(admin, "glyphvae_workers") != "2.0" and monotonic() < deadline:
            sleep(0.1)
        assert metric(admin, "glyphvae_workers") == "2.0"


def metric(port: str, name: str) -> str:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE).raise_for_status().text
    (value,) = re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)
    return str(value)


def test_the_health_check_of_the_image_follows_the_flags() -> None:
    """Check a server that is process number one, as in a container."""
    port = str(free_port())
    wrapper = read_only(shared_memory=False, own_processes=True)
    environment = plain_environment() | HOME | {"GLYPHVAE_PORT": str(free_port())}
    command = [*wrapper, *COMMAND, *FLAGS, "--port", port]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as starter:
        with httpx.Client(transport=httpx.HTTPTransport(retries=10), timeout=PATIENCE) as client:
            client.get(f"http://127.0.0.1:{port}/readyz").raise_for_status()
        one = first_process(starter)
        inside = ["nsenter", f"--target={one}", "--user", "--mount", "--pid", "--preserve-credentials"]
        check = [*inside, f"--wd={ROOT}", sys.executable, "-m", "glyphvae.healthcheck"]
        assert subprocess.run(check, check=False, env=environment).returncode == 0
        os.kill(one, signal.SIGTERM)
        starter.wait(PATIENCE)


def test_the_image_has_that_check() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert '  CMD ["python3", "-m", "glyphvae.healthcheck"]\n' in dockerfile
