"""Coroutines that wait for nothing, as functions."""

from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def result_now(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine that waits for nothing, and return its result.

    Raises:
        RuntimeError: It waits for something.
    """
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    coroutine.close()
    raise RuntimeError("the coroutine waits for something")
