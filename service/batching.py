"""Micro-batching without waiting.

An idle batcher runs a call on the event loop's next turn; whatever else arrived in the meantime shares the run. No
timer ever delays a call, so batches grow only as fast as load does. A call of many rows goes to a worker thread in
slices instead, so that it never blocks the small ones.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = tuple[NDArray[Any], ...]
Run = Callable[[Rows], Rows]

# A dense decoder needs no more than this many rows to be as fast per row as it gets, and a run of them stays near a
# millisecond, which is what a small call may have to wait for.
MAX_ROWS = 128


@dataclass(frozen=True)
class _Call:
    rows: Rows
    answer: "asyncio.Future[Rows]"


class Batcher:
    """Joins concurrent calls of one function over rows.

    Args:
        run: Takes arrays of equal length and returns arrays of that length; row i of the result depends on row i of
            the arguments alone.
        worker: Runs calls of more than `MAX_ROWS` rows.
    """

    def __init__(self, run: Run, worker: ThreadPoolExecutor) -> None:
        self._run = run
        self._worker = worker
        self._waiting: list[_Call] = []

    async def __call__(self, *rows: NDArray[Any]) -> Rows:
        """`run(rows)`, possibly computed together with other calls' rows."""
        loop = asyncio.get_running_loop()
        if len(rows[0]) > MAX_ROWS:
            return await loop.run_in_executor(self._worker, self._run_in_slices, rows)
        call = _Call(rows, loop.create_future())
        self._waiting.append(call)
        if len(self._waiting) == 1:
            loop.call_soon(self._flush)
        return await call.answer

    def _run_in_slices(self, rows: Rows) -> Rows:
        starts = range(0, len(rows[0]), MAX_ROWS)
        parts = [self._run(tuple(array[start : start + MAX_ROWS] for array in rows)) for start in starts]
        return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        # A cancelled call's client has gone; nobody would read its rows.
        batch: list[_Call] = []
        size = 0
        for call in waiting:
            if call.answer.cancelled():
                continue
            if size + len(call.rows[0]) > MAX_ROWS:
                self._run_batch(batch)
                batch, size = [], 0
            batch.append(call)
            size += len(call.rows[0])
        if batch:
            self._run_batch(batch)

    def _run_batch(self, batch: Sequence[_Call]) -> None:
        try:
            if len(batch) == 1:
                batch[0].answer.set_result(self._run(batch[0].rows))
                return
            joined = self._run(tuple(np.concatenate(arrays) for arrays in zip(*(c.rows for c in batch), strict=True)))
        except Exception as error:  # noqa: BLE001 (every caller gets the error; the loop must go on)
            for call in batch:
                call.answer.set_exception(error)
            return
        start = 0
        for call in batch:
            stop = start + len(call.rows[0])
            call.answer.set_result(tuple(array[start:stop] for array in joined))
            start = stop
