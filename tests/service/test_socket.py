"""The service as its users meet it: a process, a socket, HTTP."""

import re
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.service.processes import COMMAND, Server, python, running
from tests.service.support import JSON, grey, image_file, picture

J = image_file(grey(119)[0])


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "two processes"])
def server(repository: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    with running("--models", str(repository), "--device", "cpu", "--workers", str(request.param)) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def test_it_answers_get(client: httpx.Client) -> None:
    assert client.get("/", headers=JSON).json()["name"] == "glyphvae"
    live = client.get("/livez")
    assert (live.json(), "server" in live.headers) == ({"status": "live"}, False)
    assert client.get("/readyz").json() == {"status": "ready", "models": {"cvae": "cpu"}, "degraded": []}
    assert [model["name"] for model in client.get("/models").json()] == ["cvae", "vae"]
    assert client.get("/models/vae").json()["kind"] == "vae"
    assert client.get("/docs").headers["content-type"].startswith("text/html")
    assert "/generate" in client.get("/openapi.json").json()["paths"]


def test_many_callers_at_once_are_answered_apart(client: httpx.Client, server: Server) -> None:
    """Requests of several connections, all in flight before the first answer is read."""
    host, port = client.base_url.host, client.base_url.port
    sockets = [socket.create_connection((host, port or 0), timeout=60) for _ in range(36)]
    for label, connection in enumerate(sockets):
        request = f"POST /generate?label={label}&temperature=0&z=0 HTTP/1.1\r\nHost: glyphvae\r\nConnection: close\r\n"
        connection.sendall(f"{request}Content-Length: 0\r\n\r\n".encode())
    levels = []
    for connection in sockets:
        with connection, connection.makefile("rb") as answer:
            levels.append(int(picture(answer.read().partition(b"\r\n\r\n")[2])[0, 0]))
    assert levels == list(range(100, 136))
    assert server.process.poll() is None


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_request_in_flight_is_finished_before_the_end(repository: Path, workers: str) -> None:
    with running("--models", str(repository), "--device", "cpu", "--workers", workers) as server:
        with server.client() as client:
            assert client.get("/livez").status_code == 200
            host, port = client.base_url.host, client.base_url.port or 0
        with socket.create_connection((host, port), timeout=60) as connection, connection.makefile("rb") as answer:
            head = f"POST /encode?preprocess=none HTTP/1.1\r\nHost: glyphvae\r\nContent-Length: {len(J)}\r\n"
            connection.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
            assert answer.readline() == b"HTTP/1.1 100 Continue\r\n"  # the handler waits for the body
            assert answer.readline() == b"\r\n"
            server.process.send_signal(signal.SIGTERM)
            server.wait_for(re.compile("Shutting down|Terminated child process"))
            connection.sendall(J)
            assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
            assert b'"label":"J"' in answer.read()
        # Uvicorn ends by the signal it was sent, once it has finished.
        assert server.process.wait(60) in {0, -signal.SIGTERM}


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (("--models", "nowhere"), "glyphvae: nowhere: there is no such folder"),
        (("--models", "nowhere", "--workers", "2"), "glyphvae: nowhere: there is no such folder"),
        (("--threads", "0"), "glyphvae: setting GLYPHVAE_THREADS: Input should be greater than or equal to 1 (got 0)"),
        (("--device", "tpu"), "glyphvae: setting GLYPHVAE_DEVICE: Input should be 'auto', 'cpu' or 'cuda' (got 'tpu')"),
        (("--log-level", "all"), "glyphvae: setting GLYPHVAE_LOG_LEVEL: "),
    ],
)
def test_a_start_that_fails_says_why_in_one_line(flags: tuple[str, ...], line: str) -> None:
    done = python(*COMMAND[1:], *flags)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1


def test_a_spoilt_file_stops_the_start_in_one_line(tmp_path: Path, repository: Path) -> None:
    shutil.copytree(repository, tmp_path / "exported")
    file = tmp_path / "exported" / "cvae-decoder" / "1" / "model.onnx"
    size = file.stat().st_size
    file.write_bytes(file.read_bytes()[:-1])
    done = python(*COMMAND[1:], "--models", file.parents[2], "--default-model", "cvae")
    assert done.returncode == 1
    assert done.stderr == f"glyphvae: {file}: {size - 1} bytes, but the manifest says {size}\n"


def test_a_port_in_use_stops_the_start(repository: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        own = ("--models", str(repository), "--default-model", "cvae")
        flags = ("--port", port, *own, "--device", "cpu", "--log-level", "error")
        done = python(*COMMAND[1:], *flags)
    assert done.returncode != 0
    assert "ddress already in use" in done.stderr
    assert done.stderr.count("\n") == 1
