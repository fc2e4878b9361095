"""Counters of several server processes, shared through files.

Each process writes its counters to its own file once a second and holds a lock while it runs. A reader adds them up.
The counters of a process that has ended stay in the sum, because a counter must never fall; its gauges, such as the
queue's length, do not.

The folder may become full, or be cleaned by somebody. That costs counters, and nothing else.
"""

import atexit
import fcntl
import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from threading import Event, Lock, Thread
from typing import IO

import orjson

from glyphvae.observability.metrics import of_one
from glyphvae.observability.telemetry import State, Telemetry

logger = logging.getLogger("glyphvae")

SECONDS = 1.0
# Temporary folders, each with a file that its supervisor holds a lock on.
PREFIX = "glyphvae-"
OWNER = "owner.lock"
# The counters of all processes that have ended.
ENDED = "ended.json"
# Containers have it whatever their root is.
SHARED_MEMORY = Path("/dev", "shm")


@contextmanager
def shared_folder() -> Iterator[Path | None]:
    """Make a folder for the processes of one service, and remove those that killed services have left.

    Yields:
        The folder, which is removed at the end; None where none can be made.
    """
    with ExitStack() as stack:
        folder = None
        try:
            parent = _parent()
            _remove_left(parent)
            made = TemporaryDirectory(dir=parent, prefix=PREFIX, ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(made))
            owner = stack.enter_context((folder / OWNER).open("w", encoding="ascii"))
            fcntl.flock(owner, fcntl.LOCK_EX)
        except OSError as error:
            logger.warning("metrics may be those of one process each: %s", error)
        yield folder


def _parent() -> Path:
    """Return the folder of temporary files, that of shared memory where nothing can be written."""
    try:
        return Path(gettempdir())
    except FileNotFoundError:
        return SHARED_MEMORY


def _remove_left(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        # Those of other users hold what they like, and some have other programs' names.
        with suppress(OSError):
            if folder.lstat().st_uid == os.geteuid():
                with (folder / OWNER).open("r", encoding="ascii") as owner:
                    if _take(owner):
                        rmtree(folder, ignore_errors=True)


class Writer:
    """Publisher of the counters of this process.

    Args:
        folder: Shared by all processes of one service. Without it, this process shows its own counters.
        telemetry: The counters.
    """

    def __init__(self, folder: Path, telemetry: Telemetry) -> None:
        # Process ids are reused, so the name needs a random part.
        self._path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.json"
        self._telemetry = telemetry
        self._stopped = Event()
        self._writing = Lock()
        self._held = ExitStack()
        self.write()
        self._thread = Thread(target=self._write_on, name="glyphvae-metrics", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def _write_on(self) -> None:
        while not self._stopped.wait(SECONDS):
            self.write()

    def write(self) -> None:
        """Write the current counters, if the folder takes them."""
        with self._writing, suppress(OSError):
            _replace(self._path, self._telemetry.state())
            lock = self._path.with_suffix(".lock")
            if not lock.exists():  # at first, and where somebody has cleaned the folder
                self._held.close()
                # Readers look for its name, which it gets only when it is locked and the counters are written.
                taken = lock.with_suffix(".taken")
                fcntl.flock(self._held.enter_context(taken.open("w", encoding="ascii")), fcntl.LOCK_EX)
                taken.replace(lock)

    def read(self) -> tuple[Telemetry, Sequence[State]]:
        """Write the current counters, then `read` those of all processes; or only those of this one, if need be."""
        self.write()
        try:
            return read(self._path.parent)
        except OSError:
            return of_one(self._telemetry)()

    def close(self) -> None:
        """Write the final counters and stop; further calls do nothing."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._thread.join()
            self.write()
            self._held.close()
            atexit.unregister(self.close)


def read(folder: Path) -> tuple[Telemetry, Sequence[State]]:
    """Return the counters summed over all processes since the start, and the state of each running process.

    Raises:
        OSError: The folder is gone, or too full for another file.
    """
    with (folder / "reader.lock").open("w", encoding="ascii") as reader:
        fcntl.flock(reader, fcntl.LOCK_EX)
        return _read(folder)


def _read(folder: Path) -> tuple[Telemetry, list[State]]:
    total, living, ended = Telemetry(), [], []
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
        with suppress(OSError):  # without room for the sum, the files of the ended ones stay
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
    """Return what a process counted, which is nothing where it is lost."""
    try:
        state: State = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        return Telemetry().state()
    return state


def _replace(path: Path, state: State) -> None:
    """Replace a file atomically, so that no reader sees a partial one."""
    staged = path.with_suffix(f".{os.getpid()}.new")
    staged.write_bytes(orjson.dumps(state))
    staged.replace(path)
