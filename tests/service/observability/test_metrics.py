"""Metrics, parsed by the library that Prometheus provides."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import onnxruntime
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from glyphvae import __version__
from glyphvae.observability.metrics import States, metrics_route, of_one
from glyphvae.observability.telemetry import Telemetry
from tests.service.processes import COMMAND, ROOT, plain_environment, running
from tests.service.support import caller


def busy() -> Telemetry:
    telemetry = Telemetry()
    for seconds in (0.0004, 0.002, 20.0):
        telemetry.answered("/generate", 200, seconds)
    telemetry.answered("/encode", 503, 0.1)
    telemetry.refused["busy"] += 2
    telemetry.queued = lambda: {"cvae": 7}
    telemetry.prefetched = lambda: {"cvae": 31}
    telemetry.dropped = lambda: 5
    telemetry.waits["cvae"].observe(0.001)
    telemetry.ran("cvae", 32, 0.0009)
    telemetry.loop.observe(0.11)
    return telemetry


async def scrape(states: States, accept: str = "text/plain") -> httpx.Response:
    async with caller(Starlette(routes=[metrics_route(states)])) as client:
        return await client.get("/metrics", headers={"accept": accept})


async def values(states: States) -> dict[str, float]:
    return samples_of((await scrape(states)).text)


def samples_of(text: str) -> dict[str, float]:
    """Return every sample, by its name and its labels, a bucket's bound last."""
    return {
        sample.name + "".join(f" {sample.labels[name]}" for name in sorted(sample.labels, key=_order)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _order(label: str) -> tuple[bool, str]:
    return label == "le", label


async def test_requests_are_counted_by_route_and_status() -> None:
    samples = await values(of_one(busy()))
    assert samples["glyphvae_requests_total /generate 200"] == 3
    assert samples["glyphvae_requests_total /encode 503"] == 1


def test_a_snapshot_does_not_change_while_it_is_written() -> None:
    telemetry = busy()
    total, (state,) = of_one(telemetry)()
    telemetry.answered("/models", 200, 0.1)
    assert total is not telemetry
    assert ("/models", 200) not in total.requests
    assert total.state() | {"queued": {"cvae": 7}, "prefetched": {"cvae": 31}} == state


async def test_a_bucket_holds_everything_below_its_bound() -> None:
    samples = await values(of_one(busy()))
    assert samples["glyphvae_request_seconds_bucket /generate 0.0005"] == 1
    assert samples["glyphvae_request_seconds_bucket /generate 0.0025"] == 2
    assert samples["glyphvae_request_seconds_bucket /generate 10.0"] == 2
    assert samples["glyphvae_request_seconds_bucket /generate +Inf"] == 3
    assert samples["glyphvae_request_seconds_count /generate"] == 3
    assert samples["glyphvae_request_seconds_sum /generate"] == pytest.approx(20.0024)


async def test_queues_batches_and_pools_are_shown_by_model() -> None:
    samples = await values(of_one(busy()))
    assert samples["glyphvae_refused_total busy"] == 2
    assert samples["glyphvae_queue_rows cvae"] == 7
    assert samples["glyphvae_pool_glyphs cvae"] == 31
    assert samples["glyphvae_queue_wait_seconds_count cvae"] == 1
    assert samples["glyphvae_batch_rows_sum cvae"] == 32
    assert samples["glyphvae_run_seconds_sum cvae"] == 0.0009


async def test_long_iterations_are_counted() -> None:
    samples = await values(of_one(busy()))
    assert samples["glyphvae_loop_seconds_bucket 0.1"] == 0
    assert samples["glyphvae_loop_seconds_count"] == 1
    assert samples["glyphvae_loop_seconds_sum"] == 0.11


async def test_connections_and_requests_in_flight_are_those_of_the_living() -> None:
    telemetry = busy()
    telemetry.connections = lambda: (5, 2)
    samples = await values(lambda: (busy(), [telemetry.state()] * 2))
    assert (samples["glyphvae_connections"], samples["glyphvae_requests_in_flight"]) == (10, 4)


async def test_each_process_tells_what_it_uses() -> None:
    samples = await values(of_one(busy()))
    pid = os.getpid()
    assert samples[f"process_resident_memory_bytes {pid}"] > 1e6
    assert samples[f"process_cpu_seconds_total {pid}"] > 0
    assert samples[f"process_open_fds {pid}"] > 0
    gone = busy().state()
    gone["process"] = 2**22 + 1  # no process has such an id on Linux
    lost = await values(lambda: (Telemetry(), [gone]))
    assert not [name for name in lost if name.startswith("process_")]


async def test_versions_are_published() -> None:
    text = (await scrape(of_one(Telemetry()))).text
    assert f'version="{__version__}"' in text
    assert f'onnxruntime="{onnxruntime.__version__}"' in text
    assert "glyphvae_workers 1.0" in text


async def test_processes_are_summed_and_levels_are_of_the_living() -> None:
    total = Telemetry()
    total.add(busy().state())
    total.add(busy().state())
    samples = await values(lambda: (total, [busy().state()]))
    assert samples["glyphvae_requests_total /generate 200"] == 6
    assert samples["glyphvae_queue_rows cvae"] == 7
    assert samples["glyphvae_workers"] == 1
    assert samples["glyphvae_log_lines_dropped_total"] == 10


async def test_openmetrics_is_spoken_too() -> None:
    answer = await scrape(of_one(busy()), "application/openmetrics-text; version=1.0.0")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


async def test_the_documentation_names_every_metric() -> None:
    text = (await scrape(of_one(busy()))).text
    names = {family.name for family in text_string_to_metric_families(text)}
    page = (Path(__file__).parents[3] / "docs/operations.md").read_text(encoding="utf-8")
    assert {name for name in names if f"`{name}" not in page} == set()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_real_server_counts_in_all_its_processes(repository: Path, admin_port: int, workers: int) -> None:
    flags = ("--models", str(repository), "--device", "cpu", "--admin-port", str(admin_port))
    with running(*flags, "--workers", str(workers)) as server, httpx.Client() as admin:
        for _ in range(20):
            with server.client() as client:  # a connection of its own: the kernel chooses the process
                assert client.post("/generate?label=J").status_code == 200
        # A process that did not answer this says what it counted within a second.
        samples: dict[str, float] = {}
        for _ in range(600):
            samples = samples_of(admin.get(f"http://127.0.0.1:{admin_port}/metrics").text)
            if samples["glyphvae_requests_total /generate 200"] == 20 and samples["glyphvae_workers"] == workers:
                break
            time.sleep(0.1)
        assert samples["glyphvae_requests_total /generate 200"] == 20
        assert samples["glyphvae_request_seconds_count /generate"] == 20
        assert samples["glyphvae_workers"] == workers
        with server.client() as client:
            client.get("/livez")
            samples = samples_of(admin.get(f"http://127.0.0.1:{admin_port}/metrics").text)
            assert len([name for name in samples if name.startswith("process_open_fds")]) == workers
            assert samples["glyphvae_requests_in_flight"] == 0


def test_a_log_that_nobody_reads_holds_nobody_up(repository: Path, admin_port: int) -> None:
    flags = ("--port", "0", "--models", str(repository), "--default-model", "cvae", "--device", "cpu")
    logged = ("--access-log", "on", "--log-format", "json", "--admin-port", str(admin_port))
    command, together = [*COMMAND, *flags, *logged], 100
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=plain_environment()) as process,
        httpx.Client(timeout=60, transport=httpx.HTTPTransport(retries=8)) as client,
    ):
        try:
            assert process.stderr is not None
            found = next(filter(None, (re.search(r"http://127.0.0.1:(\d+)", line) for line in process.stderr)))
            assert client.get(f"{found[0]}/livez").status_code == 200
            with socket.create_connection(("127.0.0.1", int(found[1])), timeout=60) as connection:
                for _ in range(30):  # a line has over 200 bytes: twice what the pipe and the queue hold
                    connection.sendall(b"GET /generate?label=J HTTP/1.1\r\nHost: glyphvae\r\n\r\n" * together)
                    received = b""
                    while received.count(b"IEND\xaeB`\x82") < together:
                        received += connection.recv(1 << 16)
            samples = samples_of(client.get(f"http://127.0.0.1:{admin_port}/metrics").text)
            assert samples["glyphvae_requests_total /generate 200"] == 30 * together
            assert samples["glyphvae_log_lines_dropped_total"] > 0
            process.terminate()
            assert process.wait(60) == -signal.SIGTERM  # nor does it hold up the end
        finally:
            process.kill()
