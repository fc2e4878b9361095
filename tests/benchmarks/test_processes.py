import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from benchmarks import processes
from benchmarks.processes import BenchmarkError, on_cores, two_cores

# A parent that prints its child's id and then does nothing.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def family() -> Iterator[tuple[int, int]]:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        yield parent.pid, child
        processes.send_all([parent.pid, child], signal.SIGKILL)


def test_a_tree_holds_descendants(family: tuple[int, int]) -> None:
    assert processes.tree(family[0]) == list(family)
    assert set(family) <= set(processes.tree(os.getpid()))


def test_memory_is_that_of_all(family: tuple[int, int]) -> None:
    parent, child = (processes.resident_bytes([one]) for one in family)
    assert parent > 1_000_000
    assert processes.resident_bytes(family) == pytest.approx(parent + child, rel=0.1)


def test_the_peak_is_remembered_until_it_is_forgotten() -> None:
    me = [os.getpid()]
    block = bytearray(b"x" * 50_000_000)
    high = processes.peak_bytes(me)
    del block
    processes.forget_peak(me)
    assert processes.peak_bytes(me) < high - 25_000_000


def test_processor_time_grows_with_work_and_not_with_sleep() -> None:
    me = [os.getpid()]
    before = processes.cpu_seconds(me)
    time.sleep(0.1)
    slept = processes.cpu_seconds(me)
    deadline = time.thread_time() + 0.1
    while time.thread_time() < deadline:
        pass
    assert slept - before < 0.1
    assert processes.cpu_seconds(me) - slept >= 0.09


def test_a_process_that_has_ended_counts_nothing() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert processes.tree(ended.pid) == [ended.pid]
    assert processes.resident_bytes([ended.pid]) == 0
    assert processes.cpu_seconds([ended.pid]) == 0
    processes.send_all([ended.pid], signal.SIGKILL)


def test_work_is_pinned_only_as_long_as_asked() -> None:
    before = os.sched_getaffinity(0)
    with on_cores(min(before)):
        assert os.sched_getaffinity(0) == {min(before)}
        with pytest.raises(BenchmarkError, match="two processor cores"):
            two_cores()
    assert os.sched_getaffinity(0) == before


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two processor cores")
def test_server_and_load_have_different_cores() -> None:
    server, load = two_cores()
    assert server != load
    assert {server, load} <= os.sched_getaffinity(0)
