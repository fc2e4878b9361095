"""What becomes of requests when processes end, die, and load other models: `glyphvae serve` under load."""

import http.client
import os
import re
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlsplit

import grpc
import httpx
import pytest

from glyphvae.errors import ReloadRefused
from glyphvae.kserve.messages import SERVICE
from glyphvae.server.server import Config
from glyphvae.server.supervisor import Supervisor
from glyphvae.server.uvicorn_internals import STARTUP_FAILURE
from glyphvae.settings import Settings
from tests.known_model import write_model
from tests.service.processes import COMMAND, Server, python, running
from tests.service.support import expect_problem

PATIENCE = 60
REFUSED = re.compile("the new models are refused")
RELOADED = re.compile("reloaded: ")
# Two processes run what one does; a test of the admin port covers what they have beside it.
TWO = pytest.param(2, marks=pytest.mark.untraced, id="two processes")
WORKERS = pytest.mark.parametrize("workers", [pytest.param(1, id="one process"), TWO])
CALLS = [
    "/generate?label=J",
    "/generate?label=J&seed=7",
    "/generate?label=J&n=40",
    "/generate?label=J&n=3000&columns=100",
]


class Load:
    """Callers that ask one thing after another over connections that they keep, until they find nobody.

    Attributes:
        answered: Statuses, and how often.
        models: Who answered.
        latest: Who answered each caller's latest request.
        lost: Requests that got no answer over a connection that had brought answers before. One that is made in the
            instant in which the server stops listening is reset by the kernel, as one made a moment later is refused.
    """

    def __init__(self, url: str) -> None:
        self._address = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
        self.answered: dict[int, int] = {}
        self.models: set[str] = set()
        self.latest: dict[str, str] = {}
        self.lost: list[str] = []
        self._stop = threading.Event()
        self._enough = threading.Semaphore(0)
        self._threads = [threading.Thread(target=self._call, args=(call,)) for call in CALLS]

    def _call(self, path: str) -> None:
        connection: http.client.HTTPConnection | None = None
        is_new = True
        while not self._stop.is_set():
            if connection is None:
                connection = http.client.HTTPConnection(*self._address, timeout=PATIENCE)
                is_new = True
                try:
                    connection.connect()
                except ConnectionError:
                    return
            try:
                connection.request("POST", path)
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                if not is_new:
                    self.lost.append(path)
                connection.close()
                connection = None
                continue
            is_new = False
            self.answered[response.status] = self.answered.get(response.status, 0) + 1
            self.models.add(response.headers["Glyphvae-Model"])
            self.latest[path] = response.headers["Glyphvae-Model"]
            self._enough.release()
            if response.headers["Connection"] == "close":
                connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def wait_for(self, count: int) -> None:
        """Until there are so many more answers, from now on."""
        while self._enough.acquire(blocking=False):
            pass
        for _ in range(count):
            assert self._enough.acquire(timeout=PATIENCE)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Until the condition holds, looked at between answers."""
        end = monotonic() + PATIENCE
        while not condition():
            assert monotonic() < end
            self.wait_for(1)

    def stop(self) -> None:
        self._stop.set()
        self.join()

    def join(self) -> None:
        """Wait until all find nobody, or are told to stop."""
        for thread in self._threads:
            thread.join(PATIENCE)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()


@contextmanager
def load(server: Server) -> Iterator[Load]:
    with server.client() as client:
        assert client.get("/livez").status_code == 200
    callers = Load(server.url)
    callers.start()
    try:
        callers.wait_for(20)
        yield callers
    finally:
        callers.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path)
    return tmp_path


def flags(folder: Path, workers: int, *more: str) -> tuple[str, ...]:
    return ("--models", str(folder), "--device", "cpu", "--workers", str(workers), "--drain-seconds", "0.5", *more)


def children(server: Server) -> list[int]:
    """The server processes."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == server.process.pid and b"spawn_main" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


@WORKERS
def test_a_model_of_ones_own_alone_is_served_by_default(tmp_path: Path, workers: int) -> None:
    write_model(tmp_path, "mine")
    with running(*flags(tmp_path, workers)) as server, server.client() as client:
        assert client.post("/generate?label=J").headers["Glyphvae-Model"] == "mine/1"


@WORKERS
def test_the_end_fails_no_request(folder: Path, workers: int) -> None:
    with running(*flags(folder, workers)) as server, load(server) as callers:
        assert server.terminate() in {0, -signal.SIGTERM}
        callers.stop()
        assert callers.lost == []
        assert set(callers.answered) == {200}


def test_a_process_that_is_killed_takes_only_its_own_requests_along(folder: Path) -> None:
    with running(*flags(folder, 2)) as server, load(server) as callers:
        before = children(server)
        assert len(before) == 2
        os.kill(before[0], signal.SIGKILL)
        callers.wait_until(lambda: len(children(server)) == 2 and before[0] not in children(server))
        callers.wait_for(50)
        assert before[1] in children(server)
        assert set(callers.answered) == {200}
        assert len(callers.lost) == len(set(callers.lost))


@pytest.mark.untraced
def test_processes_start_and_publish_metrics_without_their_temporary_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = folder / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running(*flags(folder, 2, "--admin-port", str(port))) as server, server.client() as client:
        assert client.get("/livez").status_code == 200
        before = children(server)
        shutil.rmtree(temporary)
        for process in before:
            os.kill(process, signal.SIGKILL)
        with server.client() as later:
            assert later.get("/livez").status_code == 200
        assert httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE).status_code == 200
        assert not set(before) & {process for process in children(server) if runs(process)}


def test_without_the_supervisor_its_processes_finish_and_leave_the_port(folder: Path) -> None:
    with running(*flags(folder, 2)) as server, load(server) as callers:
        processes = children(server)
        assert len(processes) == 2
        server.process.kill()
        server.process.wait(PATIENCE)
        callers.join()  # until they find nobody
        end = monotonic() + PATIENCE
        while any(map(runs, processes)):
            assert monotonic() < end
            sleep(0.01)
        assert callers.lost == []
        assert set(callers.answered) == {200}
        with socket.create_server(("127.0.0.1", urlsplit(server.url).port or 0)):
            pass


def runs(process: int) -> bool:
    """Return whether a process has not ended; one that nobody waits for has, but stays in the list."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Ended:
    """A server process that has ended.

    Args:
        exitcode: Its exit status.
    """

    pid = 7

    def __init__(self, exitcode: int) -> None:
        self.exitcode = exitcode
        self.process = self

    def is_alive(self, timeout: float = 0) -> bool:  # noqa: ARG002 (uvicorn's)
        return False

    def kill(self) -> None:
        """Do nothing: it has ended."""

    join = kill


@pytest.fixture
def supervisor() -> Supervisor:
    """Return a supervisor of a process that could not start."""
    supervisor = object.__new__(Supervisor)
    supervisor.config = Config(Settings(), {"version": 1, "disable_existing_loggers": False})
    supervisor.should_exit = threading.Event()
    supervisor.processes = [Ended(STARTUP_FAILURE)]  # type: ignore[list-item]
    return supervisor


def test_where_a_process_cannot_start_the_service_ends(
    supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor.keep_subprocess_alive()
    assert supervisor.should_exit.is_set()
    assert "process 7 cannot start" in caplog.text


def test_a_process_that_has_ended_gets_no_signal(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setattr("os.kill", lambda *_: sent.append(1))
    supervisor.handle_hup()
    supervisor.handle_ttin()  # the number of processes is a setting
    assert sent == []


@WORKERS
def test_other_models_are_loaded_without_a_failed_request(folder: Path, workers: int) -> None:
    with running(*flags(folder, workers)) as server, load(server) as callers:
        before = children(server)
        version_two(folder)
        server.process.send_signal(signal.SIGHUP)
        for _ in range(workers):
            server.wait_for(RELOADED)
        # What had begun before may still be answered by the models it began with.
        callers.wait_until(lambda: callers.latest == dict.fromkeys(CALLS, "cvae/2"))
        callers.models.clear()
        (folder / "cvae-decoder" / "1" / "model.onnx").write_bytes(b"broken")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(REFUSED)
        callers.wait_for(40)
        assert callers.models == {"cvae/2"}
        assert callers.lost == []
        assert set(callers.answered) == {200}
        assert children(server) == before


@pytest.mark.parametrize("workers", [1, 2], ids=["one process", "two processes"])
def test_the_admin_port_reloads_every_process(folder: Path, workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        running(*flags(folder, workers, "--admin-port", str(port))) as server,
        load(server) as callers,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as admin,
    ):
        assert admin.get("/livez").json() == {"status": "live"}
        assert admin.get("/readyz").json()["models"] == {"cvae": "cpu"}
        version_two(folder)
        assert admin.post("/reload").json() == {"models": ["cvae/2"]}
        callers.wait_until(lambda: callers.latest == dict.fromkeys(CALLS, "cvae/2"))
        (folder / "cvae.json").write_text("{}")
        # As long as one process still loads the models before, another reload is refused for that.
        callers.wait_until(lambda: "not a model manifest" in admin.post("/reload").text)
        expect_problem(admin.post("/reload"), ReloadRefused, "not a model manifest")
        callers.wait_for(20)
        assert callers.lost == []


@pytest.mark.untraced
def test_processes_share_the_grpc_port(folder: Path) -> None:
    """Each process has a prefix of its own for its requests' ids, and the kernel chooses one for each connection."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running(*flags(folder, 2, "--grpc-port", str(port))) as server:
        first = until_two_answer(port)
        os.kill(children(server)[0], signal.SIGKILL)
        server.wait_for(re.compile("has ended; another one takes its place"))
        assert len(first & until_two_answer(port)) == 1
        other = python(*COMMAND[1:], *flags(folder, 2, "--port", "0", "--grpc-port", str(port)))
        assert f"port {port} of 127.0.0.1: Address already in use; choose others by --grpc-port" in other.stderr


def until_two_answer(port: int) -> set[str]:
    """Return the processes that answer new connections, by the prefixes of their requests' ids, once they are two."""
    found = set[str]()
    until = monotonic() + PATIENCE
    while len(found) < 2:
        assert monotonic() < until
        with grpc.insecure_channel(f"127.0.0.1:{port}", (("grpc.use_local_subchannel_pool", 1),)) as channel:
            method = channel.unary_unary(f"/{SERVICE}/ServerLive")
            _, call = method.with_call(b"", timeout=PATIENCE, wait_for_ready=True)
            found.add(str(dict(call.trailing_metadata())["x-request-id"]).partition("-")[0])
    return found


def version_two(folder: Path) -> None:
    for part in ("encoder", "decoder"):
        shutil.rmtree(folder / f"cvae-{part}")
    write_model(folder, version=2)
