import shutil

import pytest

from benchmarks.calls import Call, Tail
from benchmarks.processes import BenchmarkError
from benchmarks.wrk import executable, load, parse, script

OUTPUT = """\
Running 1s test @ http://127.0.0.1:8000
  1 threads and 32 connections
Requests/sec:   7000.12
figures: {"requests": 7400, "rate": 7000.95, "failed": 3, "broken": 2, \
"p50_ms": 4.1, "p90_ms": 4.9, "p99_ms": 8.123, "max_ms": 20.555}
"""


def test_the_figures_are_those_that_the_script_prints() -> None:
    load = parse(OUTPUT)
    assert load.requests == 7400
    assert load.rate == 7000.95
    assert (load.p50_ms, load.p90_ms, load.p99_ms, load.max_ms) == (4.1, 4.9, 8.123, 20.555)
    assert (load.failed, load.broken, load.errors) == (3, 2, 5)


def test_output_without_figures_is_shown() -> None:
    with pytest.raises(BenchmarkError, match="unable to connect"):
        parse("unable to connect to 127.0.0.1:1 Connection refused\n")


def test_a_constant_request_is_built_once() -> None:
    text = script(Call("x", "/encode?label=19", b'\x89P"\\\n', {"Content-Type": "image/png"}))
    assert 'wrk.method = "POST"' in text
    assert 'wrk.path = "/encode?label=19"' in text
    assert 'wrk.headers["Content-Type"] = "image/png"' in text
    # Bytes that Lua would read otherwise are written by their number.
    assert 'wrk.body = "\\137P\\034\\092\\010"' in text
    assert "request = function" not in text


def test_a_varying_request_is_built_every_time() -> None:
    text = script(Call("x", "/generate?label=19", tail=Tail('"&seed=" .. counter', "&seed=7")))
    assert 'wrk.path = "/generate?label=19"' in text
    assert 'return wrk.format(nil, path .. "&seed=" .. counter)' in text


def test_a_missing_wrk_is_named_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BenchmarkError, match="apt-get install wrk"):
        executable()


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_wrk_that_cannot_connect_is_an_error() -> None:
    with pytest.raises(BenchmarkError, match="unable to connect"):
        load(1, Call("x", "/"), 1, 1, 0)
