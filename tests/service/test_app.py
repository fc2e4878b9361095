import httpx
import pytest
from fastapi import FastAPI, Response

from glyphvae.api.context import Context
from glyphvae.api.error_handlers import problem_of
from glyphvae.app import create, create_app, create_bare_app, create_served
from glyphvae.errors import (
    InternalError,
    InvalidParameter,
    MalformedBody,
    MethodNotAllowed,
    NotFound,
    StartError,
    UnsupportedMedia,
)
from glyphvae.operations.encode import ImageQuery
from glyphvae.web.short_way import ENDPOINTS, Endpoint
from tests.service.support import expect_problem

AS_JSON = {"content-type": "application/json"}


async def test_what_does_not_exist_is_not_found(client: httpx.AsyncClient) -> None:
    expect_problem(await client.get("/glyph"), NotFound, "There is nothing at '/glyph'; GET /docs lists the endpoints.")


async def test_a_long_path_is_not_echoed_in_full(client: httpx.AsyncClient) -> None:
    response = await client.get("/" + "x" * 1000)
    expect_problem(response, NotFound, "xxx'...; GET /docs lists the endpoints.")
    assert len(response.content) < 400


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/generate", "POST"),
        ("PUT", "/encode", "POST"),
        ("DELETE", "/reconstruct", "POST"),
        ("GET", "/render-text", "POST"),
        ("POST", "/models", "GET"),
        ("POST", "/models/cvae", "GET"),
        ("POST", "/livez", "GET"),
        ("POST", "/readyz", "GET"),
    ],
)
async def test_another_method_is_not_allowed(client: httpx.AsyncClient, method: str, path: str, allowed: str) -> None:
    response = await client.request(method, path)
    expect_problem(response, MethodNotAllowed, f"'{path}' answers {allowed}, not {method}.")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "body: Field required"),
        (b"null", "body: "),
        (b"[]", "body: "),
        (b'"HELLO"', "body: "),
        (b"{}", "body.text: Field required"),
        (b'{"text": "A", "\\ud800": 1}', "body: unknown: '\\ud800'; allowed are: text, seed, z"),
    ],
)
async def test_a_wrong_body_is_refused_by_name(client: httpx.AsyncClient, content: bytes, says: str) -> None:
    response = await client.post("/render-text", content=content, headers=AS_JSON)
    expect_problem(response, InvalidParameter, says, says.partition(":")[0])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "The body is not JSON: "),
        (b'{"text": A}', "The body is not JSON: Expecting value."),
        (b'{"text": "A"} B', "The body is not JSON: Extra data."),
        (b'{"text": "\xff"}', "There was an error parsing the body."),
        (b"[" * 100_000, "The JSON is nested more than 16 deep."),
    ],
)
async def test_what_is_no_json_is_malformed(client: httpx.AsyncClient, content: bytes, says: str) -> None:
    expect_problem(await client.post("/render-text", content=content, headers=AS_JSON), MalformedBody, says)


@pytest.mark.parametrize(
    ("content_type", "says"),
    [
        (None, "body is untyped; send application/json."),
        ("text/plain", "body is 'text/plain'; send application/json."),
        ("application/x-www-form-urlencoded", "send application/json."),
        ("x" * 5000, "xxx'...; send application/json."),
    ],
)
async def test_json_has_to_say_that_it_is(client: httpx.AsyncClient, content_type: str | None, says: str) -> None:
    headers = {"content-type": content_type} if content_type else {}
    response = await client.post("/render-text", content=b'{"text": "A"}', headers=headers)
    expect_problem(response, UnsupportedMedia, says)


async def test_a_fault_is_answered_without_details(context: Context) -> None:
    app = create_app(context)

    @app.get("/fault")
    async def fault() -> None:
        raise RuntimeError("/secret/path")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://glyphvae") as client:
        response = await client.get("/fault")
    expect_problem(response, InternalError, InternalError.example)
    assert "secret" not in response.text


async def test_a_fault_on_a_short_way_reaches_the_log(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fault(*_: object) -> Response:
        raise RuntimeError("/secret/path")

    monkeypatch.setitem(ENDPOINTS, "/encode", Endpoint(ImageQuery, fault))
    transport = httpx.ASGITransport(create_served(context), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://glyphvae") as client:
        expect_problem(await client.post("/encode", content=b"x"), InternalError, InternalError.example)
        transport.raise_app_exceptions = True
        with pytest.raises(RuntimeError, match="secret"):
            await client.post("/encode", content=b"x")


async def test_an_address_with_a_slash_too_many_leads_to_the_one_without(client: httpx.AsyncClient) -> None:
    response = await client.post("/generate/?label=J&temperature=0")
    assert response.status_code == 307
    assert response.headers["location"] == "http://glyphvae/generate?label=J&temperature=0"


async def test_the_application_is_created_from_the_environment(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLYPHVAE_MODELS", str(context.settings.models))
    monkeypatch.setenv("GLYPHVAE_DEVICE", "cpu")
    monkeypatch.setenv("GLYPHVAE_DEFAULT_MODEL", "vae")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create()), base_url="http://glyphvae") as client:
        assert (await client.get("/models/vae")).json()["default"] is True


def test_the_application_is_not_created_on_a_bad_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLYPHVAE_THREADS", "0")
    with pytest.raises(StartError, match="GLYPHVAE_THREADS"):
        create()


def test_without_models_the_application_can_describe_itself() -> None:
    app = create_bare_app()
    assert isinstance(app, FastAPI)
    assert "/generate" in app.openapi()["paths"]


def test_errors_of_one_request_are_one_problem() -> None:
    problem = problem_of(
        [
            {"type": "missing", "loc": ("body", "text"), "msg": "Field required"},
            {"type": "int_type", "loc": ("body", "z", 3), "msg": "no integer"},
        ]
    )
    assert problem.detail == "body.text: Field required; body.z.3: no integer"
    assert [field.field for field in problem.errors] == ["body.text", "body.z.3"]
