"""Startup: measures that keep a server process small and quick to start."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast

_V1 = "pydantic.v1"


@contextmanager
def without_pydantic_v1() -> Iterator[None]:
    """While routes are made: FastAPI looks at each for a model of pydantic's first version, to refuse it by name.

    It takes no for an answer where that version is not installed. Here nothing uses it, and to import it takes a
    fifteenth of the start and two megabytes. Others in the process get it as soon as they ask for it.
    """
    if _V1 in sys.modules:
        yield
        return
    # An import of what is None there fails; https://docs.python.org/3/reference/import.html#the-module-cache.
    cast("dict[str, ModuleType | None]", sys.modules)[_V1] = None
    try:
        yield
    finally:
        del sys.modules[_V1]


def settle() -> None:
    """After the start: let the collector pass over what stays for good, and give back the memory that loading took."""
    # Without collecting first: of what a start leaves next to nothing is garbage, and to look for it takes long.
    gc.freeze()
    trim()


def trim() -> None:
    """Give back to the system what was freed: loading takes and frees many times what stays, and leaves holes."""
    if sys.platform == "linux":
        # glibc keeps what was freed; other C libraries have no such call.
        malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if malloc_trim is not None:
            malloc_trim(0)
