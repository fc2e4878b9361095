"""What browsers learn before they send a page's request."""

import httpx
import pytest

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.errors import OriginRefused
from tests.service.support import caller, expect_problem

ASKED = {"origin": "https://a.example", "access-control-request-method": "POST"}


async def preflight(context: Context, origins: str, headers: dict[str, str]) -> httpx.Response:
    own = Context(context.settings.model_copy(update={"cors_origins": origins}), context.registry)
    async with caller(create_app(own)) as client:
        return await client.options("/generate", headers=headers)


@pytest.mark.parametrize("origins", ["https://a.example", "*"])
async def test_what_is_allowed_is_said(context: Context, origins: str) -> None:
    response = await preflight(context, origins, ASKED | {"access-control-request-headers": "authorization"})
    assert response.status_code == 200
    assert "POST" in response.headers["access-control-allow-methods"]


@pytest.mark.parametrize(
    ("origins", "headers", "refused"),
    [
        ("https://b.example", ASKED, "origin"),
        ("https://a.example", ASKED | {"access-control-request-method": "DELETE"}, "method"),
        ("*", ASKED | {"access-control-request-headers": "x-other"}, "headers"),
        ("https://b.example", ASKED | {"access-control-request-method": "PUT"}, "origin, method"),
    ],
)
async def test_what_is_not_is_a_problem(context: Context, origins: str, headers: dict[str, str], refused: str) -> None:
    response = await preflight(context, origins, headers)
    detail = f"A page of 'https://a.example' may not send this: not allowed is its {refused}."
    expect_problem(response, OriginRefused, detail)
    assert response.headers["vary"] == "Origin"
    if refused.startswith("origin"):
        assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    ("origins", "policy"), [("", "same-origin"), ("https://a.example", "same-origin"), ("*", "cross-origin")]
)
async def test_pages_of_any_origin_may_show_a_glyph_where_all_may_call(
    context: Context, origins: str, policy: str
) -> None:
    own = Context(context.settings.model_copy(update={"cors_origins": origins}), context.registry)
    async with caller(create_app(own)) as client:
        glyph = await client.get("/generate?label=J")
        models = await client.get("/models")
    assert glyph.headers.get_list("cross-origin-resource-policy") == [policy]
    assert models.headers.get_list("cross-origin-resource-policy") == ["same-origin"]


async def test_a_page_of_a_named_origin_shows_a_glyph_by_cors(context: Context) -> None:
    own = Context(context.settings.model_copy(update={"cors_origins": "https://a.example"}), context.registry)
    async with caller(create_app(own)) as client:
        glyph = await client.get("/generate?label=J", headers={"origin": "https://a.example"})  # `<img crossorigin>`
    assert glyph.headers["access-control-allow-origin"] == "https://a.example"
