import asyncio
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from glyphvae.errors import Busy, DeadlineExceeded
from glyphvae.scheduling.deadline import Ticket, checkpoint, current
from glyphvae.scheduling.worker_pool import NICENESS, Lane

PATIENCE = 60


class Gate:
    """Work that goes on only when it is let."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self.passed = threading.Event()

    def __call__(self) -> str:
        self.reached.set()
        assert self.opened.wait(PATIENCE)
        checkpoint()
        self.passed.set()
        return "done"


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


async def reached(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, PATIENCE)


def issue(seconds: float = 60) -> Ticket:
    """A ticket for what the calling test asks."""
    ticket = Ticket(seconds, Lane("bytes", 1), lambda: False)
    current.set(ticket)
    return ticket


def thread_and(*arguments: object, **options: object) -> tuple[int, object]:
    return threading.get_ident(), (arguments, options)


async def test_work_is_done_in_a_thread() -> None:
    lane = Lane("rows", 10)
    thread, received = await lane.run(1, thread_and, 1, two=2)
    assert thread != threading.get_ident()
    assert received == ((1,), {"two": 2})
    with pytest.raises(ValueError, match="four"):
        await lane.run(1, int, "four")


async def test_the_queue_is_bounded(gate: Gate) -> None:
    lane = Lane("rows", 10)
    first = asyncio.create_task(lane.run(6, gate))
    await reached(gate.reached)
    second = asyncio.create_task(lane.run(4, str))
    await asyncio.sleep(0)
    assert lane.queued == 10
    with pytest.raises(Busy, match=r"The queue is full: 10 of at most 10 rows\.") as caught:
        await lane.run(1, str)
    assert caught.value.headers == {"Retry-After": "1"}
    gate.opened.set()
    assert (await first, await second) == ("done", "")
    assert await lane.run(10, str) == ""


async def test_one_request_alone_may_exceed_the_limit() -> None:
    assert await Lane("rows", 10).run(1000, str) == ""


async def test_a_request_that_was_let_in_stays_in(gate: Gate) -> None:
    lane = Lane("rows", 10, threads=2)
    issue()
    assert await lane.run(1, str) == ""
    other = asyncio.create_task(lane.run(10, gate))
    await reached(gate.reached)
    assert await lane.run(1000, str) == ""
    refused = issue()
    with pytest.raises(Busy):
        await lane.run(1, str)
    assert refused.refused == "busy"
    gate.opened.set()
    await other


async def test_the_deadline_covers_waiting(gate: Gate) -> None:
    lane = Lane("rows", 10)
    running = asyncio.create_task(lane.run(1, gate))
    await reached(gate.reached)
    ticket = issue(seconds=0.01)
    never = Gate()
    with pytest.raises(DeadlineExceeded):
        await lane.run(1, never)
    assert ticket.refused == "deadline"
    gate.opened.set()
    await running
    issue()
    assert await lane.run(1, str) == ""
    assert not never.reached.is_set()


async def test_the_deadline_covers_running(gate: Gate) -> None:
    lane = Lane("rows", 10)
    issue(seconds=0.01)
    with pytest.raises(DeadlineExceeded):
        await lane.run(3, gate)
    # The thread is not free before it notices, and what it has taken counts until then.
    assert lane.queued == 3
    gate.opened.set()
    issue()
    assert await lane.run(1, str) == ""
    assert not gate.passed.is_set()
    assert lane.queued == 0


async def test_the_thread_itself_looks_at_the_clock() -> None:
    lane = Lane("rows", 10)
    ticket = issue()

    def late() -> None:
        ticket.pause(-1000)
        checkpoint()

    with pytest.raises(DeadlineExceeded):
        await lane.run(1, late)


async def test_nothing_is_begun_for_a_client_that_has_gone(gate: Gate) -> None:
    lane = Lane("rows", 10)
    running = asyncio.create_task(lane.run(1, gate))
    await reached(gate.reached)
    gone = False
    current.set(Ticket(60, lane, lambda: gone))
    never = Gate()
    waiting = asyncio.create_task(lane.run(1, never))
    await asyncio.sleep(0)
    gone = True
    gate.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await running
    assert not never.reached.is_set()


@pytest.mark.parametrize("running", [False, True])
async def test_cancelled_work_is_dropped(gate: Gate, running: bool) -> None:
    lane = Lane("rows", 10)
    blocker = Gate()
    first = None if running else asyncio.create_task(lane.run(1, blocker))
    if first is not None:
        await reached(blocker.reached)
    issue()
    task = asyncio.create_task(lane.run(1, gate))
    if running:
        await reached(gate.reached)
    else:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    blocker.opened.set()
    gate.opened.set()
    if first is not None:
        await first
    current.set(None)
    assert await lane.run(1, str) == ""
    assert not gate.passed.is_set()
    assert (lane.queued, lane.stalled()) == (0, 0)


async def test_a_queue_that_does_not_move_is_noticed(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    lane = Lane("rows", 10)
    assert lane.stalled() == 0
    moment = 100.0
    monkeypatch.setattr("glyphvae.scheduling.worker_pool.monotonic", lambda: moment)
    running = asyncio.create_task(lane.run(1, gate))
    await reached(gate.reached)
    waiting = asyncio.create_task(lane.run(1, str))
    await asyncio.sleep(0)
    moment = 111.0
    assert lane.stalled() == 11
    gate.opened.set()
    await asyncio.gather(running, waiting)
    assert lane.stalled() == 0


async def test_work_that_moves_on_is_not_stalled(monkeypatch: pytest.MonkeyPatch) -> None:
    lane = Lane("rows", 10)
    moment = 100.0
    monkeypatch.setattr("glyphvae.scheduling.worker_pool.monotonic", lambda: moment)

    def two_pieces() -> tuple[float, float]:
        nonlocal moment
        moment = 120.0
        before = lane.stalled()
        lane.beat()
        return before, lane.stalled()

    assert await lane.run(1, two_pieces) == (20, 0)


async def test_one_thread_that_hangs_among_several_is_noticed(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    lane = Lane("bytes", 10, threads=2)
    moment = 100.0
    monkeypatch.setattr("glyphvae.scheduling.worker_pool.monotonic", lambda: moment)
    hanging = asyncio.create_task(lane.run(1, gate))
    await reached(gate.reached)
    moment = 111.0
    assert await lane.run(1, str) == ""
    assert lane.stalled() == 11
    gate.opened.set()
    await hanging


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads share their process's niceness")
async def test_threads_step_back_behind_the_event_loop() -> None:
    here = os.getpriority(os.PRIO_PROCESS, 0)
    there = await Lane("bytes", 10).run(1, lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert there == min(here + NICENESS, 19)
    assert os.getpriority(os.PRIO_PROCESS, 0) == here
