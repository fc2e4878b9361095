"""Servers under measurement: process trees pinned to cores, paused while another one has its turn."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import processes
from benchmarks.calls import GENERATE, Answer, Call, exchange
from benchmarks.processes import BenchmarkError, on_cores, two_cores

ROOT = Path(__file__).resolve().parent.parent
SERVICE = "glyphvae"
# The model that the service uses by default.
DEFAULT_MODEL = "pen"
console = Console(stderr=True)

# Seconds until a server has to answer; some frameworks take ten on an idle machine.
PATIENCE = 180.0
# Short against the start of any server, and cheap on the core that asks.
BETWEEN_TRIES = 0.005
# wrk leaves in the middle of its last requests. A server stopped in the middle of a batch would take the pause for
# the batch's duration, and one that learns its batching from durations (BentoML) would not recover from it.
FINISHING = 0.3


@dataclass(frozen=True)
class Program:
    """Command line of a server.

    Attributes:
        name: Its name in tables.
        command: To run; `{port}` is where it has to listen, `{spare}` another free port.
        call: The request for one glyph.
        environment: Variables, with the same placeholders.
        files: By name, written into its working folder before it starts.
        root: Checkout whose packages it imports.
    """

    name: str
    command: tuple[str, ...]
    call: Call
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    root: Path = ROOT


@dataclass(frozen=True)
class Subject:
    """The service that is measured.

    Attributes:
        models: The repository of exported models.
        python: The interpreter that runs the service.
    """

    models: Path
    python: str = sys.executable

    def service(self, *flags: str, name: str = SERVICE) -> Program:
        """Return the service on the CPU, with more flags of `glyphvae serve`; the last of equal flags counts."""
        command = (self.python, "-m", "glyphvae", "serve", "--port", "{port}", "--models", str(self.models))
        return Program(name, (*command, "--log-level", "error", "--device", "cpu", *flags), GENERATE)

    def manifest(self, name: str = DEFAULT_MODEL) -> dict[str, Any]:
        """Read the manifest of a model."""
        facts: dict[str, Any] = json.loads((self.models / f"{name}.json").read_text(encoding="utf-8"))
        return facts

    @property
    def decoder(self) -> Path:
        """The decoder of the default model in float32."""
        return Path(self.models, self.manifest()["decoder"]["file"])

    @property
    def served(self) -> Path:
        """The decoder as the service runs it on a CPU."""
        return self._served(self.manifest())

    @property
    def conditional(self) -> dict[str, Path]:
        """The decoder of every conditional model, as the service runs it on a CPU."""
        manifests = [self.manifest(path.stem) for path in sorted(self.models.glob("*.json"))]
        return {one["name"]: self._served(one) for one in manifests if one["labels"]}

    def _served(self, manifest: dict[str, Any]) -> Path:
        return Path(self.models, (manifest.get("decoder-int8") or manifest["decoder"])["file"])


class Server(AbstractContextManager["Server"]):
    """A running server; as a context manager it is stopped at the end.

    Args:
        program: Its command line.
        cores: The cores it runs on.

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
        # Installed packages are compiled already, so no start here compiles all that it imports except the first.
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        # Before what is installed, which may be another checkout.
        packages = os.pathsep.join(str(program.root / folder) for folder in (".", "service"))
        start = time.perf_counter()
        with on_cores(*cores):
            self._process = subprocess.Popen(
                [filled(part) for part in program.command],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env={**inherited, "PYTHONPATH": packages, **variables},
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
                if answer.status == http.client.OK:
                    return answer
                refused = f"status {answer.status}: {answer.content[:500].decode(errors='replace')}"
            time.sleep(BETWEEN_TRIES)
        raise BenchmarkError(f"{self.name} did not start ({refused}); the end of its log:\n{self.log()}")

    def ask(self, call: Call) -> Answer:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            return exchange(connection, call)
        finally:
            connection.close()

    def log(self, end: int = 3000) -> str:
        """Return at most the last `end` bytes of its output."""
        # Read with an offset: the position in a file is shared with the process that writes it.
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), end, max(0, size - end)).decode(errors="replace")

    def processes(self) -> list[int]:
        """Return its process ids."""
        return processes.tree(self._process.pid)

    def pause(self) -> None:
        """Stop all its processes until `resume`, so that they take nothing from the others."""
        self._paused = self.processes()
        processes.send_all(self._paused, signal.SIGSTOP)

    def resume(self) -> None:
        """Continue after `pause`."""
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

    def __exit__(self, *_: object) -> None:
        self.stop()


def stop_on_signal() -> None:
    """Have SIGTERM end this process by an exception, so that it stops its servers before it exits."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


class Stage(dict[str, Server]):
    """Paused servers by name.

    Args:
        finishing: Seconds between the end of a turn and the pause.
    """

    def __init__(self, finishing: float) -> None:
        super().__init__()
        self._finishing = finishing

    @contextmanager
    def turn(self, name: str) -> Iterator[Server]:
        """Run one server while the others stay paused."""
        self[name].resume()
        try:
            yield self[name]
        finally:
            time.sleep(self._finishing)
            self[name].pause()


@contextmanager
def staged(programs: Sequence[Program], finishing: float = FINISHING) -> Iterator[Stage]:
    """Start programs one after the other, each alone on the server's core, and pause them."""
    with ExitStack() as stack:
        stage = Stage(finishing)
        for program in programs:
            console.print(f"starting {program.name}")
            stage[program.name] = stack.enter_context(Server(program, two_cores()[:1]))
            stage[program.name].pause()
        yield stage
