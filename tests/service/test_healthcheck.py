import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from glyphvae.healthcheck import address, is_ready
from glyphvae.settings import Settings
from tests.service.processes import Server, plain_environment

SERVE = ("python3", "/opt/glyphvae/bin/glyphvae", "serve")


@pytest.mark.parametrize(
    ("arguments", "variables", "expected"),
    [
        ((), {}, ("127.0.0.1", 8000)),
        ((), {"GLYPHVAE_PORT": "9001"}, ("127.0.0.1", 9001)),
        ((), {"GLYPHVAE_PORT": ""}, ("127.0.0.1", 8000)),
        ((), {"GLYPHVAE_PORT": "tcp://10.96.0.1:80"}, ("127.0.0.1", 8000)),
        (("--port", "9002"), {"GLYPHVAE_PORT": "9001"}, ("127.0.0.1", 9002)),
        (("--port=9002",), {}, ("127.0.0.1", 9002)),
        (("--port", "9002", "--port=9003"), {}, ("127.0.0.1", 9003)),
        (("--admin-port", "9000"), {}, ("127.0.0.1", 8000)),
        (("--port",), {}, ("127.0.0.1", 8000)),
        ((), {"GLYPHVAE_HOST": "::"}, ("::", 8000)),
        (("--host", "10.0.0.5"), {"GLYPHVAE_HOST": "0.0.0.0"}, ("10.0.0.5", 8000)),  # noqa: S104
    ],
)
def test_it_asks_where_the_service_listens(
    arguments: tuple[str, ...], variables: dict[str, str], expected: tuple[str, int]
) -> None:
    # Also behind an init process that has started it.
    for command in (SERVE, ("/sbin/docker-init", "--", *SERVE)):
        assert address([*command, *arguments], variables) == expected


def test_the_defaults_are_those_of_the_service() -> None:
    assert address(SERVE, {}) == (Settings.model_fields["host"].default, Settings.model_fields["port"].default)


def test_a_service_that_is_ready_is_healthy(real_server: Server) -> None:
    port = int(real_server.url.rpartition(":")[2])
    assert is_ready("127.0.0.1", port)
    assert is_ready("0.0.0.0", port)  # noqa: S104 (as the image sets it)


@contextmanager
def answering(response: bytes) -> Iterator[int]:
    """Answer the first request with some bytes; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(response)

        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    "response", [b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", b"no HTTP\r\n", b""]
)
def test_any_other_response_is_not_healthy(response: bytes) -> None:
    with answering(response) as port:
        assert not is_ready("127.0.0.1", port)


def test_where_nobody_listens_is_not_healthy(admin_port: int) -> None:
    assert not is_ready("127.0.0.1", admin_port)


def test_the_command_fails_where_nobody_listens_and_imports_little(admin_port: int) -> None:
    # The first process here is no service, so that only the variable tells the port.
    program = (
        "import runpy, sys\ntry:\n    runpy.run_module('glyphvae.healthcheck', run_name='__main__')\n"
        "except SystemExit as end:\n    print(end.code, {'pydantic', 'numpy', 'fastapi', 'typer'} & set(sys.modules))"
    )
    variables = plain_environment() | {"GLYPHVAE_PORT": str(admin_port)}
    done = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout == "1 set()\n"
