"""Servers that run side by side and take turns: all are paused but the one that has its turn."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.cores import two_cores
from benchmarks.programs import Program
from benchmarks.server import Server
from glyphvae.models.manifest import Manifest, read_manifest
from glyphvae.settings import Settings

console = Console(stderr=True)

# wrk leaves in the middle of its last requests. A server stopped in the middle of a batch would take the pause for
# the batch's duration, and one that learns its batching from durations (BentoML) would not recover from it.
FINISHING = 0.3


@dataclass(frozen=True)
class Subject:
    """What is measured.

    Attributes:
        models: The repository of exported models.
        python: The interpreter that runs the service.
    """

    models: Path
    python: str

    @property
    def decoder(self) -> Path:
        """The decoder of the model that the service uses by default, in float32."""
        return self.models / self._manifest.decoder.file

    @property
    def served(self) -> Path:
        """That decoder as the service runs it on a CPU."""
        return self.models / self._manifest.decoder_for("cpu", Settings().precision).file

    @property
    def conditional(self) -> dict[str, Path]:
        """The decoder of every conditional model, as the service runs it on a CPU."""
        manifests = [read_manifest(path) for path in sorted(self.models.glob("*.json"))]
        precision = Settings().precision
        return {one.name: self.models / one.decoder_for("cpu", precision).file for one in manifests if one.labels}

    @property
    def _manifest(self) -> Manifest:
        return read_manifest(self.models / f"{Settings().default_model}.json")


class Stage:
    """Paused servers by name.

    Args:
        servers: All of them, paused.
    """

    def __init__(self, servers: dict[str, Server]) -> None:
        self.servers = servers

    @contextmanager
    def turn(self, name: str) -> Iterator[Server]:
        """One server runs, the others stay paused."""
        server = self.servers[name]
        server.resume()
        try:
            yield server
        finally:
            time.sleep(FINISHING)
            server.pause()


@contextmanager
def staged(programs: list[Program]) -> Iterator[Stage]:
    """Start programs one after the other, each alone on the server's core."""
    core, _ = two_cores()
    with ExitStack() as stack:
        servers = {}
        for program in programs:
            console.print(f"starting {program.name}")
            servers[program.name] = stack.enter_context(Server(program, [core]))
            servers[program.name].pause()
        yield Stage(servers)
