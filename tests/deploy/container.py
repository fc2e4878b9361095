"""Images and containers without a Docker engine: buildah builds, util-linux runs.

A container here is a process with its own mounts: the image's root, read-only, entered with chroot as the image's user,
who has no capability. It shares the host's network, so it is told a free port.
"""

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BASE = "localhost/glyphvae-base"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

# Mounts what every container runtime does, then gives up root for good. $1 is the image's root, $2 its user.
ENTER = """
set -eu
mount --make-rprivate /
mount --bind "$1" "$1"
mount --bind -o remount,ro "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
root=$1 user=$2
shift 2
exec chroot --userspec="$user" "$root" "$@"
"""


def buildah(*arguments: str) -> str:
    """What `buildah` prints; its progress goes to the terminal."""
    return subprocess.run(
        ["buildah", *arguments], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ).stdout.strip()


def build_base() -> None:
    """Make the base image, unless it is there."""
    if subprocess.run(["buildah", "images", "--quiet", BASE], check=False, capture_output=True).returncode:
        subprocess.run([ROOT / "deploy/image/base", BASE], check=True)


def build(target: str) -> str:
    """Build a target of the Dockerfile on that base; the image's name.

    The host's package index and certificates are passed through to the build.
    """
    arguments = [f"--build-arg={name}" for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX") if name in os.environ]
    if CERTIFICATES.exists():
        arguments.append(f"--secret=id=ca,src={CERTIFICATES}")
    image = f"localhost/glyphvae:{target}"
    # Docker's own format: the other one has no place for HEALTHCHECK.
    buildah(
        *("build", "--isolation=chroot", "--format=docker", f"--build-arg=BASE={BASE}", *arguments),
        *(f"--target={target}", f"--tag={image}", "."),
    )
    return image


@dataclass(frozen=True)
class Container:
    """An image, mounted.

    Attributes:
        root: Where its files are.
        config: As the image states it, in Docker's words.
    """

    root: Path
    config: dict[str, Any]

    def files(self) -> Iterator[Path]:
        """Every file of the image, as seen from inside."""
        for folder, _, names in os.walk(self.root):
            yield from (Path("/", Path(folder, name).relative_to(self.root)) for name in names)

    def bytes(self) -> int:
        """What all layers together hold, as `docker image ls` counts."""
        kinds = (path.lstat() for path in self.root.rglob("*"))
        return sum(status.st_size for status in kinds)

    def command(self, *arguments: str, environment: Mapping[str, str]) -> list[str]:
        """What runs `arguments` inside, as the image's user."""
        variables = [*self.config["Env"], *(f"{name}={value}" for name, value in environment.items())]
        enter = ["sh", "-c", ENTER, "enter", str(self.root), self.config["User"]]
        return [*("unshare", "--mount", "--pid", "--fork", "--kill-child"), *enter, "env", "-i", *variables, *arguments]


@contextmanager
def mounted(image: str) -> Iterator[Container]:
    """A container of an image, which goes with the block."""
    name = buildah("from", image)
    try:
        config = json.loads(buildah("inspect", name))["Docker"]["config"]
        yield Container(Path(buildah("mount", name)), config)
    finally:
        buildah("rm", name)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def first_process(starter: subprocess.Popen[bytes]) -> int:
    """The process that runs as number one inside, by its number outside."""
    return int(Path(f"/proc/{starter.pid}/task/{starter.pid}/children").read_text(encoding="ascii"))
