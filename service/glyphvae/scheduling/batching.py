"""Micro-batching without waiting.

An idle batcher runs a call on the event loop's next turn; whatever else arrived in the meantime shares the run. No
timer ever delays a call, so batches grow only as fast as load does. A call of many rows goes to a worker thread in
slices instead, so that it never blocks the small ones.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from glyphvae.errors import Problem
from glyphvae.observability.access_log import Work, current_work
from glyphvae.observability.telemetry import Telemetry
from glyphvae.scheduling.deadline import ClientGoneError, Ticket, checkpoint, current
from glyphvae.scheduling.worker_pool import Lane

if TYPE_CHECKING:
    from glyphvae.observability.tracing import Asked

Rows = tuple[NDArray[Any], ...]
Run = Callable[[Rows], Rows]

# A dense decoder needs no more than this many rows to be as fast per row as it gets, and a run of them stays near a
# millisecond, which is what a small call may have to wait for.
MAX_ROWS = 128


@dataclass(frozen=True)
class _Call:
    rows: Rows
    answer: "asyncio.Future[Rows]"
    ticket: Ticket | None
    since: float
    asked: "Asked | None"
    work: Work | None

    def is_wanted(self) -> bool:
        """Whether anybody waits for it; where time is up, the answer is that."""
        if self.answer.done():
            return False
        try:
            if self.ticket is not None:
                self.ticket.check()
        except ClientGoneError:
            self.answer.cancel()
        except Problem as problem:
            self.answer.set_exception(problem)
        return not self.answer.done()


class Batcher:
    """Joins concurrent calls of one function over rows.

    Args:
        run: Takes arrays of equal length and returns arrays of that length; row i of the result depends on row i of
            the arguments alone.
        worker: Runs calls of more than `MAX_ROWS` rows.
        model: What the counts call it.

    Attributes:
        queued: Rows of small calls that wait now.
        telemetry: Where waits and runs are counted.
    """

    def __init__(self, run: Run, worker: Lane, model: str) -> None:
        self.queued = 0
        self.telemetry = Telemetry()
        self._run = run
        self._worker = worker
        self._model = model
        self._waiting: deque[_Call] = deque()

    async def __call__(self, *rows: NDArray[Any]) -> Rows:
        """`run(rows)`, possibly computed together with other calls' rows.

        Raises:
            Busy: Too many rows wait for the worker thread.
            DeadlineExceeded: The request's time is up.
        """
        size = len(rows[0])
        if size > MAX_ROWS:
            return await self._run_large(rows)
        loop = asyncio.get_running_loop()
        call = _Call(rows, loop.create_future(), current.get(), perf_counter(), self._asked(), current_work())
        self._waiting.append(call)
        self.queued += size
        self.telemetry.queued[self._model] += size
        if len(self._waiting) == 1:
            loop.call_soon(self._flush)
        return await call.answer

    def _asked(self) -> "Asked | None":
        return self.telemetry.tracing.asked() if self.telemetry.tracing else None

    async def _run_large(self, rows: Rows) -> Rows:
        size, since, asked = len(rows[0]), perf_counter(), self._asked()
        if work := current_work():
            work.ran(MAX_ROWS)
        self.telemetry.queued[self._model] += size
        try:
            began, ended, result = await self._worker.run(size, self._run_in_slices, rows)
        finally:
            self.telemetry.queued[self._model] -= size
        self.telemetry.waits[self._model].observe(began - since)
        self.telemetry.ran(self._model, size, ended - began)
        if self.telemetry.tracing:
            self.telemetry.tracing.batch(self._model, size, [asked], began)
        return result

    def _run_in_slices(self, rows: Rows) -> tuple[float, float, Rows]:
        """When it began, when it ended, and the result."""
        began = perf_counter()
        parts = []
        for start in range(0, len(rows[0]), MAX_ROWS):
            checkpoint()
            self._worker.beat()
            parts.append(self._run(tuple(array[start : start + MAX_ROWS] for array in rows)))
        result = tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))
        return began, perf_counter(), result

    def _flush(self) -> None:
        batch: list[_Call] = []
        size = 0
        while self._waiting and size + len(self._waiting[0].rows[0]) <= MAX_ROWS:
            call = self._waiting.popleft()
            self._uncount(call)
            if call.is_wanted():
                batch.append(call)
                size += len(call.rows[0])
        # One batch a turn: between two the loop reads requests, and refuses them where too many wait.
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        if batch:
            self._run_batch(batch, size)

    def _uncount(self, call: _Call) -> None:
        size = len(call.rows[0])
        self.queued -= size
        self.telemetry.queued[self._model] -= size

    def _run_batch(self, batch: Sequence[_Call], size: int) -> None:
        began = perf_counter()
        for call in batch:
            self.telemetry.waits[self._model].observe(began - call.since)
            if call.work:
                call.work.ran(size)
        try:
            answers = self._run_joined(batch)
        except Exception as error:  # noqa: BLE001 (every caller gets the error; the loop must go on)
            self._trace(batch, size, began, error)
            for call in batch:
                call.answer.set_exception(error)
            return
        self.telemetry.ran(self._model, size, perf_counter() - began)
        self._trace(batch, size, began)
        for call, answer in zip(batch, answers, strict=True):
            call.answer.set_result(answer)

    def _trace(self, batch: Sequence[_Call], size: int, began: float, error: Exception | None = None) -> None:
        if self.telemetry.tracing:
            self.telemetry.tracing.batch(self._model, size, [call.asked for call in batch], began, error)

    def _run_joined(self, batch: Sequence[_Call]) -> list[Rows]:
        if len(batch) == 1:
            return [self._run(batch[0].rows)]
        joined = self._run(tuple(np.concatenate(arrays) for arrays in zip(*(call.rows for call in batch), strict=True)))
        stops = np.cumsum([len(call.rows[0]) for call in batch]).tolist()
        return [
            tuple(array[start:stop] for array in joined) for start, stop in zip([0, *stops[:-1]], stops, strict=True)
        ]
