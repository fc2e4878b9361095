"""Memory of the process."""

import ctypes
import sys
from collections.abc import Callable

# Bytes of a block that glibc takes from the system, and gives back once it is freed. By itself it raises this to the
# size of whatever is freed, up to 32 MiB, and from then on keeps the memory of pictures in the heap of each thread.
LARGE = 1 << 20
# Numbers of settings in glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3


def trim() -> None:
    """Give back to the system what was freed: loading takes and frees many times what stays, and leaves holes."""
    _call("malloc_trim", 0)


def keep_no_large_blocks() -> None:
    """Have the memory of large blocks given back to the system as soon as they are freed."""
    _call("mallopt", _MMAP_THRESHOLD, LARGE)
    _call("mallopt", _TRIM_THRESHOLD, 2 * LARGE)  # as glibc raises both


def _call(name: str, *arguments: int) -> None:
    if sys.platform == "linux":
        # Other C libraries than glibc have no such function.
        function: Callable[..., int] | None = getattr(ctypes.CDLL(None), name, None)
        if function is not None:
            function(*arguments)
