import os
import shutil

import numpy as np
import pytest

from benchmarks.call import Call
from benchmarks.calls import glyphvae
from benchmarks.http import BARE, Case, Options, bare_sizes, measure_cases
from benchmarks.programs import bare, bare_call
from benchmarks.stage import staged
from glyphvae.formats import png


def test_similar_sizes_share_a_bare_limit_and_others_do_not() -> None:
    assert bare_sizes([450, 300, 601, 2000, 300]) == {300: 300, 450: 300, 601: 601, 2000: 2000}
    assert bare_sizes([]) == {}


def test_every_request_to_the_service_has_a_name_of_its_own() -> None:
    calls = glyphvae(png.encode(np.zeros((28, 28), np.uint8)))
    assert len({call.name for call in calls}) == len(calls)


def test_a_request_is_http() -> None:
    raw = Call("x", "/encode?label=19", b"body", {"Content-Type": "image/png"}).raw()
    assert raw == (
        b"POST /encode?label=19 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nContent-Type: image/png\r\n\r\nbody"
    )


@pytest.mark.skipif(
    shutil.which("wrk") is None or len(os.sched_getaffinity(0)) < 2, reason="needs wrk and two processor cores"
)
def test_the_bare_limit_is_itself_in_every_round() -> None:
    """Measured as if it were a candidate too, in answers of its own size: ratio 1 to itself, and no errors."""
    with staged([bare()]) as stage:
        case = Case(BARE, bare_call(300), 300)
        figures = measure_cases(stage, [case], Options(rounds=2, seconds=1, warm_up=1, connections=(1, 4)))
    assert [figure["connections"] for figure in figures] == [1, 4]
    for figure in figures:
        assert figure["ratios"] == [1.0, 1.0]
        assert figure["p50_ratios"] == [1.0, 1.0]
        assert figure["errors"] == 0
        assert len(figure["rounds"]) == 2
