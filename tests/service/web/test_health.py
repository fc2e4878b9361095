from pathlib import Path

import httpx
import pytest

from glyphvae import __version__
from glyphvae.application import create_app
from glyphvae.errors import NotReady
from glyphvae.models.providers import Runtime
from tests.known_model import decoder
from tests.service.support import JSON, caller, context_of, expect_problem


async def test_the_root_points_to_what_exists(client: httpx.AsyncClient) -> None:
    welcome = (await client.get("/", headers=JSON)).json()
    assert (welcome["name"], welcome["version"]) == ("glyphvae", __version__)
    for where in ("docs", "openapi", "models"):
        assert (await client.get(welcome[where])).status_code == 200


async def test_the_first_thing_to_try_works(client: httpx.AsyncClient) -> None:
    response = await client.get((await client.get("/", headers=JSON)).json()["example"])
    assert response.headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/", "playground"),
        ("/generate/?label=J&ink=%23a0a", "../generate?label=J&ink=%23a0a"),
        ("/models/", "../models"),
        ("/models//", "../../models"),
        ("/v2/models/cvae-decoder/", "../cvae-decoder"),
        ("/playground/", "../playground"),
    ],
)
async def test_no_response_repeats_the_host(client: httpx.AsyncClient, path: str, location: str) -> None:
    headers = {"host": "poison.example", "accept": "text/html"}
    redirect = await client.get(path, headers=headers)
    assert (redirect.status_code, redirect.headers["location"]) == (308 if "playground/" in path else 307, location)
    assert (await client.get(str(redirect.url.join(location)))).status_code == 200
    for other in ("/", path, "/nowhere", "/playground/nothing", "/openapi.json", "/docs", "/livez"):
        response = await client.get(other, headers={"host": "poison.example"})
        assert "poison" not in response.text + str(response.headers)
    assert (await client.get("/", headers=JSON)).headers["cache-control"] == "no-store"


async def test_a_model_that_fails_is_not_ready_but_alive(
    repository: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own = context_of(repository)
    broken = Runtime("cpu", 1).session(decoder(rows=0), "broken.onnx")
    sessions = own.registry.get("cvae").sessions
    monkeypatch.setattr(sessions, "_sessions", {**sessions._sessions, "decoder": broken})
    async with caller(create_app(own)) as client:
        response = await client.get("/readyz")
        expect_problem(response, NotReady, "cvae: the model did not run.")
        assert response.headers["retry-after"] == "5"
        assert (await client.get("/livez")).status_code == 200
    # The answer has no details; the log has them.
    assert "indices" not in response.text
    assert "indices element out of data bounds" in caplog.text
