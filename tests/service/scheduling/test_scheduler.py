"""Programs of many requests, advanced together; every test drives the loop by the steps that it yields."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from glyphvae.errors import Busy, DeadlineExceeded
from glyphvae.observability.access_log import Work
from glyphvae.observability.telemetry import Telemetry
from glyphvae.scheduling import scheduler as module
from glyphvae.scheduling.cost import INLINE, Cost
from glyphvae.scheduling.deadline import ClientGoneError
from glyphvae.scheduling.scheduler import BUDGET, HEAVY, AwaitedJob, Scheduler
from glyphvae.scheduling.steps import MAX_ROWS, Call, Execute, Graph, Offload, Program, Rows, Wait, inline
from glyphvae.scheduling.worker_pool import WorkerPool
from tests.service.support import PATIENCE, Clock, Gate

LIMIT = 10 * MAX_ROWS


class Harness:
    """A scheduler, and a graph that doubles its first argument and notes how many rows each run had, and where."""

    def __init__(self, max_queued: int = 1000) -> None:
        self.telemetry = Telemetry()
        self.scheduler = Scheduler(self.telemetry, WorkerPool("bytes", 100 * INLINE), max_queued, 5)
        self.graph = Graph(self.double, WorkerPool("rows", LIMIT), "cvae")
        self.runs: list[int] = []
        self.threads: set[int] = set()
        self.before: Callable[[], object] = lambda: None
        self.spend: Callable[[], object] = lambda: None

    def double(self, rows: Rows) -> Rows:
        self.before()
        self.spend()
        self.runs.append(len(rows[0]))
        self.threads.add(threading.get_ident())
        return (2 * rows[0],)

    def doubled(self, start: int, n: int) -> Program[list[int]]:
        (numbers,) = yield Call(self.graph, (np.arange(start, start + n),))
        return list(map(int, numbers))

    def submit(
        self,
        program: Program[Any],
        job: AwaitedJob[Any] | None = None,
        *,
        cost: int = 1,
        work: Work | None = None,
        pause: int = 0,
    ) -> "asyncio.Future[Any]":
        """Queue a program, and return the future of its result."""
        job = job or lasting()
        if work is not None:
            job.work = work
        job.begin(program, cost)
        self.scheduler.submit(job, pause)
        return job.future

    def ask(self, start: int, n: int, job: AwaitedJob[Any] | None = None) -> "asyncio.Future[list[int]]":
        return self.submit(self.doubled(start, n), job)


def lasting(seconds: float = PATIENCE) -> AwaitedJob[Any]:
    return AwaitedJob(seconds, lambda: False, Work())


def expected(start: int, n: int) -> list[int]:
    return [2 * number for number in range(start, start + n)]


@pytest.fixture
def harness() -> Harness:
    return Harness()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "perf_counter", clock)
    return clock


@pytest.fixture
def one_batch_each(harness: Harness, clock: Clock) -> None:
    """Give every iteration no time for more than one batch."""
    harness.spend = clock.spend


async def iterations(count: int) -> None:
    """Let the loop run so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until_run(harness: Harness, rows: int) -> None:
    """Wait until so many rows have been computed."""
    async with asyncio.timeout(PATIENCE):
        while sum(harness.runs) < rows:  # noqa: ASYNC110 (threads count them)
            await asyncio.sleep(0.001)


async def test_concurrent_calls_share_a_run(harness: Harness) -> None:
    works = [Work() for _ in range(5)]
    asked = [harness.submit(harness.doubled(10 * i, i + 1), work=work) for i, work in enumerate(works)]
    assert await asyncio.gather(*asked) == [expected(10 * i, i + 1) for i in range(5)]
    assert harness.runs == [15]
    assert [(work.rows, work.batch) for work in works] == [(i + 1, 15) for i in range(5)]
    telemetry = harness.telemetry
    assert sum(telemetry.waits["cvae"].counts) == 5
    assert (sum(telemetry.runs["cvae"].counts), telemetry.batches["cvae"].total) == (1, 15)


async def test_a_program_pauses_for_others_to_join_it(harness: Harness) -> None:
    asked = []
    for start in range(3):
        asked.append(harness.submit(harness.doubled(start, 1), pause=4))
        await iterations(3)
    assert harness.runs == []
    assert await asyncio.gather(*asked) == [expected(start, 1) for start in range(3)]
    assert harness.runs == [3]


async def test_a_pause_ends_with_a_program_that_wants_none(harness: Harness) -> None:
    asked = [harness.submit(harness.doubled(1, 1), pause=1000), harness.submit(harness.doubled(5, 1))]
    await iterations(2)
    assert [future.result() for future in asked] == [expected(1, 1), expected(5, 1)]
    assert harness.runs == [2]


async def test_nothing_pauses_while_there_is_something_to_do(harness: Harness) -> None:
    """Neither as much work as an iteration takes nor a program that goes on waits for it."""
    heavy = [harness.submit(harness.doubled(1, 1), cost=HEAVY, pause=1000) for _ in range(BUDGET // HEAVY)]
    await iterations(2)
    assert all(future.done() for future in heavy)
    job = lasting()
    job.begin(harness.doubled(1, 1), 1)
    paused = harness.submit(harness.doubled(5, 1), pause=1000)
    harness.scheduler.resume(job)
    await iterations(2)
    assert job.future.result() == expected(1, 1)
    assert paused.result() == expected(5, 1)


async def test_a_call_alone_runs_at_once_and_alone(harness: Harness) -> None:
    assert await harness.ask(1, 2) == expected(1, 2)
    assert await harness.ask(5, MAX_ROWS) == expected(5, MAX_ROWS)
    assert harness.runs == [2, MAX_ROWS]
    assert harness.threads == {threading.get_ident()}


async def test_a_run_is_no_longer_than_the_limit(harness: Harness) -> None:
    sizes = [MAX_ROWS, 1, MAX_ROWS - 1, 2]
    assert await asyncio.gather(*(harness.ask(0, size) for size in sizes)) == [expected(0, size) for size in sizes]
    assert harness.runs == [MAX_ROWS, MAX_ROWS, 2]


async def test_steps_of_one_program_follow_each_other(harness: Harness) -> None:
    def twice() -> Program[list[int]]:
        first = yield from harness.doubled(1, 2)
        ready = yield from inline(sum, first)
        second = yield from harness.doubled(ready, 1)
        third: int = yield Offload(Cost(INLINE + 1), int, ("7",))
        return [*first, *second, third]

    work = Work()
    assert await harness.submit(twice(), work=work) == [2, 4, 12, 7]
    assert (work.rows, work.batch) == (3, 2)


@pytest.mark.usefixtures("one_batch_each")
async def test_functions_that_run_no_model_are_batched_and_not_counted(harness: Harness) -> None:
    class Joined:
        model = ""

        def run(self, calls: Sequence[tuple[str]], _: Execute) -> Sequence[str]:
            return ["".join(text for (text,) in calls)] * len(calls)

    def call(text: str) -> Program[str]:
        yield from harness.doubled(0, 1)
        result: str = yield Call(joined, (text,))
        return result

    joined = Joined()
    asked = [harness.submit(call(text)) for text in "abc"]
    await iterations(1)
    assert (harness.runs, harness.scheduler.queued()) == ([3], {})
    assert await asyncio.gather(*asked) == ["abc"] * 3
    assert list(harness.telemetry.waits) == ["cvae"]


@pytest.mark.usefixtures("one_batch_each")
async def test_between_two_batches_the_loop_has_its_turn(harness: Harness) -> None:
    order: list[object] = []
    harness.before = lambda: order.append("batch")
    asked = [harness.ask(0, MAX_ROWS) for _ in range(3)]
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: order.append(harness.telemetry.queued()))
    await iterations(1)
    loop.call_soon(order.append, "others")
    await asyncio.gather(*asked)
    # All three start in the first iteration, which has no time for the second batch.
    assert order == ["batch", {"cvae": 2 * MAX_ROWS}, "batch", "others", "batch"]


@pytest.mark.usefixtures("one_batch_each")
async def test_programs_start_no_faster_than_models_take_up_their_rows(harness: Harness) -> None:
    first = [harness.ask(0, MAX_ROWS) for _ in range(3)]
    await iterations(1)
    later = harness.ask(7, 1)
    await iterations(1)  # one batch still fills the model, so the last program does not start
    assert (len(harness.runs), harness.scheduler.queued()) == (2, {"cvae": MAX_ROWS})
    assert await later == [14]
    assert harness.runs == [MAX_ROWS, MAX_ROWS, MAX_ROWS, 1]
    await asyncio.gather(*first)


@pytest.mark.usefixtures("one_batch_each")
@pytest.mark.parametrize("is_waiting", [False, True])
async def test_nothing_runs_for_a_client_that_has_left(harness: Harness, is_waiting: bool) -> None:
    left = False
    staying = harness.ask(0, MAX_ROWS if is_waiting else 1)
    leaving = harness.ask(0, 50, AwaitedJob(PATIENCE, lambda: left, Work()))
    if is_waiting:
        await iterations(1)  # both have called the model, and only the first call fits into the batch
    left = True
    await staying
    with pytest.raises(ClientGoneError):
        await leaving
    assert harness.runs == [MAX_ROWS if is_waiting else 1]
    assert harness.telemetry.refused == {"gone": 1}


async def test_nothing_starts_after_its_time_limit(harness: Harness) -> None:
    late, wanted = harness.ask(0, 50, lasting(-1)), harness.ask(0, 1)
    with pytest.raises(DeadlineExceeded):
        await late
    assert await wanted == [0]
    assert harness.runs == [1]
    assert harness.telemetry.refused == {"deadline": 1}


async def test_a_coroutine_that_is_cancelled_has_its_program_dropped(harness: Harness) -> None:
    ahead = [harness.submit(harness.doubled(0, 2), cost=BUDGET) for _ in range(2)]
    job = lasting()
    caller = asyncio.create_task(harness.scheduler.run(job, harness.doubled(0, 1), 1))
    await ahead[0]
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await ahead[1]
    await iterations(1)
    assert (harness.runs, job.done) == ([2, 2], True)
    assert harness.telemetry.refused == {"gone": 1}


@pytest.mark.parametrize("queued", [False, True])
async def test_pieces_of_a_response_do_not_queue(harness: Harness, queued: bool) -> None:
    order: list[str] = []
    others = harness.submit(inline(order.append, "other"))
    await harness.scheduler.run(lasting(), inline(order.append, "mine"), 1, queued=queued)
    await others
    assert order == (["other", "mine"] if queued else ["mine", "other"])


async def test_an_error_reaches_every_caller_and_no_later_one(harness: Harness) -> None:
    def fail() -> None:
        raise RuntimeError("broken")

    harness.before = fail
    asked = [harness.ask(i, 1) for i in range(3)]
    failed = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(error) for error in failed] == ["broken"] * 3
    with pytest.raises(RuntimeError, match="broken"):
        await harness.ask(0, MAX_ROWS + 1)
    harness.before = lambda: None
    assert await harness.ask(4, 1) == [8]
    assert sum(harness.telemetry.runs["cvae"].counts) == 1
    assert harness.telemetry.refused == {}


@pytest.mark.parametrize("error", [ValueError("no"), ClientGoneError()])
@pytest.mark.parametrize("size", [INLINE, INLINE + 1])
async def test_an_error_of_a_program_ends_it_alone(harness: Harness, error: Exception, size: int) -> None:
    def fail() -> None:
        raise error

    def program() -> Program[None]:
        yield Offload(Cost(size), fail)

    failing, fine = harness.submit(program()), harness.ask(1, 1)
    with pytest.raises(type(error)):
        await failing
    assert await fine == [2]
    assert harness.telemetry.refused == ({"gone": 1} if isinstance(error, ClientGoneError) else {})


class BrokenJob(AwaitedJob[Any]):
    """A job whose connection cannot be written to."""

    def send(self, result: object) -> None:  # noqa: ARG002
        raise OSError("no space left on device")

    def fail(self, error: Exception) -> None:  # noqa: ARG002
        raise OSError("no space left on device")

    def leave(self) -> None:
        raise OSError("no space left on device")


@pytest.mark.parametrize("outcome", ["sent", "failed", "dropped"])
async def test_a_job_that_fails_to_send_keeps_none_from_the_others(
    harness: Harness, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    asked = [harness.ask(0, 1)]
    harness.ask(1, 1, BrokenJob(-1 if outcome == "failed" else PATIENCE, lambda: outcome == "dropped", Work()))
    asked.append(harness.ask(2, 1))
    assert await asyncio.gather(*asked) == [[0], [4]]
    assert "a response was not sent" in caplog.text


async def test_a_result_that_comes_after_its_caller_has_left_is_not_an_error(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    for program in (inline(int, "7"), inline(int, "no number")):
        harness.submit(program).cancel()
    assert await harness.ask(1, 1) == [2]
    assert caplog.text == ""


# Queue and pace


async def test_the_queue_is_bounded_by_cost_and_by_time(clock: Clock) -> None:
    harness = Harness(max_queued=3)
    full = [harness.scheduler.full]
    for cost in (1, 1, 6, 3, 1):
        harness.submit(inline(int, "7"), cost=cost)
        full.append(harness.scheduler.full)
    assert full == [*[False] * 5, True]  # 12 glyphs are three small images
    await iterations(1)
    large = Harness(max_queued=9)
    for full_now in (False, False, True):
        large.submit(inline(int, "7"), cost=BUDGET)  # counts as 16
        assert large.scheduler.full == full_now
    await iterations(1)
    harness.ask(0, 1)
    full = [harness.scheduler.full]
    clock.now += 5.1
    assert [*full, harness.scheduler.full] == [False, True]
    await iterations(1)


async def test_fewer_programs_start_where_iterations_take_long(
    harness: Harness, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ITERATION", 0.25)

    def slow() -> None:
        clock.now += 1

    harness.before = slow
    await asyncio.gather(*(harness.ask(0, 1) for _ in range(2 * BUDGET)))
    assert harness.runs == [BUDGET, BUDGET // 4, BUDGET // 16, 2, *[1] * (2 * BUDGET - BUDGET * 21 // 16 - 2)]
    harness.runs.clear()
    harness.before = lambda: None
    await asyncio.gather(*(harness.ask(0, 1) for _ in range(60)))
    assert harness.runs == [1, 9, 17, 25, 8]


async def test_programs_that_take_long_share_iterations_with_others(harness: Harness, clock: Clock) -> None:
    begun: list[str] = []

    def long(name: str) -> Program[None]:
        begun.append(name)
        clock.spend()
        yield from ()

    for job in (lasting(), lasting()):
        job.begin(long("resumed"), 1)
        harness.scheduler.resume(job)
    for _ in range(3):
        harness.submit(long("new"))
    per_iteration = []
    while len(begun) < 5:
        await iterations(1)
        per_iteration.append(begun.copy())
    assert [len(names) for names in per_iteration] == [2, 4, 5]
    # Neither kind waits for all of the other.
    assert begun == ["resumed", "new", "resumed", "new", "new"]


@pytest.mark.parametrize(("arguments", "rows"), [((), 0), (("J",), 1)])
async def test_a_glyph_that_was_drawn_ahead_is_no_row_of_its_request(
    harness: Harness, arguments: tuple[str, ...], rows: int
) -> None:
    class Drawn:
        model = "cvae"

        def run(self, calls: Sequence[tuple[str, ...]], execute: Execute) -> Sequence[None]:
            execute(harness.graph, (np.arange(8),))
            return [None] * len(calls)

    def call() -> Program[None]:
        yield Call(Drawn(), arguments)

    work = Work()
    await harness.submit(call(), work=work)
    assert (work.rows, work.batch) == (rows, 8)


async def test_large_programs_start_one_by_one(harness: Harness) -> None:
    asked = [harness.submit(harness.doubled(0, 1), cost=BUDGET) for _ in range(3)]
    await asyncio.gather(*asked)
    assert harness.runs == [1, 1, 1]


# Work that takes long


async def test_a_large_call_runs_in_slices_in_a_thread(harness: Harness) -> None:
    work = Work()
    n = 2 * MAX_ROWS + 5
    assert await harness.submit(harness.doubled(3, n), work=work) == expected(3, n)
    assert harness.runs == [MAX_ROWS, MAX_ROWS, 5]
    assert threading.get_ident() not in harness.threads
    assert (work.rows, work.batch) == (n, MAX_ROWS)
    telemetry = harness.telemetry
    assert (sum(telemetry.waits["cvae"].counts), telemetry.batches["cvae"].total) == (1, n)


async def test_a_large_call_keeps_no_small_one_waiting(harness: Harness, gate: Gate) -> None:
    loop_thread = threading.get_ident()
    harness.before = lambda: threading.get_ident() == loop_thread or gate()
    large = harness.ask(0, LIMIT)
    await asyncio.to_thread(gate.reached.wait, PATIENCE)
    assert await harness.ask(7, 2) == [14, 16]
    assert not large.done()
    assert harness.scheduler.queued() == {"cvae": LIMIT}
    with pytest.raises(Busy):
        await harness.ask(0, MAX_ROWS + 1)
    assert harness.telemetry.refused == {"busy": 1}
    assert harness.scheduler.queued() == {"cvae": LIMIT}
    gate.opened.set()
    assert await large == expected(0, LIMIT)
    assert harness.scheduler.queued() == {"cvae": 0}


SIZE = 8 * LIMIT  # of a result, int64


@pytest.mark.parametrize("in_time", [True, False])
async def test_no_more_is_computed_while_large_results_wait(harness: Harness, gate: Gate, in_time: bool) -> None:
    def written() -> Program[object]:
        yield from harness.doubled(0, LIMIT)
        result: object = yield Offload(Cost(INLINE + 1), gate)
        return result

    harness.graph.pool = WorkerPool("rows", 3 * LIMIT, memory=2 * SIZE - 1)
    job = lasting()
    first = harness.submit(written(), job)
    assert await asyncio.to_thread(gate.reached.wait, PATIENCE)
    assert job.kept == SIZE
    waiting, last = harness.ask(0, LIMIT), harness.ask(1, LIMIT)
    await until_run(harness, 2 * LIMIT)
    await asyncio.sleep(0.05)
    # One result waits for room, and the last one is not begun.
    assert (sum(harness.runs), waiting.done(), last.done()) == (2 * LIMIT, False, False)
    if in_time:
        gate.opened.set()
        assert await first == "done"
    else:
        harness.scheduler._expire(job)
        with pytest.raises(DeadlineExceeded):
            await first
    assert (await waiting, await last) == (expected(0, LIMIT), expected(1, LIMIT))
    assert job.kept == 0


async def test_who_has_a_large_result_does_not_wait_for_room_for_another(harness: Harness) -> None:
    def twice() -> Program[list[int]]:
        yield from harness.doubled(0, LIMIT)
        return (yield from harness.doubled(1, LIMIT))

    harness.graph.pool = WorkerPool("rows", 3 * LIMIT, memory=1)
    assert await harness.submit(twice()) == expected(1, LIMIT)


async def test_large_results_go_with_their_programs_and_need_no_collector(harness: Harness) -> None:
    results: list[weakref.ref[np.ndarray]] = []

    def summed() -> Program[int]:
        (numbers,) = yield Call(harness.graph, (np.arange(LIMIT),))
        results.append(weakref.ref(numbers))
        return int(numbers.sum())

    gc.collect()
    gc.disable()
    try:
        assert await harness.submit(summed()) == LIMIT * (LIMIT - 1)
        harness.graph.pool._executor.submit(int).result(PATIENCE)  # the thread has forgotten it
        assert results[0]() is None
    finally:
        gc.enable()


async def test_a_result_that_comes_too_late_takes_no_room(harness: Harness) -> None:
    harness.graph.pool = WorkerPool("rows", 3 * LIMIT, memory=1)
    job = lasting()
    late = harness.ask(0, LIMIT, job)
    await iterations(1)
    harness.graph.pool._executor.submit(int).result(PATIENCE)  # the result is there; the loop does not know yet
    job.done = True
    assert await harness.ask(1, LIMIT) == expected(1, LIMIT)
    assert not late.done()


async def test_a_large_call_stops_between_slices(harness: Harness) -> None:
    deadline = lasting()
    harness.before = deadline.cancel
    with pytest.raises(ClientGoneError):
        await harness.ask(0, 3 * MAX_ROWS, deadline)
    assert harness.runs == [MAX_ROWS]
    assert harness.telemetry.refused == {"gone": 1}


@pytest.mark.parametrize(("size", "leaves"), [(INLINE - 1, False), (INLINE, False), (INLINE + 1, True)])
async def test_long_work_leaves_the_event_loops_thread(size: int, leaves: bool) -> None:
    harness = Harness()

    def program() -> Program[int]:
        thread: int = yield Offload(Cost(size), threading.get_ident)
        return thread

    assert (await harness.submit(program()) != threading.get_ident()) is leaves


async def test_a_time_limit_ends_a_program_while_its_work_runs(
    harness: Harness, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The clock of the deadline stands still, so that only the timer ends the program.
    monkeypatch.setattr("glyphvae.scheduling.deadline.monotonic", Clock())

    def program() -> Program[str]:
        result: str = yield Offload(Cost(INLINE + 1), gate)
        return result

    with pytest.raises(DeadlineExceeded):
        await harness.submit(program(), lasting(0.01))
    gate.opened.set()
    assert await harness.submit(inline(int, "7")) == 7
    await asyncio.to_thread(harness.scheduler.threads.submit(1, None, str).result, PATIENCE)
    await iterations(2)
    assert not gate.passed.is_set()
    assert harness.telemetry.refused == {"deadline": 1}


@pytest.mark.parametrize("error", [None, RuntimeError("broken")])
async def test_several_programs_wait_for_one_thing(harness: Harness, error: Exception | None) -> None:
    future: Future[None] = Future()

    def program(number: int) -> Program[int]:
        yield Wait(lambda: future)
        return number

    waiting = [harness.submit(program(number)) for number in range(3)]
    assert await harness.ask(1, 1) == [2]
    assert not any(reply.done() for reply in waiting)
    if error is None:
        future.set_result(None)
        assert await asyncio.gather(*waiting) == [0, 1, 2]
    else:
        future.set_exception(error)
        assert await asyncio.gather(*waiting, return_exceptions=True) == [error] * 3


def test_work_that_ends_after_its_loop_is_of_no_consequence(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    harness = Harness()

    async def begin() -> None:
        def program() -> Program[str]:
            result: str = yield Offload(Cost(INLINE + 1), gate)
            return result

        harness.submit(program())
        await asyncio.to_thread(gate.reached.wait, PATIENCE)

    asyncio.run(begin())
    gate.opened.set()
    harness.scheduler.threads.submit(1, None, str).result(PATIENCE)
    assert gate.passed.is_set()
    assert caplog.text == ""
    # The next loop takes over where the last one was closed.
    assert asyncio.run(_asked(harness)) == [2]


async def _asked(harness: Harness) -> list[int]:
    return await harness.ask(1, 1)
