import os

import pytest

from benchmarks.cores import BenchmarkError, on_cores, two_cores


def test_work_is_pinned_only_as_long_as_asked() -> None:
    before = os.sched_getaffinity(0)
    with on_cores(min(before)):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_one_core_is_too_few() -> None:
    with on_cores(min(os.sched_getaffinity(0))), pytest.raises(BenchmarkError, match="two processor cores"):
        two_cores()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two processor cores")
def test_server_and_load_have_different_cores() -> None:
    server, load = two_cores()
    assert server != load
    assert {server, load} <= os.sched_getaffinity(0)
