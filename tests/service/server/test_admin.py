import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from glyphvae.api.context import Context
from glyphvae.errors import MethodNotAllowed, NotFound, NotReady, OriginRefused, ReloadRefused
from glyphvae.server.admin import MAX_CONNECTIONS, AdminServer, create_admin, listen
from glyphvae.server.reload import Reloader
from tests.known_model import write_model
from tests.service.support import PATIENCE, context_of, expect_problem


@pytest.fixture
def own(tmp_path: Path) -> Context:
    write_model(tmp_path)
    return context_of(tmp_path)


@pytest.fixture
def client(own: Context) -> Iterator[httpx.Client]:
    """A client of a real admin server, in its thread, on its socket."""
    listener = listen("127.0.0.1", 0)
    server = AdminServer(create_admin(own, Reloader(own)), listener, own.settings)
    server.start()
    host, port = listener.getsockname()
    with httpx.Client(base_url=f"http://{host}:{port}") as client:
        yield client
    server.stop()


def test_it_tells_health_and_reloads(client: httpx.Client, own: Context) -> None:
    assert client.get("/livez").json() == {"status": "live"}
    assert client.get("/readyz").json()["models"] == {"cvae": "cpu"}
    before = own.registry
    assert client.post("/reload").json() == {"models": ["cvae/1"]}
    assert own.registry is not before


def test_it_answers_problems(client: httpx.Client, own: Context) -> None:
    expect_problem(client.get("/reload"), MethodNotAllowed, "answers POST")
    expect_problem(client.get("/generate"), NotFound, "'/generate'")
    (own.settings.models / "cvae.json").write_text("{")
    expect_problem(client.post("/reload"), ReloadRefused, "not a model manifest")
    own.draining = True
    expect_problem(client.get("/readyz"), NotReady, "about to end")
    own.beat = -1000.0
    expect_problem(client.get("/livez"), NotReady, "The event loop")


def test_it_listens_on_either_family() -> None:
    with listen("127.0.0.1", 0) as four:
        assert four.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:9000", "[::1]:9000", "localhost", "glyphvae-admin:9000", "admin.default.svc.cluster.local"],
)
def test_an_operator_may_reload(client: httpx.Client, host: str) -> None:
    assert client.post("/reload", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://example.org"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1"},
        {"host": "rebound.example.org:9000"},
        {"host": "127.0.0.1.example.org"},
    ],
)
def test_no_page_may_reload(client: httpx.Client, own: Context, headers: dict[str, str]) -> None:
    before = own.registry
    expect_problem(client.post("/reload", headers=headers), OriginRefused, "may")
    assert own.registry is before


def test_the_port_has_the_limits_of_the_other(client: httpx.Client) -> None:
    address = client.base_url.host, client.base_url.port
    assert address[1] is not None
    with ExitStack() as stack:
        # Half heads hold no more connections than this, and each is watched as on the other port.
        held = [
            stack.enter_context(socket.create_connection(address, timeout=PATIENCE)) for _ in range(MAX_CONNECTIONS)
        ]
        for connection in held:
            connection.sendall(b"GET /livez HTTP/1.1\r\n")
        with socket.create_connection(address, timeout=PATIENCE) as refused:
            assert refused.recv(1000).startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
        for connection in held:
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1000) == b""  # the server has closed it, and counts it no longer
    assert client.get("/livez").status_code == 200


def test_half_a_head_is_not_waited_for(own: Context) -> None:
    listener = listen("127.0.0.1", 0)
    settings = own.settings.model_copy(update={"receive_timeout": 0.1})
    server = AdminServer(create_admin(own, Reloader(own)), listener, settings)
    server.start()
    with socket.create_connection(listener.getsockname(), timeout=PATIENCE) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    server.stop()
