from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from glyphvae.api.context import Context
from glyphvae.errors import MethodNotAllowed, NotFound, NotReady, ReloadRefused
from glyphvae.server.admin import AdminServer, create_admin, listen
from glyphvae.server.reload import Reloader
from tests.known_model import write_model
from tests.service.support import context_of, expect_problem


@pytest.fixture
def own(tmp_path: Path) -> Context:
    write_model(tmp_path)
    return context_of(tmp_path)


@pytest.fixture
def client(own: Context) -> Iterator[httpx.Client]:
    """A client of a real admin server, in its thread, on its socket."""
    listener = listen("127.0.0.1", 0)
    server = AdminServer(create_admin(own, Reloader(own)), listener)
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
