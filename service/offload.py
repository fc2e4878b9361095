"""Long work in a thread, so that it does not keep the event loop from other requests."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
Result = TypeVar("Result")


async def offload(when: bool, function: Callable[P, Result], *arguments: P.args, **options: P.kwargs) -> Result:
    """`function(*arguments)`, in a thread if `when`; short work is done sooner than a thread wakes."""
    if when:
        return await asyncio.to_thread(function, *arguments, **options)
    return function(*arguments, **options)
