"""Reading files that somebody else can replace while the service runs: manifests, graphs, keys."""

import errno
import os
import stat
from pathlib import Path

from glyphvae.errors import StartError

# Bytes of a file whose size nothing else says; the largest shipped manifest has 5 kB.
MAX_BYTES = 1 << 24
# Without this flag, which Windows does not have, opening a FIFO waits for somebody who writes into it.
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def read_file(path: Path, most: int = MAX_BYTES) -> bytes:
    """Read a regular file, without waiting for anything but the disk.

    Args:
        path: The file, or a link to it.
        most: Bytes that it may have.

    Raises:
        StartError: It is missing, larger, or no regular file, or it may not be read.
    """
    try:
        with open(path, "rb", opener=_open) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise StartError(f"{path}: not a regular file")
            content = file.read(most + 1)
    except OSError as error:
        # A socket, or a device that is not there, cannot even be opened.
        reason = "not a regular file" if error.errno == errno.ENXIO else error.strerror
        raise StartError(f"{path}: {reason}") from None
    if len(content) > most:
        raise StartError(f"{path}: more than {most} bytes")
    return content


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_WAIT)
