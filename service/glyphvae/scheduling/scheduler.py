"""The scheduler: in each iteration of the event loop it starts programs that wait, and runs their steps.

Steps of the same function run as one batch of at most `MAX_ROWS` rows. No timer ever delays a step, so batches grow
only as fast as load does. Steps of many rows, and work that takes long, run in worker threads. Queueing, deadlines,
cancellation, queue waits, batch sizes, model time and the spans of batches are handled here and nowhere else.

New programs wait in a bounded queue. As many of them start in an iteration as keep it short, because a refusal and a
small request wait no longer than one iteration takes.

A program whose caller takes up one request after another may pause for a few iterations, as long as there is nothing
else to do, so that those that have arrived with it join its batch.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from glyphvae.observability.access_log import Work
from glyphvae.observability.telemetry import Telemetry
from glyphvae.scheduling.cost import INLINE
from glyphvae.scheduling.deadline import ClientGoneError, Deadline
from glyphvae.scheduling.steps import MAX_ROWS, Batched, Call, Graph, Offload, Program, Rows, Wait
from glyphvae.scheduling.worker_pool import WorkerPool

if TYPE_CHECKING:
    from glyphvae.observability.tracing import Caller

Result = TypeVar("Result")

logger = logging.getLogger("glyphvae")

# What the programs that start in one iteration may cost together, in glyphs. After this many seconds an iteration ends
# with the piece of work that it is at, and the next one starts as many programs as would have kept it within them, at
# least one. With the longest piece, a batch of 128 rows, a refusal waits for about 10 ms.
BUDGET = 128
ITERATION = 0.006
# What a small image costs, in glyphs. Queued requests are counted by it: to refuse a single glyph takes as long as to
# draw it, so four of them may wait in the place of one image. Large ones count as a short text: what they cost later is
# bounded where it waits.
ORDINARY, HEAVY = 4, 16
_GROWTH = BUDGET // 16

# An error while a response is sent must not keep other programs from their results.
_NOT_SENT = "a response was not sent"


class Job(Deadline, ABC, Generic[Result]):
    """A program on its way, its time limit, and the receiver of its result.

    Attributes:
        program: The program.
        cost: About what it costs the event loop, in glyphs.
        work: Where the rows that models compute for it are counted.
        since: When it last began to wait, by `perf_counter`.
        timer: Ends it at its time limit while it waits outside the event loop.
        done: Whether it has ended.
        pool: The worker threads of its large calls.
        kept: Bytes of results of large calls that it may still need, which are reserved there.
    """

    program: Program[Result]
    cost: int
    work: Work
    since: float
    timer: asyncio.TimerHandle | None = None
    done = False
    pool: WorkerPool
    kept = 0

    @abstractmethod
    def send(self, result: Result) -> None:
        """Take the result."""

    @abstractmethod
    def fail(self, error: Exception) -> None:
        """Take the error that the program ended with."""

    @abstractmethod
    def leave(self) -> None:
        """Note that the program ended because its client has disconnected."""


class AwaitedJob(Job[Result]):
    """A job whose result a coroutine waits for.

    Args:
        seconds: As of `Deadline`.
        gone: As of `Deadline`.
        work: Where the rows that models compute for it are counted.

    Attributes:
        future: The result.
    """

    future: "asyncio.Future[Result]"

    def __init__(self, seconds: float, gone: Callable[[], bool], work: Work) -> None:
        super().__init__(seconds, gone)
        self.work = work

    def begin(self, program: Program[Result], cost: int) -> None:
        """Take a program; a response in pieces has one after the other."""
        self.program = program
        self.cost = cost
        self.done = False
        self.future = asyncio.get_running_loop().create_future()

    def send(self, result: Result) -> None:
        """Set the result."""
        if not self.future.done():
            self.future.set_result(result)

    def fail(self, error: Exception) -> None:
        """Set the error."""
        if not self.future.done():
            self.future.set_exception(error)

    def leave(self) -> None:
        """Set the error."""
        self.fail(ClientGoneError())


_Member = tuple[Job[Any], tuple[Any, ...], int]


class Scheduler:
    """Runs programs for one event loop.

    Args:
        telemetry: Where waits, runs and refusals are counted.
        threads: Runs work that takes long.
        max_queued: Programs of `ORDINARY` cost that may wait for their start; cheaper ones count less, others more.
        longest_wait: Seconds; while the first of them has waited longer, no others are taken.
    """

    def __init__(self, telemetry: Telemetry, threads: WorkerPool, max_queued: int, longest_wait: float) -> None:
        self.telemetry = telemetry
        self.threads = threads
        self._most_waiting = ORDINARY * max_queued
        self._longest_wait = longest_wait
        self._waiting: deque[Job[Any]] = deque()
        self._waiting_cost = 0
        self._ready: deque[tuple[Job[Any], Any]] = deque()
        self._calls: dict[Batched, list[_Member]] = {}
        self._large: defaultdict[str, int] = defaultdict(int)
        self._budget = float(BUDGET)
        self._pause = 0
        self._loop: asyncio.AbstractEventLoop | None = None  # set while an iteration is scheduled on it
        telemetry.queued = self.queued

    @property
    def full(self) -> bool:
        """True while no other program may be queued."""
        # A program that waits for long would be given up half done.
        waiting = self._waiting
        return bool(waiting) and (
            self._waiting_cost >= self._most_waiting or perf_counter() - waiting[0].since > self._longest_wait
        )

    def queued(self) -> Mapping[str, int]:
        """Return the rows that wait for each model; safe to call from any thread."""
        rows = defaultdict(int, self._large)
        for function, members in list(self._calls.items()):
            if function.model:
                rows[function.model] += sum(size for _, _, size in list(members))
        return rows

    def submit(self, job: Job[Any], pause: int = 0) -> None:
        """Queue a program; it starts in the event loop's next iteration at the earliest.

        Args:
            job: Has the program.
            pause: Iterations that it waits for another one to join it, as long as there is nothing else to do.
        """
        self._pause = pause
        job.since = job.work.submitted = perf_counter()
        self._waiting.append(job)
        self._waiting_cost += _place(job)
        if self._loop is None or self._loop.is_closed():
            self._schedule()

    def resume(self, job: Job[Any], value: object = None) -> None:
        """Advance a program in the next iteration, whatever waits."""
        job.since = perf_counter()
        self._ready.append((job, value))
        self._schedule()

    async def run(
        self, job: AwaitedJob[Result], program: Program[Result], cost: int, *, queued: bool = True, pause: int = 0
    ) -> Result:
        """Run a program and return its result, for callers that are coroutines.

        Args:
            job: Takes the program.
            program: The program.
            cost: About what it costs the event loop, in glyphs.
            queued: Whether it has to wait for its start.
            pause: As of `submit`.

        Raises:
            Problem: What the program raises.
            ClientGoneError: The client has disconnected.
        """
        job.begin(program, cost)
        if queued:
            self.submit(job, pause)
        else:
            self.resume(job)
        try:
            return await job.future
        except asyncio.CancelledError:
            job.cancel()
            raise

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            loop.call_soon(self._iterate)

    def _iterate(self) -> None:
        if self._pause and not self._ready and not self._calls and self._waiting_cost < BUDGET:
            self._pause -= 1
            asyncio.get_running_loop().call_soon(self._iterate)
        else:
            self._loop = None
            self._run_iteration()

    def _run_iteration(self) -> None:
        began = perf_counter()
        for function, members in list(self._calls.items()):  # those that did not fit into the last iteration
            self._calls[function] = [member for member in members if self._is_wanted(member[0])]
        until = began + ITERATION
        for _ in range(len(self._ready)):
            job, value = self._ready.popleft()
            self._advance(job, value)
            if perf_counter() > until:
                break
        spent = self._start_programs(until)
        while self._calls:
            self._run_next_batch()
            if perf_counter() > until:
                break
        took = perf_counter() - began
        if took > ITERATION:
            self._budget = max(1.0, spent * ITERATION / took)
        else:
            self._budget = min(BUDGET, self._budget + _GROWTH)
        if self._waiting or self._calls or self._ready:
            self._schedule()

    def _start_programs(self, until: float) -> int:
        """Start as many programs as the budget and the time allow, at least one, and return what they cost."""
        # Programs start no faster than the models take up the rows that they ask for.
        if self._calls and sum(size for members in self._calls.values() for _, _, size in members) >= MAX_ROWS:
            return 0
        waiting, spent = self._waiting, 0
        while waiting and spent < self._budget:
            job = waiting.popleft()
            self._waiting_cost -= _place(job)
            try:
                job.check()
            except Exception as error:  # noqa: BLE001 (the job gets it)
                self._fail(job, error)
            else:
                spent += job.cost
                self._advance(job, None)
                if perf_counter() > until:
                    break
        return spent

    def _is_wanted(self, job: Job[Any]) -> bool:
        """Return whether a program may go on; where its time is up, it gets the error."""
        try:
            job.check()
        except Exception as error:  # noqa: BLE001 (the job gets it)
            self._fail(job, error)
        return not job.done

    def _advance(self, job: Job[Any], value: object) -> None:
        """Send a program the result of its last step, and take up its next one."""
        try:
            step = job.program.send(value)
            while type(step) is Offload and step.cost.work <= INLINE:
                step = job.program.send(step.now())
            if type(step) is Call:
                self._call(job, step.function, step.arguments)
            else:
                self._leave_loop(job, step)
        except StopIteration as end:
            self._finish(job, end.value)
        except Exception as error:  # noqa: BLE001 (the job gets it, and the loop must go on)
            self._fail(job, error)

    def _call(self, job: Job[Any], function: Batched, arguments: tuple[Any, ...]) -> None:
        """Have a batched function called with the next batch, or in a worker thread for many rows."""
        size = 1
        if isinstance(function, Graph):
            size = len(arguments[0])
            job.work.rows += size
            if size > MAX_ROWS:
                self._run_large(job, function, arguments)
                return
        elif function.model and arguments:  # without any, it is for glyphs of a batch that others share
            job.work.rows += 1
        members = self._calls.get(function)
        if members is None:
            self._calls[function] = members = []
        members.append((job, arguments, size))

    def _finish(self, job: Job[Any], result: object) -> None:
        self._end(job)
        try:
            job.send(result)
        except Exception:
            logger.exception(_NOT_SENT)

    @staticmethod
    def _end(job: Job[Any]) -> None:
        job.done = True
        if job.kept:
            job.pool.free(job.kept)
            job.kept = 0

    def _leave_loop(self, job: Job[Any], step: Offload | Wait) -> None:
        """Take up a step that the event loop waits for."""
        if isinstance(step, Offload):
            work, held = step.cost
            self._await(job, self.threads.submit(work, job, self.threads.hold, held, step.function, step.arguments))
        else:
            self._await(job, step.start())

    def _run_next_batch(self) -> None:
        """Run a batch of the function that has waited longest."""
        function = next(iter(self._calls))
        batch, rest = _fit(self._calls.pop(function))
        if rest:
            self._calls[function] = rest
        if batch:
            self._run_batch(function, batch)

    def _run_batch(self, function: Batched, members: Sequence[_Member]) -> None:
        began = perf_counter()
        jobs = [job for job, _, _ in members]
        if function.model:
            waits = [began - job.since for job in jobs]
            self.telemetry.waits[function.model].observe_all(waits)
            for job, wait in zip(jobs, waits, strict=True):
                job.work.queue_seconds += wait
        try:
            results = function.run([arguments for _, arguments, _ in members], partial(self._execute, jobs))
        except Exception as error:  # noqa: BLE001 (every job gets it, and the loop must go on)
            for job in jobs:
                self._fail(job, error)
            return
        now = perf_counter()
        for job, result in zip(jobs, results, strict=True):
            job.since = now
            self._advance(job, result)

    def _execute(self, jobs: Sequence[Job[Any]], graph: Graph, rows: Rows) -> Rows:
        """Run a graph for some programs, and record that."""
        began, size = perf_counter(), len(rows[0])
        for job in jobs:
            job.work.batch = max(job.work.batch, size)
        try:
            result = graph.function(rows)
        except Exception as error:
            self._trace(jobs, graph.model, size, began, error)
            raise
        seconds = perf_counter() - began
        for job in jobs:
            job.work.model_seconds += seconds
        self.telemetry.ran(graph.model, size, seconds)
        self._trace(jobs, graph.model, size, began)
        return result

    def _trace(
        self, jobs: Sequence[Job[Any]], model: str, size: int, began: float, error: Exception | None = None
    ) -> None:
        if self.telemetry.tracing:
            callers: list[Caller] = [(job.work.span, job.since) for job in jobs if job.work.span]
            if callers:
                self.telemetry.tracing.batch(model, size, len(jobs), callers, began, error)

    def _run_large(self, job: Job[Any], graph: Graph, rows: Rows) -> None:
        """Run a call of many rows in a worker thread."""
        size, model = len(rows[0]), graph.model
        job.work.batch = MAX_ROWS

        def run() -> tuple[float, float, Rows]:
            began = perf_counter()
            result = graph.run_in_slices(rows)
            ended = perf_counter()
            # What comes next may take longer than the model, and results must not pile up before it.
            graph.pool.reserve(_size(result), others=not job.kept)
            return began, ended, result

        task = graph.pool.submit(size, job, run)
        self._large[model] += size

        def record(task: "Future[tuple[float, float, Rows]]") -> Rows:
            began, ended, result = task.result()
            job.work.queue_seconds += began - job.since
            job.work.model_seconds += ended - began
            self.telemetry.waits[model].observe(began - job.since)
            self.telemetry.ran(model, size, ended - began)
            self._trace([job], model, size, began)
            return result

        def done(task: "Future[tuple[float, float, Rows]]") -> None:
            self._large[model] -= size
            if not task.exception():
                job.pool, job.kept = graph.pool, job.kept + _size(task.result()[2])
                if job.done:
                    self._end(job)

        self._await(job, task, record, done)

    def _await(
        self,
        job: Job[Any],
        task: "Future[Any]",
        value: "Callable[[Future[Any]], object]" = Future.result,
        done: "Callable[[Future[Any]], None]" = lambda _: None,
    ) -> None:
        """Advance a program once a future is done, or end it at its time limit."""
        loop = asyncio.get_running_loop()
        job.timer = loop.call_later(max(0.0, job.remaining), self._expire, job)

        # It refers to no future, because a future keeps its callbacks, and with them the pool of models that are gone.
        def wake(task: "Future[Any]") -> None:
            done(task)
            if job.done:
                return
            assert job.timer is not None  # noqa: S101 (set above)
            job.timer.cancel()
            try:
                result = value(task)
            except Exception as error:  # noqa: BLE001 (the job gets it)
                self._fail(job, error)
            else:
                self.resume(job, result)

        def tell(task: "Future[Any]") -> None:
            with suppress(RuntimeError):  # the loop has been closed
                loop.call_soon_threadsafe(wake, task)

        task.add_done_callback(tell)

    def _expire(self, job: Job[Any]) -> None:
        job.cancel()
        self._fail(job, job.expired())

    def _fail(self, job: Job[Any], error: Exception) -> None:
        """End a program without a result; nobody gets the error where the client is gone."""
        self._end(job)
        job.program.close()  # now, and not when the collector finds it among the frames of the error
        gone = isinstance(error, ClientGoneError)
        if gone:
            job.refused = "gone"
        if job.refused:
            self.telemetry.refused[job.refused] += 1
        try:
            if gone:
                job.leave()
            else:
                job.fail(error)
        except Exception:
            logger.exception(_NOT_SENT)


def _size(rows: Rows) -> int:
    return sum(array.nbytes for array in rows)


def _place(job: Job[Any]) -> int:
    """Return what a waiting job counts as, in glyphs."""
    return min(job.cost, HEAVY)


def _fit(members: list[_Member]) -> tuple[list[_Member], list[_Member]]:
    """Split calls into those that fit into one batch and the rest."""
    total = 0
    for index, (_, _, size) in enumerate(members):
        total += size
        if total > MAX_ROWS and index:
            return members[:index], members[index:]
    return members, []
