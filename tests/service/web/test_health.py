import shlex
from pathlib import Path

import httpx
import pytest

from glyphvae import __version__
from glyphvae.api.context import Context
from glyphvae.app import create_app
from glyphvae.errors import NotReady
from glyphvae.models.providers import Runtime
from glyphvae.models.registry import load_registry
from glyphvae.settings import Settings
from tests.known_model import decoder
from tests.service.support import JSON, caller, expect_problem


async def test_the_root_points_to_what_exists(client: httpx.AsyncClient) -> None:
    welcome = (await client.get("/", headers=JSON)).json()
    assert (welcome["name"], welcome["version"]) == ("glyphvae", __version__)
    for where in ("docs", "openapi", "models"):
        assert (await client.get(welcome[where])).status_code == 200


async def test_the_first_thing_to_try_works(client: httpx.AsyncClient) -> None:
    command = (await client.get("/", headers=JSON)).json()["example"]
    curl, request, method, url, output, file = shlex.split(command)
    assert (curl, request, output, file) == ("curl", "-X", "-o", "j.png")
    assert url.startswith("http://glyphvae/")
    response = await client.request(method, url)
    assert response.headers["content-type"] == "image/png"


async def test_a_browser_is_sent_to_the_playground(client: httpx.AsyncClient) -> None:
    response = await client.get("/", headers={"accept": "text/html, */*;q=0.8"})
    assert (response.status_code, response.headers["location"]) == (307, "playground")
    assert response.headers["vary"] == "Accept"


async def test_the_process_is_alive(client: httpx.AsyncClient) -> None:
    response = await client.get("/livez")
    assert (response.status_code, response.json()) == (200, {"status": "live"})


async def test_the_models_can_run(client: httpx.AsyncClient) -> None:
    response = await client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["status"] == "ready"
    assert response.json()["models"]["cvae"] == "cpu"
    assert response.json()["degraded"] == []


async def test_a_model_that_fails_is_not_ready_but_alive(
    repository: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(models=repository, device="cpu")
    registry = load_registry(settings)
    broken = Runtime("cpu", 1).session(decoder(rows=0), "broken.onnx")
    sessions = registry.get("cvae").sessions
    monkeypatch.setattr(sessions, "_sessions", {**sessions._sessions, "decoder": broken})
    async with caller(create_app(Context(settings, registry))) as client:
        response = await client.get("/readyz")
        expect_problem(response, NotReady, "cvae: the model did not run.")
        assert response.headers["retry-after"] == "5"
        assert (await client.get("/livez")).status_code == 200
    # The answer has no details; the log has them.
    assert "indices" not in response.text
    assert "indices element out of data bounds" in caplog.text
