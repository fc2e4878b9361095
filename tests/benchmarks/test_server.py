import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import wrk
from benchmarks.footprint import after_requests, idle
from benchmarks.peers import BARE, bare_call
from benchmarks.processes import BenchmarkError
from benchmarks.server import Program, Server, staged
from tests.benchmarks.examples import needs_two_cores, needs_wrk


@pytest.fixture
def core() -> int:
    return min(os.sched_getaffinity(0))


@pytest.fixture
def server(core: int) -> Iterator[Server]:
    with Server(BARE, [core]) as running:
        yield running


def test_a_server_runs_on_its_core_and_answers(server: Server, core: int) -> None:
    assert server.first_answer.status == 200
    assert len(server.first_answer.content) == 400
    assert server.start_seconds > 0
    assert [os.sched_getaffinity(process) for process in server.processes()] == [{core}]


def test_a_paused_server_answers_only_after_it_is_resumed(server: Server) -> None:
    server.pause()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=0.3)
    connection.request("GET", "/?300")
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()
    server.resume()
    assert server.ask(bare_call(400)).status == 200


def test_a_server_that_ends_shows_its_log(core: int) -> None:
    program = Program("broken", (sys.executable, "-c", "raise SystemExit('no such model')"), bare_call(300))
    with pytest.raises(BenchmarkError, match=r"(?s)broken did not start.*no such model"):
        Server(program, [core])


def test_the_packages_of_a_checkout_come_before_those_installed(core: int, tmp_path: Path) -> None:
    package = tmp_path / "service" / "glyphvae"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    code = "import glyphvae; raise SystemExit(glyphvae.__file__)"
    program = Program("imports", (sys.executable, "-c", code), bare_call(300), root=tmp_path)
    with pytest.raises(BenchmarkError, match=str(package)):
        Server(program, [core])


def test_places_in_commands_variables_and_files_are_filled_in(core: int) -> None:
    code = 'import os, sys; raise SystemExit(f\'{sys.argv[1:]} {os.environ["PLACE"]} {open("facts").read()}\')'
    program = Program(
        "echo", (sys.executable, "-c", code, "{port}"), bare_call(300), {"PLACE": "other {spare}"}, {"facts": "here"}
    )
    with pytest.raises(BenchmarkError, match=r"\['\d+'\] other \d+ here"):
        Server(program, [core])


@needs_two_cores
def test_on_a_stage_only_one_has_its_turn() -> None:
    with staged([BARE]) as stage:
        paused = stage[BARE.name]
        (process,) = paused.processes()
        state = Path(f"/proc/{process}/stat")
        wait_until_stopped(state)
        with stage.turn(BARE.name) as running:
            assert running.ask(bare_call(300)).status == 200
            assert state.read_text().split()[2] != "T"
        wait_until_stopped(state)


def wait_until_stopped(state: Path) -> None:
    """A signal is sent at once and takes effect when the kernel gets round to it."""
    for _ in range(1000):
        if state.read_text().split()[2] == "T":
            return
        time.sleep(0.01)
    pytest.fail("the process runs on")


# A benchmark that is ended while its server is paused.
ENDED = """
import time
from benchmarks.peers import BARE
from benchmarks.server import Server, stop_on_signal
stop_on_signal()
with Server(BARE, [{core}]) as server:
    server.pause()
    print(*server.processes(), flush=True)
    time.sleep(60)
"""


def test_a_benchmark_that_is_ended_leaves_no_server_behind(core: int) -> None:
    root = Path(__file__).parents[2]
    code = ENDED.format(core=core)
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True) as benchmark:
        assert benchmark.stdout is not None
        servers = [int(process) for process in benchmark.stdout.readline().split()]
        benchmark.terminate()
        assert benchmark.wait(timeout=60) == 128 + signal.SIGTERM
    assert len(servers) == 1
    assert not Path(f"/proc/{servers[0]}").exists()


def test_a_server_at_rest_takes_memory_and_hardly_any_time(server: Server) -> None:
    facts = idle(server, 0.2)
    assert 10e6 < facts["resident_bytes"] < 200e6
    assert 0 <= facts["idle_core_share"] < 0.5


@needs_wrk
def test_load_counts_requests_without_errors(server: Server, core: int) -> None:
    load = wrk.load(server.port, bare_call(300), 4, 1, core)
    assert load.errors == 0
    assert load.requests > 50
    assert 0 < load.p50_ms <= load.p99_ms <= load.max_ms


@needs_wrk
@needs_two_cores
def test_memory_is_read_again_after_at_least_as_many_requests() -> None:
    facts = after_requests(BARE, 500)
    assert facts["requests"] >= 500
    assert facts["errors"] == 0
    assert facts["resident_bytes_after"] == pytest.approx(facts["resident_bytes_before"], rel=0.2)
