"""What several server processes counted, brought together through files.

Each process writes its counts to a file of its own, once a second, and holds a lock as long as it lives. Whoever reads
adds them up. The counts of a process that has ended stay in the sum, because a counter must never fall; its levels,
such as the queue's length, end with it.
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
# The counts of all processes that have ended.
ENDED = "ended.json"


class Writer:
    """Publishes the counts of this process.

    Args:
        folder: Where all processes of one service write; it must exist.
        telemetry: What is counted.
    """

    def __init__(self, folder: Path, telemetry: Telemetry) -> None:
        # Numbers of processes come round again.
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.json"
        self._telemetry = telemetry
        self._stopped = Event()
        self._writing = Lock()
        # Readers look for locks: it is taken, and the counts are there, before they can see it.
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
            # A full disk costs metrics, not answers.
            with contextlib.suppress(OSError):
                self.write()

    def write(self) -> None:
        """Publish the counts of now."""
        with self._writing:
            _replace(self._path, self._telemetry.state())

    def read(self) -> tuple[Telemetry, Sequence[State]]:
        """As `read`, with the counts of this process as they are now."""
        with contextlib.suppress(OSError):
            self.write()
        return read(self._path.parent)

    def close(self) -> None:
        """Publish the last counts and end; once is enough."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._thread.join()
            with contextlib.suppress(OSError):
                self.write()
            self._lock.close()
            atexit.unregister(self.close)


def read(folder: Path) -> tuple[Telemetry, Sequence[State]]:
    """What all processes counted since the service started, and the states of those that live."""
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
            # Read after the question: what has ended has written its last counts.
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
    """Whether the process that held a lock has ended."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _load(path: Path) -> State:
    state: State = orjson.loads(path.read_bytes())
    return state


def _replace(path: Path, state: State) -> None:
    """Write a file so that nobody ever reads half of it."""
    staged = path.with_suffix(f".{os.getpid()}.new")
    staged.write_bytes(orjson.dumps(state))
    staged.replace(path)
