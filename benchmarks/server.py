"""A server under measurement: a process tree pinned to one core, paused while another one has its turn."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks import processes
from benchmarks.call import Answer, Call, exchange
from benchmarks.cores import BenchmarkError, on_cores
from benchmarks.programs import ROOT, Program

OK = 200

# Some frameworks take ten seconds on an idle machine.
PATIENCE = 180.0
# Short against the start of any server, and cheap on the core that asks.
BETWEEN_TRIES = 0.005


class Server:
    """A running server; as a context manager it is stopped at the end.

    Args:
        program: What to run.
        cores: Where it runs.

    Raises:
        BenchmarkError: It ends, or does not answer in time; the message holds the end of its log.
    """

    def __init__(self, program: Program, cores: Sequence[int]) -> None:
        self.name = program.name
        self.port, spare = _free_ports(2)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the process lives)
        self._scratch = tempfile.TemporaryDirectory(prefix="glyphvae-bench-")
        for name, content in program.files.items():
            Path(self._scratch.name, name).write_text(content, encoding="utf-8")

        def filled(text: str) -> str:
            return text.replace("{port}", str(self.port)).replace("{spare}", str(spare))

        variables = {name: filled(value) for name, value in program.environment.items()}
        # Nobody else's start compiles all that it imports, so none here does after its first.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        start = time.perf_counter()
        with on_cores(*cores):
            self._process = subprocess.Popen(
                [filled(part) for part in program.command],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env={**inherited, "PYTHONPATH": str(ROOT), **variables},
                cwd=self._scratch.name,
                start_new_session=True,
            )
        self._paused: list[int] = []
        try:
            self.first_answer = self._await(program.call)
        except BaseException:
            self.stop()
            raise
        self.start_seconds = time.perf_counter() - start

    def _await(self, first: Call) -> Answer:
        deadline = time.monotonic() + PATIENCE
        refused = "no answer"
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError, http.client.HTTPException):
                answer = self.ask(first)
                if answer.status == OK:
                    return answer
                refused = f"status {answer.status}: {answer.content[:500].decode(errors='replace')}"
            time.sleep(BETWEEN_TRIES)
        raise BenchmarkError(f"{self.name} did not start ({refused}); the end of its log:\n{self.log()}")

    def ask(self, call: Call) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            return exchange(connection, call)
        finally:
            connection.close()

    def log(self, end: int = 3000) -> str:
        """The end of what it has printed, at most so many bytes."""
        # Read elsewhere than it is written: the place in a file is shared with the process.
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), end, max(0, size - end)).decode(errors="replace")

    def processes(self) -> list[int]:
        """Its process ids."""
        return processes.tree(self._process.pid)

    def pause(self) -> None:
        """Stop all its processes until `resume`, so that they take nothing from the others."""
        self._paused = self.processes()
        processes.send_all(self._paused, signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        processes.send_all(self._paused, signal.SIGCONT)
        self._paused = []

    def stop(self) -> None:
        """End all its processes."""
        self.resume()
        family = self.processes()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        processes.send_all(family, signal.SIGKILL)
        self._process.wait()
        self._log.close()
        self._scratch.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def stop_on_signal() -> None:
    """Have SIGTERM end this process by an exception, so that it stops its servers on the way out."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
