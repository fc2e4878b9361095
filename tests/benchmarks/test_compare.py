import os
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from benchmarks.calls import GENERATE, samples, service_calls
from benchmarks.compare import (
    EXPORTS,
    GUARDS,
    ORIGIN,
    RECEIVER,
    ROWS,
    Row,
    guarded_programs,
    guarded_rows,
    program,
    rows_of,
)
from benchmarks.processes import BenchmarkError
from benchmarks.server import Server, Subject
from benchmarks.servers.glyphs import png
from benchmarks.wrk import Load

# Of a caller who samples this trace.
SAMPLED = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


def load(rate: float, failed: int = 0) -> Load:
    return Load(requests=10, rate=rate, p50_ms=100 / rate, p90_ms=1, p99_ms=1, max_ms=1, failed=failed, broken=0)


@pytest.mark.parametrize(
    ("package", "folder", "application"),
    [("glyphvae", "service/glyphvae", "glyphvae:app"), ("service", "service", "service.app:create")],
)
def test_a_checkout_is_served_by_its_own_package_and_environment(
    tmp_path: Path, package: str, folder: str, application: str
) -> None:
    (tmp_path / folder).mkdir(parents=True)
    python = tmp_path / ".venv-serve-cpu" / "bin" / "python"
    with pytest.raises(BenchmarkError, match=r"make \.venv-serve-cpu/\.done"):
        program("parent", "serve", tmp_path)
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    served, asgi = (program("parent", way, tmp_path) for way in ("serve", "uvicorn"))
    assert served.command == (str(python), "-m", package, "serve", "--port", "{port}")
    assert asgi.command[:6] == (str(python), "-m", "uvicorn", application, "--port", "{port}")
    assert served.root == asgi.root == tmp_path
    assert served.name != asgi.name


def test_every_row_is_a_request_that_exists() -> None:
    names = {call.name for call in [*service_calls(png(np.zeros((28, 28), np.uint8))), samples(10_000)]}
    assert {row.call for row in ROWS} <= names


def test_a_ratio_pairs_the_turns_of_a_round_and_is_above_one_where_the_new_is_faster() -> None:
    row = Row("generate", figures=("rate", "p50_ms"))
    loads = {(row, "new"): [load(200), load(30)], (row, "parent"): [load(100, failed=2), load(10)]}
    rate, time = rows_of(loads, [row])
    assert rate["ratios"] == pytest.approx([2, 3])
    assert time["ratios"] == pytest.approx([2, 3])
    assert (rate["new"], rate["parent"], rate["errors"]) == ([200, 30], [100, 10], 2)
    assert 2 <= rate["low"] <= rate["median"] <= rate["high"] <= 3


def test_a_guarded_rate_is_divided_by_that_without() -> None:
    loads = {("generate", guard): [load(100), load(50 if guard == "keys" else 100)] for guard in GUARDS}
    rows = {row["guard"]: row for row in guarded_rows(loads)}
    assert rows["keys"]["ratios"] == [1.0, 0.5]
    assert rows["traces"]["ratios"] == [1.0, 1.0]
    assert [rows[guard]["goal"] for guard in ("nothing", "keys", "CORS", "traces")] == [None, 0.9, 0.9, 0.8]


def test_guards_are_on_and_traces_arrive(subject: Subject, tmp_path: Path) -> None:
    cores = sorted(os.sched_getaffinity(0))
    with Server(RECEIVER, cores) as receiver:
        endpoint = f"http://127.0.0.1:{receiver.port}/v1/traces"
        *_, guarded = guarded_programs(subject, tmp_path / "keys", endpoint)
        assert set(guarded.call.headers) == {"Authorization", "Origin"}
        assert receiver.ask(EXPORTS).content == b"0"
        with Server(guarded, cores) as server:
            assert server.ask(GENERATE).status == 401
            assert server.ask(replace(guarded.call, headers=guarded.call.headers | SAMPLED)).status == 200
            answer = httpx.post(f"http://127.0.0.1:{server.port}{GENERATE.path}", headers=guarded.call.headers)
            assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert int(receiver.ask(EXPORTS).content) > 0
