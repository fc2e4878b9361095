"""Memory of the process."""

import ctypes
import sys


def trim() -> None:
    """Give back to the system what was freed: loading takes and frees many times what stays, and leaves holes."""
    if sys.platform == "linux":
        # glibc keeps what was freed; other C libraries have no such call.
        malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if malloc_trim is not None:
            malloc_trim(0)
