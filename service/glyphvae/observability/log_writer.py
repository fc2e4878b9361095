"""Writing log lines where nobody may be reading them, without waiting for that.

Standard error is often a pipe. Once its 64 kB are full, a write waits until somebody reads, and an event loop that
waited there would answer nobody. So a thread writes, a bounded number of bytes waits for it, and lines over that are
dropped and counted.
"""

import atexit
import logging
import os
import sys
from collections import deque
from contextlib import suppress
from threading import Condition, Thread
from typing import TextIO

# Bytes that wait to be written; a thousand lines, with those in the pipe.
MAX_WAITING = 1 << 18
# Seconds that the end of the process waits for lines to be written.
LAST_LINES = 1.0


class LogWriter:
    """Writer of log lines.

    Args:
        stream: Where to; standard error by default, whatever that is when a line is written. One without a file
            descriptor, which is in memory, is written at once.

    Attributes:
        dropped: Lines that were dropped, because too many waited or because a write failed.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.dropped = 0
        self._stream = stream
        self._changed = Condition()
        self._queue: deque[tuple[int, bytes, int]] = deque()
        self._waiting = 0  # bytes, of what is written just now too
        self._thread: Thread | None = None

    def write(self, text: str, lines: int = 1) -> None:
        """Write so many lines soon; safe to call from any thread."""
        stream = self._stream or sys.stderr
        try:
            descriptor = stream.fileno()
        except OSError:
            self._write_now(stream, text, lines)
            return
        content = text.encode("utf-8", "backslashreplace")
        with self._changed:
            if self._waiting + len(content) > MAX_WAITING:
                self.dropped += lines
                return
            self._queue.append((descriptor, content, lines))
            self._waiting += len(content)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="glyphvae-log", daemon=True)
                self._thread.start()
                atexit.register(self.flush)
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all lines are written, but not for a reader that is not there."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting, LAST_LINES)

    def _write_now(self, stream: TextIO, text: str, lines: int) -> None:
        try:
            stream.write(text)
            stream.flush()
        except OSError:
            self.dropped += lines

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue)
                descriptor, content, lines = self._queue.popleft()
            written = 0
            # A full disk, or a reader that has gone, costs lines and no responses.
            with suppress(OSError):
                while written < len(content):
                    written += os.write(descriptor, content[written:])
            with self._changed:
                self._waiting -= len(content)
                self.dropped += lines if written < len(content) else 0
                self._changed.notify_all()


STDERR = LogWriter()


class LogHandler(logging.Handler):
    """Handler that writes log records to standard error by `STDERR`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        STDERR.write(self.format(record) + "\n")

    def flush(self) -> None:
        """Wait as `LogWriter.flush` does; logging calls it at the end of the process."""
        STDERR.flush()
