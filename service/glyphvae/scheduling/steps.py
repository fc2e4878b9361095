"""Programs and the steps that they yield.

A program is a generator that computes the response to one request. It yields a step wherever work can be shared with
other requests or takes long, and is sent the step's result. `glyphvae.scheduling.scheduler` runs the programs of a
server; `run_now` runs one without a server.
"""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from glyphvae.scheduling.cost import NOTHING, Cost
from glyphvae.scheduling.deadline import checkpoint
from glyphvae.scheduling.worker_pool import WorkerPool

Result = TypeVar("Result")

Rows = tuple[NDArray[Any], ...]

# A dense decoder needs no more rows than this to reach its best speed per row, and a run of them takes about a
# millisecond, which a small call may have to wait for.
MAX_ROWS = 128

# Runs a graph on rows, and records that it did.
Execute = Callable[["Graph", Rows], Rows]


class Batched(Protocol):
    """A function whose concurrent calls run together.

    Attributes:
        model: Name of the model in metrics and traces, empty for a function that runs none.
    """

    model: str

    def run(self, calls: Sequence[tuple[Any, ...]], execute: Execute) -> Sequence[Any]:
        """Return the result of each call.

        Args:
            calls: The arguments of each call, at least one.
            execute: Runs a graph.
        """


class Graph:
    """An exported graph, or several that run one after the other; cheaper for many rows at a time.

    Args:
        function: Runs it: takes arrays of equal length and returns arrays of that length; row i of the result depends
            on row i of the arguments alone.
        pool: Runs calls of more than `MAX_ROWS` rows.
        model: Name of the model in metrics and traces.
    """

    def __init__(self, function: Callable[[Rows], Rows], pool: WorkerPool, model: str) -> None:
        self.function = function
        self.pool = pool
        self.model = model

    def run(self, calls: Sequence[Rows], execute: Execute) -> Sequence[Rows]:
        """Return the rows of each call, computed as one batch."""
        if len(calls) == 1:
            return [execute(self, calls[0])]
        joined = execute(self, tuple(map(np.concatenate, zip(*calls, strict=True))))
        parts: list[Rows] = []
        stop = 0
        for call in calls:
            start, stop = stop, stop + len(call[0])
            parts.append(tuple([array[start:stop] for array in joined]))
        return parts

    def run_in_slices(self, rows: Rows) -> Rows:
        """Return the result for any number of rows, in a worker thread."""
        parts = []
        for start in range(0, max(1, len(rows[0])), MAX_ROWS):  # without rows, it tells the shape of the result
            checkpoint()
            parts.append(self.function(tuple(array[start : start + MAX_ROWS] for array in rows)))
        return tuple(map(np.concatenate, zip(*parts, strict=True)))


@final
@dataclass(slots=True)
class Call:
    """A call of a batched function.

    Attributes:
        function: The function.
        arguments: Its arguments; the first argument of a graph has one row for each result.
    """

    function: Batched
    arguments: tuple[Any, ...]

    def now(self) -> Any:  # noqa: ANN401 (what the function returns)
        """Run it alone, in this thread."""
        if isinstance(self.function, Graph):
            return self.function.run_in_slices(self.arguments)
        (result,) = self.function.run([self.arguments], lambda graph, rows: graph.function(rows))
        return result


@dataclass(slots=True)
class Offload:
    """A call of any function, in a worker thread if it takes long; short work is done sooner than a thread wakes.

    Attributes:
        cost: What it costs.
        function: The function, which calls `checkpoint` between pieces of long work.
        arguments: Its arguments.
    """

    cost: Cost
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()

    def now(self) -> Any:  # noqa: ANN401 (what the function returns)
        """Run it in this thread."""
        return self.function(*self.arguments)


@dataclass(slots=True)
class Wait:
    """A wait for something that other requests may wait for too.

    Attributes:
        start: Returns the future to wait for.
    """

    start: Callable[[], "Future[None]"]

    def now(self) -> None:
        """Block until the future is done."""
        self.start().result()


Step = Call | Offload | Wait
Program = Generator[Step, Any, Result]


def inline(function: Callable[..., Result], *arguments: object) -> Program[Result]:
    """Return a program that calls a function in the event loop, for places that take programs."""
    result: Result = yield Offload(NOTHING, function, arguments)
    return result


def run_now(program: Program[Result]) -> Result:
    """Run a program in this thread, without a scheduler, and return its result."""
    value = None
    while True:
        try:
            step = program.send(value)
        except StopIteration as done:
            result: Result = done.value
            return result
        value = step.now()
