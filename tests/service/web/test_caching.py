"""Caching of seeded responses, HEAD, and requests of other versions of HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.errors import MalformedRequest
from glyphvae.server.server import Server
from glyphvae.web.front import KEPT_SECONDS
from glyphvae.web.keys import new_key
from tests.service.sockets import ask, connect, request, serving
from tests.service.support import JSON, caller, expect_problem

SEEDED = "/generate?label=J&seed=7"


async def tag(client: httpx.AsyncClient, target: str = SEEDED, **headers: str) -> str:
    response = await client.get(target, headers=headers)
    assert response.status_code == 200
    return str(response.headers["etag"])


async def test_the_picture_of_a_seed_may_be_kept(client: httpx.AsyncClient, context: Context) -> None:
    first = await client.get(SEEDED)
    assert first.headers["cache-control"] == f"public, max-age={KEPT_SECONDS}"
    assert "Accept" in first.headers["vary"]
    drawn = sum(sum(runs.counts) for runs in context.telemetry.runs.values())
    for known in (first.headers["etag"], first.headers["etag"].removeprefix("W/"), "*"):
        again = await client.get(SEEDED, headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert "content-length" not in again.headers
        for name in ("etag", "cache-control"):
            assert again.headers[name] == first.headers[name]
    assert sum(sum(runs.counts) for runs in context.telemetry.runs.values()) == drawn
    other = await client.get(SEEDED, headers={"if-none-match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


async def test_the_tag_is_that_of_all_that_determines_it(client: httpx.AsyncClient) -> None:
    tags = [
        await tag(client),
        await tag(client, f"{SEEDED}&z=1"),
        await tag(client, f"{SEEDED}&scale=2"),
        await tag(client, "/generate?label=J&seed=8"),
        await tag(client, "/generate?label=A&seed=7"),
        await tag(client, "/generate?model=vae&seed=7"),
        await tag(client, SEEDED, accept="application/json"),
        await tag(client, SEEDED, accept="image/webp"),
    ]
    assert len(set(tags)) == len(tags)
    assert await tag(client, "/generate?seed=7&label=J") == tags[0]


async def test_a_reload_of_another_model_is_another_tag(context: Context) -> None:
    tags = []
    for precision in ("auto", "float32"):
        changed = Context(context.settings.model_copy(update={"precision": precision}), context.registry)
        async with caller(create_app(changed)) as client:
            tags.append(await tag(client))
    assert tags[0] != tags[1]


@pytest.mark.parametrize(("method", "target"), [("GET", "/generate?label=J"), ("POST", SEEDED)])
async def test_anything_else_is_not_kept(client: httpx.AsyncClient, method: str, target: str) -> None:
    response = await client.request(method, target, headers={"if-none-match": "*"})
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert "etag" not in response.headers


async def test_behind_keys_it_is_kept_by_the_client_alone(context: Context, tmp_path: Path) -> None:
    token, key = new_key("ci", None, None, ())
    (tmp_path / "keys").write_text(key.model_dump_json())
    gated = Context(context.settings.model_copy(update={"keys": tmp_path / "keys"}), context.registry)
    async with caller(create_app(gated)) as client:
        response = await client.get(SEEDED, headers={"authorization": f"Bearer {token}"})
        assert response.headers["cache-control"] == f"private, max-age={KEPT_SECONDS}"
        known = {"if-none-match": response.headers["etag"]}
        assert (await client.get(SEEDED, headers=known)).status_code == 401


@pytest.mark.parametrize(
    "path",
    ["/", "/livez", "/readyz", "/models", "/models/cvae", "/openapi.json", "/docs", "/playground", SEEDED, "/v2"],
)
async def test_head_tells_what_get_would(client: httpx.AsyncClient, path: str) -> None:
    got, told = await client.get(path, headers=JSON), await client.head(path, headers=JSON)
    assert (told.status_code, told.content) == (got.status_code, b"")
    own = {"x-request-id", "server-timing"}
    assert {name: value for name, value in told.headers.items() if name not in own} == {
        name: value for name, value in got.headers.items() if name not in own
    }


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/encode", 405), ("/generate?label=JJ", 422)])
async def test_head_tells_of_errors(client: httpx.AsyncClient, path: str, status: int) -> None:
    told = await client.head(path)
    assert (told.status_code, told.content) == (status, b"")


@pytest.fixture
async def server(repository: Path) -> AsyncIterator[Server]:
    async with serving(repository, max_samples=3000) as server:
        yield server


async def test_on_a_connection_it_is_all_the_same(server: Server) -> None:
    (first,) = await ask(server, request(SEEDED, method="GET"))
    reader, writer = await connect(server)
    for sent in (
        request(SEEDED, b"", f"If-None-Match: {first.headers['etag']}", method="GET"),
        request(SEEDED, method="HEAD"),
        request("/models", method="HEAD"),
    ):
        writer.write(sent)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.split()[1] == (b"304" if b"If-None-Match" in sent else b"200")
    writer.write(request("/livez", b"", "Connection: close", method="GET"))
    assert (await reader.read()).startswith(b"HTTP/1.1 200")  # nothing came behind the heads
    writer.close()
    assert first.headers["cache-control"] == f"public, max-age={KEPT_SECONDS}"


@pytest.mark.parametrize("target", ["/livez", "/generate?label=J", "/generate?label=J&n=3000"])
async def test_http_1_0_gets_no_chunks(server: Server, target: str) -> None:
    reader, writer = await connect(server)
    writer.write(f"GET {target} HTTP/1.0\r\nAccept: application/json\r\n\r\n".encode())
    head, _, content = (await reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"chunked" not in head
    assert (content[:1], content[-1:]) == (b"{", b"}")
    writer.close()


@pytest.mark.parametrize("hosts", [0, 2])
@pytest.mark.parametrize("target", ["/livez", "/generate?label=J"])
async def test_http_1_1_has_one_host(server: Server, target: str, hosts: int) -> None:
    sent = f"GET {target} HTTP/1.1\r\n{'Host: glyphvae' * hosts}".replace("eH", "e\r\nH") + "\r\n\r\n"
    (response,) = await ask(server, sent.replace("\r\n\r\n\r\n", "\r\n\r\n").encode())
    refused = httpx.Response(response.status, headers=response.headers, content=response.content)
    expect_problem(refused, MalformedRequest, f"The request has {hosts} Host headers; HTTP/1.1 has one.")
