import numpy as np
import pytest

from benchmarks.calls import Call, service_calls, vector_calls
from benchmarks.http import Case, Turn, bare_sizes, in_turns, measure_cases
from benchmarks.peers import BARE, bare_call
from benchmarks.processes import BenchmarkError
from benchmarks.server import staged
from benchmarks.servers.glyphs import png
from tests.benchmarks.examples import needs_two_cores, needs_wrk


def test_similar_sizes_share_a_bare_limit_and_others_do_not() -> None:
    assert bare_sizes([450, 300, 601, 2000, 300]) == {300: 300, 450: 300, 601: 601, 2000: 2000}
    assert bare_sizes([]) == {}


def test_every_request_to_the_service_has_a_name_of_its_own() -> None:
    calls = [*service_calls(png(np.zeros((28, 28), np.uint8))), *vector_calls()]
    assert len({call.name for call in calls}) == len(calls)


def test_a_request_is_http() -> None:
    raw = Call("x", "/encode?label=19", b"body", {"Content-Type": "image/png"}).raw()
    assert raw == (
        b"POST /encode?label=19 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nContent-Type: image/png\r\n\r\nbody"
    )


@needs_wrk
@needs_two_cores
def test_the_bare_limit_is_itself_in_every_round_and_a_server_that_fails_ends_the_run() -> None:
    """Measured as if it were a candidate too, in responses of its own size: ratio 1 to itself, and no errors."""
    with staged([BARE]) as stage:
        case = Case(BARE.name, bare_call(300), 300)
        figures = measure_cases(stage, [case], rounds=2, seconds=1, connections=(4,))
        with pytest.raises(BenchmarkError, match="answered no request: broken"):
            in_turns(stage, [{"x": Turn(BARE.name, Call("broken", "/?no-size"), 1)}], 1, 1)
    (figure,) = figures
    assert figure["ratios"] == figure["p50_ratios"] == [1.0, 1.0]
    assert (figure["connections"], figure["errors"], len(figure["rounds"])) == (4, 0, 2)
