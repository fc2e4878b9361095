"""Long work in a thread, so that it does not keep the event loop from other requests."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from glyphvae.scheduling.deadline import current

P = ParamSpec("P")
Result = TypeVar("Result")


async def offload(
    size: int, most: int, function: Callable[P, Result], *arguments: P.args, **options: P.kwargs
) -> Result:
    """`function(*arguments)`, in a thread if there is much to do; short work is done sooner than a thread wakes.

    Args:
        size: Bytes to read, or pixels to make: what the queue of a request's long work is counted in.
        most: Up to this size the work is done here.
        function: What to do.
        arguments: Its arguments.
        options: Its keyword arguments.

    Raises:
        Busy: The queue is full.
        DeadlineExceeded: The request's time is up.
    """
    if size <= most:
        return function(*arguments, **options)
    ticket = current.get()
    if ticket is None:
        return await asyncio.to_thread(function, *arguments, **options)
    return await ticket.threads.run(size, function, *arguments, **options)
