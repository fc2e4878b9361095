"""Worker threads behind a bounded queue."""

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from threading import Lock, get_ident, get_native_id
from time import monotonic
from typing import ParamSpec, TypeVar

from glyphvae.errors import Busy
from glyphvae.scheduling.deadline import RETRY, ClientGoneError, Ticket, checkpoint, current

P = ParamSpec("P")
Result = TypeVar("Result")


# Where cores are few, the event loop goes first: what it does is short, and everybody waits for it.
NICENESS = 5
_MOST_NICE = 19


def _step_back() -> None:
    """Let the calling thread, and it alone, have less of a core that others want too."""
    if sys.platform == "linux":  # elsewhere it would be the whole process
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, get_native_id(), min(nice + NICENESS, _MOST_NICE))


class Lane:
    """Threads that take one job after another, as long as the queue is not full.

    Args:
        unit: What work is counted in, as the answer of a full queue names it.
        limit: Most units queued and running. A single job over the limit is taken where nothing else is queued.
        threads: How many jobs run at once.

    Attributes:
        queued: Units queued and running now.
    """

    def __init__(self, unit: str, limit: int, threads: int = 1) -> None:
        self.queued = 0
        self._unit = unit
        self._limit = limit
        # Threads start with the first jobs.
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"glyphvae-{unit}", initializer=_step_back)
        self._lock = Lock()
        self._waiting = 0
        self._taken = 0.0
        self._beats: dict[int, float] = {}

    async def run(self, size: int, function: Callable[P, Result], *arguments: P.args, **options: P.kwargs) -> Result:
        """`function(*arguments, **options)` in a thread, which sees the caller's context.

        Args:
            size: Units of work.
            function: It may call `beat` and `checkpoint` between pieces of its work.
            arguments: Its arguments.
            options: Its keyword arguments.

        Raises:
            Busy: The queue is full, and this is the request's first job.
            DeadlineExceeded: It was not done in time.
        """
        ticket = current.get()
        self.take(size, ticket)
        job = self._submit(size, function, *arguments, **options)
        if ticket is None:
            return await asyncio.wrap_future(job)
        ticket.admitted = True
        try:
            async with asyncio.timeout(ticket.remaining):
                return await asyncio.wrap_future(job)
        except TimeoutError:
            raise ticket.expired() from None
        except ClientGoneError:
            # Not an error that anybody has to answer: the request just ends.
            raise asyncio.CancelledError from None
        finally:
            if not job.done():
                ticket.drop()

    def _submit(
        self, size: int, function: Callable[P, Result], *arguments: P.args, **options: P.kwargs
    ) -> "Future[Result]":
        context = copy_context()

        def call() -> Result:
            checkpoint()
            return function(*arguments, **options)

        def work() -> Result:
            with self._lock:
                self._waiting -= 1
            self.beat()
            try:
                return context.run(call)
            finally:
                self._taken = monotonic()
                del self._beats[get_ident()]

        def done(job: "Future[Result]") -> None:
            self.release(size)
            if job.cancelled():  # before a thread took it
                with self._lock:
                    self._waiting -= 1

        with self._lock:
            self._waiting += 1
            if self._waiting == 1:
                self._taken = monotonic()
        job = self._executor.submit(work)
        job.add_done_callback(done)
        return job

    def take(self, size: int, ticket: Ticket | None) -> None:
        """Count `size` units in.

        Raises:
            Busy: That would be too many, and neither has the request been admitted nor is nothing else queued.
        """
        with self._lock:
            others = self.queued - (ticket.held if ticket else 0)
            if self.queued + size > self._limit and others > 0 and not (ticket and ticket.admitted):
                detail = f"The queue is full: {self.queued} of at most {self._limit} {self._unit}."
                raise ticket.busy(detail) if ticket else Busy(detail, headers=RETRY)
            self.queued += size

    def release(self, size: int) -> None:
        """Count `size` units out."""
        with self._lock:
            self.queued -= size

    def beat(self) -> None:
        """The calling thread's job moves on."""
        self._beats[get_ident()] = monotonic()

    def stalled(self) -> float:
        """Seconds since the slowest job last moved on, or since a thread last took one where some wait; else 0."""
        now = monotonic()
        # A copy, because threads add and remove entries meanwhile.
        beats = list(self._beats.values())
        if beats:
            return now - min(beats)
        return now - self._taken if self._waiting else 0.0
