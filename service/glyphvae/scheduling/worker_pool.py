"""Worker threads behind a bounded queue."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Condition, Lock, get_ident, get_native_id
from time import monotonic
from typing import Any, ParamSpec, TypeVar

from glyphvae.errors import Busy, NotReady
from glyphvae.scheduling.deadline import RETRY, ClientGoneError, Deadline, beat, checkpoint, current

P = ParamSpec("P")
Result = TypeVar("Result")


# The event loop goes first where cores are few: its work is short, and every client waits for it.
NICENESS = 5
_MOST_NICE = 19

# Seconds between two looks at whether work that waits for memory is still wanted.
_PATIENCE = 0.5


def _lower_priority() -> None:
    """Lower the priority of the calling thread alone."""
    if sys.platform == "linux":  # elsewhere it would be the whole process
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, get_native_id(), min(nice + NICENESS, _MOST_NICE))


class WorkerPool:
    """Threads that take one task after another, as long as the queue is not full.

    Args:
        unit: The unit in which work is counted, named in the error of a full queue.
        limit: Most units queued and running. A single task over the limit is taken where nothing else is queued.
        threads: Tasks that run at once.
        memory: Bytes that they may hold together, by their own accounts.

    Attributes:
        queued: Units queued and running now.
    """

    def __init__(self, unit: str, limit: int, threads: int = 1, memory: int = sys.maxsize) -> None:
        self.queued = 0
        self._unit = unit
        self._limit = limit
        # Threads start with the first tasks.
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"glyphvae-{unit}", initializer=_lower_priority)
        self._lock = Lock()
        self._memory = memory
        self._held = 0
        self._freed = Condition()
        self._waiting = 0
        self._taken = 0.0
        self._beats: dict[int, float] = {}

    def submit(
        self, size: int, deadline: Deadline | None, function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs
    ) -> "Future[Result]":
        """Run `function(*args, **kwargs)` in a thread.

        Args:
            size: Units of work.
            deadline: That of the request, None for work without one. It is checked before the function starts, and
                the function may call `checkpoint` between pieces of its work.
            function: The function to run.
            args: Its arguments.
            kwargs: Its keyword arguments.

        Raises:
            Busy: The queue is full, and no queue has taken work of this request before.
            NotReady: The system has no thread to give.
        """
        self.take(size, deadline)
        dropped = False

        def work() -> Result:
            with self._lock:
                if dropped:
                    raise ClientGoneError
                self._waiting -= 1
            self.beat()
            token, beating = current.set(deadline), beat.set(self.beat)
            try:
                checkpoint()
                return function(*args, **kwargs)
            finally:
                current.reset(token)
                beat.reset(beating)
                self._taken = monotonic()
                del self._beats[get_ident()]

        def done(task: "Future[Result]") -> None:
            self.release(size)
            if task.cancelled():  # before a thread took it
                with self._lock:
                    self._waiting -= 1

        with self._lock:
            try:
                task = self._executor.submit(work)
            except RuntimeError:
                # The executor has queued it all the same, for a thread that starts later.
                dropped = True
                self.queued -= size
                raise NotReady("No thread can be started for this request now.", headers=RETRY) from None
            self._waiting += 1
            if self._waiting == 1:
                self._taken = monotonic()
        if deadline is not None:
            deadline.admitted = True
        task.add_done_callback(done)
        return task

    def hold(self, held: int, function: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
        """Call a function in one of the threads once there is memory for it.

        Args:
            held: Bytes that it holds at its peak; a function that needs more than all of the memory runs alone.
            function: The function.
            arguments: Its arguments.
        """
        self.reserve(held)
        try:
            return function(*arguments)
        finally:
            self.free(held)

    def reserve(self, held: int, *, others: bool = True) -> None:
        """Wait in one of the threads until there is memory, and reserve it.

        Args:
            held: Bytes; more than all of the memory once nothing else is reserved.
            others: Whether to wait; whoever has reserved some already must not, for others may wait for that.

        Raises:
            ClientGoneError: As `checkpoint`.
            DeadlineExceeded: As `checkpoint`.
        """
        with self._freed:
            while others and self._held and self._held + held > self._memory:
                self._freed.wait(_PATIENCE)
                checkpoint()
            self._held += held

    def free(self, held: int) -> None:
        """Give `held` reserved bytes back."""
        with self._freed:
            self._held -= held
            self._freed.notify_all()

    def take(self, size: int, deadline: Deadline | None) -> None:
        """Reserve `size` units.

        Raises:
            Busy: They exceed the limit, and the request has neither been admitted nor is nothing else queued.
        """
        with self._lock:
            others = self.queued - (deadline.held if deadline else 0)
            if self.queued + size > self._limit and others > 0 and not (deadline and deadline.admitted):
                detail = f"The queue is full: {self.queued} of at most {self._limit} {self._unit}."
                raise deadline.busy(detail) if deadline else Busy(detail, headers=RETRY)
            self.queued += size

    def release(self, size: int) -> None:
        """Give `size` reserved units back."""
        with self._lock:
            self.queued -= size

    def beat(self) -> None:
        """Record that the calling thread's task makes progress."""
        self._beats[get_ident()] = monotonic()

    def stalled(self) -> float:
        """Return the seconds since the slowest task made progress, or since a thread took one of those queued."""
        now = monotonic()
        # A copy, because threads add and remove entries meanwhile.
        beats = list(self._beats.values())
        if beats:
            return now - min(beats)
        return now - self._taken if self._waiting else 0.0
