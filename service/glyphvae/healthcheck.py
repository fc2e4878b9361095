"""The health check of the container image: `python3 -m glyphvae.healthcheck` fails unless the service is ready.

It asks where the first process of the container listens, by its flags or by the environment, and imports next to
nothing, because it runs every ten seconds.
"""

import http.client
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

# The command line of the service, or of what has started it.
COMMAND = Path("/proc/1/cmdline")
SECONDS = 2.0


def address(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[str, int]:
    """Return the host and the port that a service with these arguments and variables listens on.

    On Linux a connection to 0.0.0.0, or to ::, goes to this machine.
    """
    host = _flag("host", arguments) or environment.get("GLYPHVAE_HOST") or "127.0.0.1"
    port = _flag("port", arguments) or environment.get("GLYPHVAE_PORT", "")
    # Of a Service named `glyphvae`, Kubernetes puts an address into that variable.
    return host, int(port) if port.isdecimal() else 8000


def _flag(name: str, arguments: Sequence[str]) -> str:
    """Return the last value of a flag, empty where it is not given."""
    flag, value = f"--{name}", ""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument == flag:
            value = following
        elif argument.startswith(f"{flag}="):
            value = argument.removeprefix(f"{flag}=")
    return value


def is_ready(host: str, port: int) -> bool:
    """Return whether the service that listens there is ready."""
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    given = COMMAND.read_text(encoding="utf-8", errors="replace").split("\0")
    sys.exit(0 if is_ready(*address(given, os.environ)) else 1)
