"""Headers that depend on a request's route."""

import httpx
import pytest

from glyphvae.api.head import RequestHeaders
from glyphvae.web.front import LONGEST_PATH
from glyphvae.web.request_context import RequestContext, Route
from tests.service.support import grey, npy
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


@pytest.mark.parametrize(
    ("traceparent", "trace"),
    [
        (f"00-{'ab' * 16}-{'1' * 16}-00", "ab" * 16),
        (f"00-{'ab' * 16}-{'1' * 16}-01", "ab" * 16),
        (f"01-{'ab' * 16}-{'1' * 16}-01-more", "ab" * 16),
        (f"00-{'0' * 32}-{'1' * 16}-01", None),
        ("00-x", None),
        (None, None),
    ],
)
def test_a_request_is_part_of_the_trace_that_it_names(traceparent: str | None, trace: str | None) -> None:
    headers = [] if traceparent is None else [(b"traceparent", traceparent.encode())]
    request = RequestContext("GET", "/", b"", RequestHeaders(headers), Route("/"), b"1")
    assert request.trace == trace


@pytest.mark.parametrize(
    "path", ["/generate?label=J", "/generate?label=J&seed=7", "/generate?n=10&label=J", "/encode?preprocess=none"]
)
async def test_a_response_tells_where_its_time_went(client: httpx.AsyncClient, path: str) -> None:
    content = npy(grey(119)) if path.startswith("/encode") else b""
    response = await client.post(path, content=content, headers={"Accept": "application/json"})
    timing = [part.split(";dur=") for part in response.headers["server-timing"].split(", ")]
    assert [name for name, _ in timing] == ["queue", "model", "encode"]
    assert all(float(milliseconds) >= 0 for _, milliseconds in timing)
    assert float(timing[1][1]) > 0
    assert "server-timing" not in (await client.get("/livez")).headers
