"""Fixtures: the application over known models, in process."""

import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from glyphvae.api.context import Context
from glyphvae.application import create_app
from tests.known_model import decoder, strokes, write_model, write_more
from tests.service.processes import Server, running
from tests.service.support import Gate, caller, context_of


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the settings of the developer's environment, and make the known model the default."""
    for name in [name for name in os.environ if name.startswith("GLYPHVAE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GLYPHVAE_DEFAULT_MODEL", "cvae")


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a model repository with the known model, conditional (`cvae`) and unconditional (`vae`)."""
    folder = tmp_path_factory.mktemp("exported")
    write_model(folder, "cvae")
    write_model(folder, "vae", conditional=False)
    return folder


@pytest.fixture(scope="session")
def context(repository: Path) -> Context:
    return context_of(
        repository,
        default_model="cvae",
        preload="all",
        max_samples=3000,
        max_dataset=3000,
        max_images=70,
        max_image_pixels=10_000,
        max_total_pixels=60_000,
        max_body_bytes=200_000,
        max_json_bytes=150_000,
        max_text_length=100,
        max_output_pixels=32 * 28 * 32 * 28,
    )


@pytest.fixture(scope="session")
def app(context: Context) -> FastAPI:
    return create_app(context)


@pytest.fixture
def half_broken(tmp_path: Path) -> FastAPI:
    """Return the application over a model whose decoder fails for the label Z."""
    write_model(tmp_path, files={"decoder": decoder(rows=35)}, config={"hand_size": 2})
    return create_app(context_of(tmp_path))


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Yield an HTTP client that calls the application in process; exceptions become responses, as over a socket."""
    async with caller(app) as client:
        yield client


@pytest.fixture
async def more(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a model that knows more labels than digits and capitals."""
    write_more(tmp_path)
    async with caller(create_app(context_of(tmp_path, default_model="more"))) as client:
        yield client


@pytest.fixture
def with_hand(tmp_path: Path) -> Context:
    """Load a known model `cvae` that draws strokes and has a hand of two latents, and `vae`, which does neither."""
    write_model(tmp_path, files={"strokes": strokes()}, schema=2, config={"hand_size": 2})
    write_model(tmp_path, "vae", conditional=False)
    return context_of(tmp_path)


@pytest.fixture
async def handed(with_hand: Context) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the model with a hand."""
    async with caller(create_app(with_hand)) as client:
        yield client


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Yield work for a thread, which is released at the end at the latest."""
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def admin_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def real_server(repository: Path) -> Iterator[Server]:
    """Run the command `glyphvae serve` over the known models."""
    with running("--models", str(repository), "--device", "cpu") as server:
        with server.client() as client:
            client.get("/livez").raise_for_status()
        yield server
