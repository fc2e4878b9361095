"""Startup: measures that keep a server process small and quick to start."""

import gc
import logging
import resource
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from math import inf
from pathlib import Path
from types import ModuleType
from typing import cast

from glyphvae.errors import StartError
from glyphvae.memory import trim
from glyphvae.scheduling.cost import OWN, addresses, ceiling
from glyphvae.settings import MEBIBYTE, Settings

logger = logging.getLogger("glyphvae")

_V1 = "pydantic.v1"

# The control groups of this process, and where their files are.
GROUPS = Path("/proc/self/cgroup")
MOUNTED = Path("/sys/fs/cgroup")


@contextmanager
def without_pydantic_v1() -> Iterator[None]:
    """While routes are made: FastAPI looks at each for a model of pydantic's first version, to refuse it by name.

    It takes no for an answer where that version is not installed. Here nothing uses it, and to import it takes a
    fifteenth of the start and two megabytes. Others in the process get it as soon as they ask for it.
    """
    if _V1 in sys.modules:
        yield
        return
    # An import of what is None there fails; https://docs.python.org/3/reference/import.html#the-module-cache.
    cast("dict[str, ModuleType | None]", sys.modules)[_V1] = None
    try:
        yield
    finally:
        del sys.modules[_V1]


def check_address_space(settings: Settings) -> None:
    """Refuse to start where the limit on address space (`ulimit -v`) is too low for what requests may take.

    Libraries in C, and threads that begin, do not survive it everywhere, and what fails there ends the process.

    Raises:
        StartError: It is too low; the message names what is needed.
    """
    limit, needed = resource.getrlimit(resource.RLIMIT_AS)[0], addresses(settings)
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise StartError(
            f"the limit on address space (ulimit -v) is {limit // MEBIBYTE} MiB, but {needed // MEBIBYTE} MiB are "
            "needed; raise it, or lower the settings max_held_bytes, max_queued_bytes and max_unsent_bytes"
        )


def check_memory(settings: Settings) -> None:
    """Compare the container's limit on memory with what all server processes may hold; the kernel kills beyond it.

    Raises:
        StartError: It is too low for the processes themselves; the message names what is needed.
    """
    limit, needed = memory_limit(), settings.workers * ceiling(settings)
    if limit >= needed:
        return
    facts = f"the limit on memory of this container is {limit // MEBIBYTE:.0f} MiB, but"
    advice = "raise it, or lower the settings workers, max_held_bytes, max_queued_bytes and max_unsent_bytes"
    if limit < settings.workers * OWN:
        raise StartError(f"{facts} {needed // MEBIBYTE} MiB are needed; {advice}")
    logger.warning(
        "%s requests may take %d MiB, and whoever sends them can end it; %s", facts, needed // MEBIBYTE, advice
    )


def memory_limit() -> float:
    """Return the bytes that the control groups of this process may hold together, infinite where nothing limits them.

    https://docs.kernel.org/admin-guide/cgroup-v2.html, and cgroup-v1/memory.html.
    """
    limits = [inf]
    for line in _read(GROUPS).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in {"", "memory"}:
            root, name = (MOUNTED / "memory", "memory.limit_in_bytes") if controllers else (MOUNTED, "memory.max")
            group = root / path.lstrip("/")
            # In a container the path may be that of the host, of which only the root is there.
            for folder in (group, *group.parents):
                with suppress(ValueError):  # there is none, or it says `max`
                    limits.append(int(_read(folder / name)))
    return min(limits)


def _read(path: Path) -> str:
    """Return the text of a file, empty where it cannot be read."""
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""


def check_ports(settings: Settings) -> None:
    """Check that the ports are free, before models are loaded in vain.

    Raises:
        StartError: One is in use, or the address is not this machine's, or what gRPC needs is not installed.
    """
    if settings.unix_socket is None:
        _check_port(settings.host, settings.port, "--port")
    if settings.grpc_port:
        if find_spec("grpc") is None:
            raise StartError("setting GLYPHVAE_GRPC_PORT: gRPC needs `pip install 'glyphvae[grpc]'`")
        _check_port(settings.host, settings.grpc_port, "--grpc-port")


def _check_port(host: str, port: int, flag: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = f"port {port} of {host}: {error.strerror}; choose others by {flag} and --host"
            raise StartError(message) from None


def settle() -> None:
    """After the start: let the collector pass over what stays for good, and give back the memory that loading took."""
    # Without collecting first: of what a start leaves next to nothing is garbage, and to look for it takes long.
    gc.freeze()
    trim()
