import asyncio
import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from glyphvae.errors import Busy, DeadlineExceeded
from glyphvae.scheduling.batching import MAX_ROWS, Batcher, Rows
from glyphvae.scheduling.deadline import Ticket, current
from glyphvae.scheduling.worker_pool import Lane


@pytest.fixture
def worker() -> Lane:
    return Lane("rows", 10 * MAX_ROWS)


class Doubler:
    """Doubles its first argument, and remembers how many rows each run had, and where."""

    def __init__(self) -> None:
        self.runs: list[int] = []
        self.threads: set[int] = set()

    def __call__(self, rows: Rows) -> Rows:
        numbers, labels = rows
        assert len(numbers) == len(labels)
        self.runs.append(len(numbers))
        self.threads.add(threading.get_ident())
        return 2 * numbers, labels


def rows(start: int, n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.arange(start, start + n), np.zeros(n, np.int64)


async def first(batcher: Batcher, start: int, n: int) -> list[int]:
    numbers: list[int] = (await batcher(*rows(start, n)))[0].tolist()
    return numbers


def doubled(start: int, n: int) -> list[int]:
    return [2 * number for number in range(start, start + n)]


async def test_concurrent_calls_share_a_run(worker: Lane) -> None:
    run = Doubler()
    batcher = Batcher(run, worker, "cvae")
    answers = await asyncio.gather(*(first(batcher, 10 * i, i + 1) for i in range(5)))
    assert answers == [doubled(10 * i, i + 1) for i in range(5)]
    assert run.runs == [1 + 2 + 3 + 4 + 5]


async def test_a_call_alone_runs_at_once_and_alone(worker: Lane) -> None:
    run = Doubler()
    batcher = Batcher(run, worker, "cvae")
    assert await first(batcher, 1, 2) == doubled(1, 2)
    assert await first(batcher, 5, 1) == doubled(5, 1)
    assert run.runs == [2, 1]
    assert run.threads == {threading.get_ident()}


async def test_a_run_is_no_longer_than_the_limit(worker: Lane) -> None:
    run = Doubler()
    batcher = Batcher(run, worker, "cvae")
    sizes = [MAX_ROWS, 1, MAX_ROWS - 1, 2]
    answers = await asyncio.gather(*(first(batcher, 0, size) for size in sizes))
    assert answers == [doubled(0, size) for size in sizes]
    assert run.runs == [MAX_ROWS, MAX_ROWS, 2]


async def test_a_large_call_runs_in_slices_on_the_worker(worker: Lane) -> None:
    run = Doubler()
    batcher = Batcher(run, worker, "cvae")
    assert await first(batcher, 3, 2 * MAX_ROWS + 5) == doubled(3, 2 * MAX_ROWS + 5)
    assert run.runs == [MAX_ROWS, MAX_ROWS, 5]
    assert threading.get_ident() not in run.threads


async def test_a_call_at_the_limit_is_not_large(worker: Lane) -> None:
    run = Doubler()
    await first(Batcher(run, worker, "cvae"), 0, MAX_ROWS)
    assert run.threads == {threading.get_ident()}


async def test_a_large_call_does_not_block_a_small_one(worker: Lane) -> None:
    started, finish = threading.Event(), threading.Event()

    def run(arguments: Rows) -> Rows:
        if threading.get_ident() != loop_thread:
            started.set()
            assert finish.wait(60)
        return arguments

    loop_thread = threading.get_ident()
    batcher = Batcher(run, worker, "cvae")
    large = asyncio.create_task(first(batcher, 0, MAX_ROWS + 1))
    await asyncio.to_thread(started.wait, 60)
    assert await first(batcher, 7, 2) == [7, 8]
    assert not large.done()
    finish.set()
    assert len(await large) == MAX_ROWS + 1


async def test_an_error_reaches_every_caller_and_no_later_one(worker: Lane) -> None:
    broken = True

    def run(arguments: Rows) -> Rows:
        if broken:
            raise RuntimeError("broken")
        return arguments

    batcher = Batcher(run, worker, "cvae")
    answers = await asyncio.gather(*(first(batcher, i, 1) for i in range(3)), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["broken"] * 3
    with pytest.raises(RuntimeError, match="broken"):
        await first(batcher, 0, MAX_ROWS + 1)
    broken = False
    assert await first(batcher, 4, 1) == [4]


async def test_a_cancelled_call_is_dropped(worker: Lane) -> None:
    run = Doubler()
    batcher = Batcher(run, worker, "cvae")
    gone = asyncio.create_task(first(batcher, 0, 50))
    waiting = asyncio.create_task(first(batcher, 100, 2))
    await asyncio.sleep(0)  # both have been called, and neither has run
    gone.cancel()
    assert await waiting == doubled(100, 2)
    assert run.runs == [2]
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_nothing_runs_where_every_call_was_cancelled(worker: Lane) -> None:
    run = Doubler()
    batcher = Batcher(run, worker, "cvae")
    gone = asyncio.create_task(first(batcher, 0, 50))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert run.runs == []
    assert await first(batcher, 1, 1) == [2]


async def test_between_two_batches_the_loop_has_its_turn(worker: Lane) -> None:
    turns: list[str] = []

    def run(arguments: Rows) -> Rows:
        turns.append("batch")
        return arguments

    batcher = Batcher(run, worker, "cvae")
    calls = [asyncio.create_task(first(batcher, 0, MAX_ROWS)) for _ in range(2)]
    await asyncio.sleep(0)
    assert batcher.queued == batcher.telemetry.queued["cvae"] == 2 * MAX_ROWS
    asyncio.get_running_loop().call_soon(turns.append, "loop")
    await asyncio.gather(*calls)
    assert turns == ["batch", "loop", "batch"]
    assert batcher.queued == batcher.telemetry.queued["cvae"] == 0


def issue(worker: Lane, gone: bool = False) -> Ticket:
    ticket = Ticket(60, worker, lambda: gone)
    current.set(ticket)
    return ticket


@pytest.mark.parametrize(("gone", "error"), [(True, asyncio.CancelledError), (False, DeadlineExceeded)])
async def test_a_call_that_came_to_nothing_while_it_waited_does_not_run(
    worker: Lane, gone: bool, error: type[BaseException]
) -> None:
    run = Doubler()
    batcher = Batcher(run, worker, "cvae")
    issue(worker)
    wanted = asyncio.create_task(first(batcher, 0, 1))
    ticket = issue(worker, gone)
    unwanted = asyncio.create_task(first(batcher, 0, 50))
    ticket.pause(0 if gone else -1000)
    with pytest.raises(error):
        await unwanted
    assert await wanted == [0]
    assert run.runs == [1]


async def test_a_large_call_stops_between_slices(worker: Lane) -> None:
    run = Doubler()
    ticket = issue(worker)

    def slow(arguments: Rows) -> Rows:
        ticket.pause(-1000)
        return run(arguments)

    with pytest.raises(DeadlineExceeded):
        await first(Batcher(slow, worker, "cvae"), 0, 3 * MAX_ROWS)
    assert run.runs == [MAX_ROWS]


async def test_too_many_large_calls_are_refused(worker: Lane) -> None:
    finish = threading.Event()

    def run(arguments: Rows) -> Rows:
        assert finish.wait(60)
        return arguments

    batcher = Batcher(run, worker, "cvae")
    running = asyncio.create_task(first(batcher, 0, 10 * MAX_ROWS))
    await asyncio.sleep(0)
    assert batcher.telemetry.queued["cvae"] == 10 * MAX_ROWS
    with pytest.raises(Busy):
        await first(batcher, 0, MAX_ROWS + 1)
    assert batcher.telemetry.queued["cvae"] == 10 * MAX_ROWS
    finish.set()
    assert len(await running) == 10 * MAX_ROWS
    assert batcher.telemetry.queued["cvae"] == 0


async def test_waits_and_runs_are_counted(worker: Lane) -> None:
    batcher = Batcher(Doubler(), worker, "cvae")
    await asyncio.gather(first(batcher, 0, 2), first(batcher, 0, 1), first(batcher, 0, MAX_ROWS + 1))
    counts = batcher.telemetry
    assert sum(counts.waits["cvae"].counts) == 3
    assert sum(counts.runs["cvae"].counts) == 2
    assert counts.batches["cvae"].total == 3 + MAX_ROWS + 1
