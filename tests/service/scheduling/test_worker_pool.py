import os
import sys
import threading
from concurrent.futures import Future

import pytest

from glyphvae.errors import Busy, DeadlineExceeded, NotReady
from glyphvae.scheduling.deadline import ClientGoneError, Deadline, checkpoint
from glyphvae.scheduling.worker_pool import NICENESS, WorkerPool
from tests.service.support import PATIENCE, Clock, Gate


@pytest.fixture
def pool() -> WorkerPool:
    return WorkerPool("rows", 10)


def deadline(seconds: float = 60) -> Deadline:
    return Deadline(seconds, lambda: False)


def started(pool: WorkerPool, size: int, gate: Gate) -> "Future[str]":
    task = pool.submit(size, None, gate)
    assert gate.reached.wait(PATIENCE)
    return task


def thread_and(*arguments: object, **options: object) -> tuple[int, object]:
    return threading.get_ident(), (arguments, options)


def settled(pool: WorkerPool) -> None:
    """Wait until the only thread has given back what its tasks had reserved."""
    pool._executor.submit(int).result(PATIENCE)


def test_work_is_done_in_a_thread(pool: WorkerPool) -> None:
    thread, received = pool.submit(1, None, thread_and, 1, two=2).result(PATIENCE)
    assert thread != threading.get_ident()
    assert received == ((1,), {"two": 2})
    with pytest.raises(ValueError, match="four"):
        pool.submit(1, None, int, "four").result(PATIENCE)


def test_the_queue_is_bounded(pool: WorkerPool, gate: Gate) -> None:
    first = started(pool, 6, gate)
    second = pool.submit(4, None, str)
    assert pool.queued == 10
    refused = deadline()
    for one in (None, refused):
        with pytest.raises(Busy, match=r"The queue is full: 10 of at most 10 rows\.") as caught:
            pool.submit(1, one, str)
        assert caught.value.headers == {"Retry-After": "1"}
    assert refused.refused == "busy"
    gate.opened.set()
    assert (first.result(PATIENCE), second.result(PATIENCE)) == ("done", "")
    settled(pool)
    assert pool.submit(10, None, str).result(PATIENCE) == ""


def test_one_request_alone_may_exceed_the_limit(pool: WorkerPool) -> None:
    assert pool.submit(1000, None, str).result(PATIENCE) == ""
    settled(pool)
    holding = deadline()
    pool.take(10, holding)
    holding.held = 10  # its own body, say, does not stand in its way
    assert pool.submit(1000, holding, str).result(PATIENCE) == ""


def test_a_request_that_was_let_in_stays_in(pool: WorkerPool, gate: Gate) -> None:
    admitted = deadline()
    pool.submit(1, admitted, str).result(PATIENCE)
    settled(pool)
    other = started(pool, 10, gate)
    later = pool.submit(1000, admitted, str)
    gate.opened.set()
    assert (other.result(PATIENCE), later.result(PATIENCE)) == ("done", "")


@pytest.mark.parametrize(("seconds", "leaves", "error"), [(-1, False, DeadlineExceeded), (60, True, ClientGoneError)])
def test_nothing_is_begun_that_is_no_longer_wanted(
    pool: WorkerPool, gate: Gate, seconds: float, leaves: bool, error: type[Exception]
) -> None:
    started(pool, 1, gate)
    never, left = Gate(), threading.Event()
    waiting = pool.submit(1, Deadline(seconds, left.is_set), never)
    if leaves:
        left.set()
    gate.opened.set()
    with pytest.raises(error):
        waiting.result(PATIENCE)
    assert not never.reached.is_set()


def test_work_that_is_given_up_stops_at_its_next_checkpoint(pool: WorkerPool, gate: Gate) -> None:
    given_up = deadline()
    task = pool.submit(3, given_up, gate)
    assert gate.reached.wait(PATIENCE)
    given_up.cancel()
    # The thread is not free before it notices, and what it has taken counts until then.
    assert pool.queued == 3
    gate.opened.set()
    with pytest.raises(ClientGoneError):
        task.result(PATIENCE)
    settled(pool)
    assert not gate.passed.is_set()
    assert (pool.queued, pool.stalled()) == (0, 0)


def test_work_that_is_cancelled_before_its_start_is_dropped(pool: WorkerPool, gate: Gate) -> None:
    first, never = started(pool, 1, gate), Gate()
    assert pool.submit(1, None, never).cancel()
    assert pool.queued == 1
    gate.opened.set()
    first.result(PATIENCE)
    settled(pool)
    assert not never.reached.is_set()
    assert (pool.queued, pool.stalled()) == (0, 0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("glyphvae.scheduling.worker_pool.monotonic", clock)
    return clock


def test_a_queue_that_does_not_move_is_noticed(pool: WorkerPool, gate: Gate, clock: Clock) -> None:
    assert pool.stalled() == 0
    started(pool, 1, gate)
    pool.submit(1, None, str)
    clock.now += 11
    assert pool.stalled() == 11
    gate.opened.set()
    settled(pool)
    assert pool.stalled() == 0


def test_a_task_that_no_thread_takes_is_noticed(pool: WorkerPool, gate: Gate, clock: Clock) -> None:
    pool._executor.submit(gate)
    clock.now += 7
    pool.submit(1, None, str)
    clock.now += 5
    pool.submit(1, None, str)
    assert pool.stalled() == 5


def test_work_that_moves_on_is_not_stalled(pool: WorkerPool, clock: Clock) -> None:
    def two_pieces() -> tuple[float, float]:
        clock.now += 20
        before = pool.stalled()
        checkpoint()
        return before, pool.stalled()

    assert pool.submit(1, None, two_pieces).result(PATIENCE) == (20, 0)


def test_one_thread_that_hangs_among_several_is_noticed(gate: Gate, clock: Clock) -> None:
    pool = WorkerPool("bytes", 10, threads=2)
    started(pool, 1, gate)
    clock.now += 11
    assert pool.submit(1, None, str).result(PATIENCE) == ""
    assert pool.stalled() == 11


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads share their process's niceness")
@pytest.mark.parametrize(("platform", "nicer"), [("linux", NICENESS), ("darwin", 0)])
def test_threads_step_back_behind_the_event_loop(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch, platform: str, nicer: int
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    here = os.getpriority(os.PRIO_PROCESS, 0)
    task = pool.submit(1, None, lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert task.result(PATIENCE) == min(here + nicer, 19)
    assert os.getpriority(os.PRIO_PROCESS, 0) == here


def holding(pool: WorkerPool, held: int, deadline: Deadline | None, work: Gate) -> "Future[str]":
    return pool.submit(1, deadline, pool.hold, held, work, ())


def test_work_waits_in_its_thread_until_there_is_memory(gate: Gate) -> None:
    pool, second = WorkerPool("bytes", 10, threads=2, memory=100), Gate()
    first = holding(pool, 60, None, gate)
    assert gate.reached.wait(PATIENCE)
    waiting = holding(pool, 41, None, second)
    assert not second.reached.wait(0.05)
    second.opened.set()
    gate.opened.set()
    assert (first.result(PATIENCE), waiting.result(PATIENCE)) == ("done", "done")


def test_work_for_which_there_is_memory_runs_beside_other_work(gate: Gate) -> None:
    pool, second = WorkerPool("bytes", 10, threads=2, memory=100), Gate()
    holding(pool, 60, None, gate)
    assert gate.reached.wait(PATIENCE)
    second.opened.set()
    assert holding(pool, 40, None, second).result(PATIENCE) == "done"
    assert not gate.passed.is_set()


def test_work_that_needs_all_memory_and_more_runs_alone() -> None:
    pool, only = WorkerPool("bytes", 10, memory=100), Gate()
    only.opened.set()
    assert holding(pool, 101, None, only).result(PATIENCE) == "done"


def test_work_that_waits_for_memory_is_given_up_in_time(gate: Gate) -> None:
    pool, never, given_up = WorkerPool("bytes", 10, threads=2, memory=100), Gate(), deadline()
    holding(pool, 60, None, gate)
    assert gate.reached.wait(PATIENCE)
    waiting = holding(pool, 60, given_up, never)
    given_up.cancel()
    with pytest.raises(ClientGoneError):
        waiting.result(PATIENCE)
    assert not never.reached.is_set()


def test_memory_is_given_back_by_work_that_fails() -> None:
    pool = WorkerPool("bytes", 10, memory=100)
    for _ in range(2):
        with pytest.raises(ValueError, match="four"):
            pool.submit(1, None, pool.hold, 100, int, ("four",)).result(PATIENCE)


def test_where_no_thread_can_be_started_work_is_refused_and_forgotten(
    pool: WorkerPool, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    never, refused = Gate(), deadline()
    with monkeypatch.context() as patched:
        # As where the system has no room for another one.
        patched.setattr("_thread.start_new_thread", _no_thread)
        patched.setattr("threading._start_new_thread", _no_thread)
        with pytest.raises(NotReady, match="No thread can be started") as caught:
            pool.submit(10, refused, never)
    assert caught.value.headers == {"Retry-After": "1"}
    assert (pool.queued, pool.stalled(), refused.admitted) == (0, 0, False)
    # The executor has kept it for the thread that starts now.
    later = started(pool, 10, gate)
    gate.opened.set()
    assert later.result(PATIENCE) == "done"
    settled(pool)
    assert not never.reached.is_set()
    assert (pool.queued, pool.stalled()) == (0, 0)


def _no_thread(*_: object) -> None:
    raise RuntimeError("can't start new thread")
