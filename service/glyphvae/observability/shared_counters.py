"""Counters of several server processes, shared through files.

Each process writes its counters to its own file once a second and holds a lock while it runs. A reader adds them up.
The counters of a process that has ended stay in the sum, because a counter must never fall; its gauges, such as the
queue's length, do not.
"""

import atexit
import contextlib
import fcntl
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Lock, Thread
from typing import IO

import orjson

from glyphvae.observability.telemetry import State, Telemetry

SECONDS = 1.0
# The counters of all processes that have ended.
ENDED = "ended.json"


class Writer:
    """Publisher of the counters of this process.

    Args:
        folder: Shared by all processes of one service; it must exist.
        telemetry: The counters.
    """

    def __init__(self, folder: Path, telemetry: Telemetry) -> None:
        # Process ids are reused, so the name needs a random part.
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.json"
        self._telemetry = telemetry
        self._stopped = Event()
        self._writing = Lock()
        # Readers look for `.lock` files: this one gets its name only when it is locked and the counters are written.
        taken = self._path.with_suffix(".taken")
        self._lock = taken.open("w", encoding="ascii")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.write()
        taken.replace(self._path.with_suffix(".lock"))
        self._thread = Thread(target=self._write_on, name="glyphvae-metrics", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def _write_on(self) -> None:
        while not self._stopped.wait(SECONDS):
            # A full disk must cost metrics only, not responses.
            with contextlib.suppress(OSError):
                self.write()

    def write(self) -> None:
        """Write the current counters."""
        with self._writing:
            _replace(self._path, self._telemetry.state())

    def read(self) -> tuple[Telemetry, Sequence[State]]:
        """Write the current counters, then `read` those of all processes."""
        with contextlib.suppress(OSError):
            self.write()
        return read(self._path.parent)

    def close(self) -> None:
        """Write the final counters and stop; further calls do nothing."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._thread.join()
            with contextlib.suppress(OSError):
                self.write()
            self._lock.close()
            atexit.unregister(self.close)


def read(folder: Path) -> tuple[Telemetry, Sequence[State]]:
    """Return the counters summed over all processes since the start, and the state of each running process."""
    with (folder / "reader.lock").open("w", encoding="ascii") as reader:
        fcntl.flock(reader, fcntl.LOCK_EX)
        return _read(folder)


def _read(folder: Path) -> tuple[Telemetry, list[State]]:
    total, living, ended = Telemetry(), [], []
    if (folder / ENDED).exists():
        total.add(_load(folder / ENDED))
    for lock in sorted(folder.glob("[0-9]*.lock")):
        path = lock.with_suffix(".json")
        with lock.open("r", encoding="ascii") as held:
            alive = not _take(held)
            # Read only now: a process that has ended has written its final counters before it released the lock.
            state = _load(path)
            if alive:
                living.append(state)
            else:
                total.add(state)
                ended.append(lock)
    if ended:
        _replace(folder / ENDED, total.state())
        for lock in ended:
            lock.with_suffix(".json").unlink(missing_ok=True)
            lock.unlink()
    for state in living:
        total.add(state)
    return total, living


def _take(lock: IO[str]) -> bool:
    """Try to take a process's lock; return whether that process has ended."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _load(path: Path) -> State:
    state: State = orjson.loads(path.read_bytes())
    return state


def _replace(path: Path, state: State) -> None:
    """Replace a file atomically, so that no reader sees a partial one."""
    staged = path.with_suffix(f".{os.getpid()}.new")
    staged.write_bytes(orjson.dumps(state))
    staged.replace(path)
