"""Headers that depend on a request's route."""

import httpx
import pytest

from glyphvae.web.front import LONGEST_PATH
from tests.service.web.test_front import API_POLICY


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/generate?label=J", 200),
        ("POST", "/generate?label=?", 422),
        ("POST", "/encode", 400),
        ("GET", "/models/cvae", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/glyph", 404),
        ("PUT", "/generate", 405),
        ("GET", "/" + "x" * LONGEST_PATH, 414),
    ],
)
async def test_every_response_has_security_headers(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
    assert answer.headers.get_list("referrer-policy") == ["no-referrer"]
    assert answer.headers.get_list("cross-origin-resource-policy") == ["same-origin"]
    assert answer.headers.get_list("content-security-policy") == [API_POLICY]
    assert "server" not in answer.headers


@pytest.mark.parametrize("path", ["/playground", "/playground/app.js", "/docs"])
async def test_pages_have_a_policy_of_their_own(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    (policy,) = answer.headers.get_list("content-security-policy")
    assert policy.startswith("default-src 'none'; script-src ")
    assert "frame-ancestors 'none'" in policy
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
