"""Several processes count; one reads the sum."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from glyphvae.observability.shared_counters import ENDED, OWNER, PREFIX, Writer, read, shared_folder
from glyphvae.observability.telemetry import Telemetry
from tests.service.support import PATIENCE

# Counts three answers, has five rows queued, says so and waits to be killed.
PROCESS = """
import sys, time
from pathlib import Path
from glyphvae.observability.shared_counters import Writer
from glyphvae.observability.telemetry import Telemetry
telemetry = Telemetry()
for _ in range(3):
    telemetry.answered("/generate", 200, 0.001)
telemetry.queued = lambda: {"cvae": 5}
Writer(Path(sys.argv[1]), telemetry)
print("counted", flush=True)
sys.stdin.read()
"""


class Process:
    """A server process that does nothing but count."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(folder)],
            cwd=Path(__file__).parents[3],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"counted\n"

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        self._process.send_signal(number)
        self._process.communicate()


def answered(telemetry: Telemetry) -> int:
    return telemetry.requests["/generate", 200]


def test_processes_are_summed(tmp_path: Path) -> None:
    processes = [Process(tmp_path), Process(tmp_path)]
    total, living = read(tmp_path)
    for process in processes:
        process.end()
    assert answered(total) == 6
    assert [state["queued"] for state in living] == [{"cvae": 5}, {"cvae": 5}]


def test_the_counts_of_a_killed_process_stay_and_its_levels_go(tmp_path: Path) -> None:
    first = Process(tmp_path)
    second = Process(tmp_path)
    first.end()
    for _ in range(2):  # whoever reads first puts the dead one's counts away; whoever reads next finds them there
        total, living = read(tmp_path)
        assert answered(total) == 6
        assert len(living) == 1
    second.end()
    third = Process(tmp_path)
    total, living = read(tmp_path)
    third.end()
    assert answered(total) == 9
    assert len(living) == 1
    read(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {ENDED, "reader.lock"}


def test_a_process_that_ends_by_itself_leaves_its_last_counts(tmp_path: Path) -> None:
    telemetry = Telemetry()
    writer = Writer(tmp_path, telemetry)
    telemetry.answered("/generate", 200, 0.001)
    writer.close()
    telemetry.answered("/generate", 200, 0.001)
    writer.close()
    total, living = read(tmp_path)
    assert (answered(total), living) == (1, [])


def test_later_counts_are_written_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glyphvae.observability.shared_counters.SECONDS", 0.001)
    telemetry, written = Telemetry(), threading.Semaphore(0)
    writer = Writer(tmp_path, telemetry)
    telemetry.answered("/generate", 200, 0.001)

    def queued() -> dict[str, int]:
        written.release()
        return {}

    telemetry.queued = queued
    for _ in range(2):  # the first one has been written when the second one begins
        assert written.acquire(timeout=PATIENCE)
    total, living = read(tmp_path)
    assert (answered(total), len(living)) == (1, 1)
    telemetry.answered("/generate", 200, 0.001)
    total, living = writer.read()
    writer.close()
    assert (answered(total), len(living)) == (2, 1)


def test_a_cleaned_folder_is_filled_again(tmp_path: Path) -> None:
    telemetry = Telemetry()
    telemetry.answered("/generate", 200, 0.001)
    writer = Writer(tmp_path, telemetry)
    for path in tmp_path.iterdir():
        path.unlink()
    writer.write()
    total, living = read(tmp_path)
    writer.close()
    assert (answered(total), len(living)) == (1, 1)


def test_without_the_folder_a_process_has_its_own_counts(tmp_path: Path) -> None:
    telemetry = Telemetry()
    telemetry.answered("/generate", 200, 0.001)
    writer = Writer(tmp_path / "gone", telemetry)
    total, living = writer.read()
    writer.close()
    assert (answered(total), len(living)) == (1, 1)
    assert list(tmp_path.iterdir()) == []


def test_the_counts_of_the_ended_stay_until_there_is_room_for_their_sum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(tmp_path)
    process.end()

    def full(path: Path, content: bytes) -> int:  # noqa: ARG001 (as a full disk does)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert [answered(read(tmp_path)[0]) for _ in range(2)] == [3, 3]
    assert [answered(read(tmp_path)[0]) for _ in range(2)] == [3, 3]


def test_lost_counts_are_none(tmp_path: Path) -> None:
    writer = Writer(tmp_path, Telemetry())
    (tmp_path / ENDED).write_bytes(b'{"requests": [["/gen')
    next(path for path in tmp_path.glob("[0-9]*.json")).unlink()
    total, living = read(tmp_path)
    writer.close()
    assert (total.state(), living) == (Telemetry().state(), [Telemetry().state()])


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_folders_that_killed_services_left_are_removed(temporary: Path) -> None:
    left, other = temporary / f"{PREFIX}left", temporary / f"{PREFIX}other"
    for folder in (left, other):
        folder.mkdir()
        (folder / "1-a.json").touch()
    (left / OWNER).touch()
    with shared_folder() as first, shared_folder() as second:
        assert {path.name for path in temporary.iterdir()} == {
            path.name for path in (first, second, other) if path is not None
        }
        assert first != second
    assert list(temporary.iterdir()) == [other]


def test_folders_of_other_users_are_left_alone(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = temporary / f"{PREFIX}left"
    left.mkdir()
    (left / OWNER).touch()
    own = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: own + 1)
    with shared_folder():
        assert left.exists()


def test_a_full_temporary_folder_does_not_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, temporary: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(temporary / "gone"))
    with shared_folder() as folder:
        assert folder is None
    assert "metrics may be those of one process each" in caplog.text


def test_where_no_temporary_folder_takes_files_that_of_shared_memory_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("glyphvae.observability.shared_counters.gettempdir", refuse)
    monkeypatch.setattr("glyphvae.observability.shared_counters.SHARED_MEMORY", tmp_path)
    with shared_folder() as folder:
        assert folder is not None
        assert folder.parent == tmp_path


def test_without_counts_the_sum_is_empty(tmp_path: Path) -> None:
    total, living = read(tmp_path)
    assert (total.state(), living) == (Telemetry().state(), [])
