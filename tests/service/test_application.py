import httpx
import pytest
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from glyphvae.api.context import Context
from glyphvae.application import Application, create, create_app
from glyphvae.errors import (
    InternalError,
    MethodNotAllowed,
    NotFound,
    StartError,
)
from tests.service.support import caller, expect_problem


async def test_what_does_not_exist_is_not_found(client: httpx.AsyncClient) -> None:
    expect_problem(await client.get("/glyph"), NotFound, "There is nothing at '/glyph'; GET /docs lists the endpoints.")


async def test_a_long_path_is_not_echoed_in_full(client: httpx.AsyncClient) -> None:
    response = await client.get("/" + "x" * 1000)
    expect_problem(response, NotFound, "xxx'...; GET /docs lists the endpoints.")
    assert len(response.content) < 400


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/generate", "GET, HEAD, POST"),
        ("PUT", "/encode", "POST"),
        ("POST", "/models", "GET, HEAD"),
        ("POST", "/livez", "GET, HEAD"),
    ],
)
async def test_another_method_is_not_allowed(client: httpx.AsyncClient, method: str, path: str, allowed: str) -> None:
    response = await client.request(method, path)
    expect_problem(response, MethodNotAllowed, f"'{path}' answers {allowed}, not {method}.")
    assert response.headers["allow"] == allowed


@pytest.fixture
def own(context: Context) -> Application:
    """Return an application that a test may change."""
    return create_app(Context(context.settings, context.registry))


async def test_a_route_that_is_added_is_guarded_too(own: Application, caplog: pytest.LogCaptureFixture) -> None:
    @own.get("/fault/{name}")
    async def fault(name: str) -> None:
        raise RuntimeError("/secret/path", name)

    async with caller(own) as client:
        response = await client.get("/fault/1")
    expect_problem(response, InternalError, InternalError.example)
    assert "secret" not in response.text
    assert "/secret/path" in caplog.text
    assert own.state.context.telemetry.requests == {("/fault/{name}", 500): 1}


async def test_middleware_that_is_added_sees_operations_too(own: Application) -> None:
    seen: list[str] = []

    @own.middleware("http")
    async def watch(request: Request, call_next: RequestResponseEndpoint) -> Response:
        seen.append(request.url.path)
        return await call_next(request)

    async with caller(own) as client:
        assert (await client.post("/generate?label=J")).status_code == 200
    assert seen == ["/generate"]


async def test_below_the_path_of_another_application_its_routes_keep_their_names(own: Application) -> None:
    outer = FastAPI()
    outer.mount("/handwriting", own)
    async with caller(outer) as client:
        assert (await client.post("/handwriting/generate?label=J")).status_code == 200
        assert (await client.get("/handwriting/models/gan")).status_code == 404
    assert own.state.context.telemetry.requests == {("/generate", 200): 1, ("/models/{name}", 404): 1}


async def test_an_address_with_a_slash_too_many_leads_to_the_one_without(client: httpx.AsyncClient) -> None:
    response = await client.post("/generate/?label=J&temperature=0")
    assert response.status_code == 307
    assert response.headers["location"] == "../generate?label=J&temperature=0"


async def test_the_application_is_created_from_the_environment(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLYPHVAE_MODELS", str(context.settings.models))
    monkeypatch.setenv("GLYPHVAE_DEVICE", "cpu")
    monkeypatch.setenv("GLYPHVAE_DEFAULT_MODEL", "vae")
    async with caller(create()) as client:
        assert (await client.get("/models/vae")).json()["default"] is True


def test_the_application_is_not_created_on_a_bad_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLYPHVAE_THREADS", "0")
    with pytest.raises(StartError, match="GLYPHVAE_THREADS"):
        create()


async def test_without_models_the_application_can_describe_itself() -> None:
    app = Application(None)
    async with caller(app) as client:
        assert (await client.get("/openapi.json")).json() == app.openapi()
    assert "/generate" in app.openapi()["paths"]
