"""A real server: the command `glyphvae serve` in a process of its own, on a port of its own."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import httpx

COMMAND = (sys.executable, "-m", "glyphvae", "serve")
ROOT = Path(__file__).parents[2]

_RUNNING = r"Uvicorn running on (http://\S+)"
_PATIENCE = 120  # seconds; the tests may share their machine


class Server:
    """A running server.

    Args:
        arguments: Flags of `glyphvae serve`. With `--models`, the known model is the default among several. Without
            `--port` it listens on a port of its own.
        wrapper: A command that runs the server's.
        listens: A pattern of the line of its log that says where it listens.
        variables: Of its environment.

    Attributes:
        before: The log until it listens.
    """

    def __init__(
        self,
        *arguments: str,
        wrapper: Sequence[str | Path] = (),
        listens: str = _RUNNING,
        **variables: str,
    ) -> None:
        if "--models" in arguments and len([*Path(arguments[arguments.index("--models") + 1]).glob("*.json")]) > 1:
            arguments = ("--default-model", "cvae", *arguments)
        port = () if "--port" in arguments else ("--port", "0")
        self.process = subprocess.Popen(
            [*wrapper, *COMMAND, *port, *arguments],
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=plain_environment() | variables,
        )
        self._lines: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._seen: list[str] = []
        (self.url,) = self.wait_for(re.compile(listens))
        self.before = "".join(self._seen)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, pattern: re.Pattern[str]) -> tuple[str, ...]:
        """The groups of the next line of the log that matches."""
        seen = self._seen = []
        while True:
            line = self._lines.get(timeout=_PATIENCE)
            assert line is not None, f"it ended without {pattern.pattern!r} in its log:\n{''.join(seen)}"
            seen.append(line)
            if match := pattern.search(line):
                return match.groups()

    def log(self) -> str:
        """The rest of the log, of a server that has ended."""
        return "".join(iter(self._lines.get, None))

    def client(self) -> httpx.Client:
        """A client that waits for the processes to listen."""
        return httpx.Client(base_url=self.url, transport=httpx.HTTPTransport(retries=8), timeout=_PATIENCE)

    def terminate(self) -> int:
        """Ask it to stop, and wait; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_PATIENCE)

    def close(self) -> None:
        """End it, if it still runs."""
        if self.process.poll() is None:
            self.terminate()
        self._reader.join(_PATIENCE)
        assert self.process.stderr is not None
        self.process.stderr.close()


@contextmanager
def running(
    *arguments: str, wrapper: Sequence[str | Path] = (), listens: str = _RUNNING, **variables: str
) -> Iterator[Server]:
    """A server that ends with the block."""
    server = Server(*arguments, wrapper=wrapper, listens=listens, **variables)
    try:
        yield server
    finally:
        server.close()


def python(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, in the root of the repository."""
    command, environment = [sys.executable, *arguments], plain_environment() | variables
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)


def plain_environment() -> dict[str, str]:
    """The environment without settings of the developer's own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GLYPHVAE_")}
