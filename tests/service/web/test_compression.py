"""Texts, arrays and SVG are compressed for whoever takes that; pixels and streams never."""

import gzip
import json
from pathlib import Path

import httpx
import pytest
from starlette.types import Message

from glyphvae.application import create_app
from glyphvae.web.compression import SMALLEST, compressing, takes_gzip
from glyphvae.web.playground import FILES, INDEX
from tests.service.sockets import ask, request, serving
from tests.service.support import JSON, NPY, caller, context_of
from tests.service.web.test_playground import first_load

ROOT = Path(__file__).parents[3]
GZIP = {"accept-encoding": "gzip"}
IDENTITY = {"accept-encoding": "identity"}
# Bytes on the wire of everything that a browser asks for until the page can be used.
FIRST_LOAD_LIMIT = 150_000


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("*", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
    ],
)
def test_gzip_is_for_whoever_takes_it(accepted: str, taken: bool) -> None:
    assert takes_gzip(accepted) is taken


@pytest.mark.parametrize("path", ["/models", "/openapi.json", "/playground", "/playground/style.css"])
async def test_texts_are_compressed(client: httpx.AsyncClient, path: str) -> None:
    plain = await client.get(path, headers=IDENTITY)
    small = await client.get(path, headers=GZIP)
    assert small.content == plain.content
    assert (plain.headers.get("content-encoding"), small.headers["content-encoding"]) == (None, "gzip")
    assert int(small.headers["content-length"]) < len(plain.content) / 2
    for response in (plain, small):
        assert "Accept-Encoding" in response.headers["vary"]


async def test_a_compressed_file_is_asked_for_by_its_tag(client: httpx.AsyncClient) -> None:
    small = await client.get("/playground/style.css", headers=GZIP)
    assert small.headers["etag"] == FILES["style.css"].etag
    again = await client.get("/playground/style.css", headers=GZIP | {"if-none-match": small.headers["etag"]})
    assert (again.status_code, again.headers["vary"]) == (304, "Accept-Encoding")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/playground/fonts/inter.woff2", {}),
        ("/generate?label=J&n=100&seed=1", {}),
        ("/generate?label=J&n=200&seed=1", NPY),
        ("/generate?label=J&n=200&seed=1", JSON),
        ("/livez", {}),
        ("/nothing", {}),
    ],
    ids=["font", "picture", "large", "stream", "short", "error"],
)
async def test_everything_else_is_not(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
    assert "content-encoding" not in (await client.get(path, headers=headers | GZIP)).headers


async def test_vectors_are_compressed(handed: httpx.AsyncClient) -> None:
    target = "/generate?label=J&n=24&seed=1"
    svg = {"accept": "image/svg+xml"}
    small = await handed.get(target, headers=svg | GZIP)
    assert small.headers["content-encoding"] == "gzip"
    assert small.content == (await handed.get(target, headers=svg | IDENTITY)).content


async def test_arrays_are_compressed(client: httpx.AsyncClient) -> None:
    target = "/generate?label=J&n=100&seed=1&temperature=0"
    small = await client.get(target, headers=NPY | GZIP)
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) < 100 * 784 / 4
    assert small.content == (await client.get(target, headers=NPY | IDENTITY)).content


async def test_the_json_of_operations_is_compressed_on_both_ways(repository: Path) -> None:
    async with serving(repository) as server:
        target = "/generate?label=J&seed=1&temperature=0"
        sent = [request(target, b"", "Accept: application/json", f"Accept-Encoding: {kind}") for kind in ("gzip", "br")]
        through_asgi = request(
            target, b"", "Accept: application/json", "Accept-Encoding: gzip", "If-None-Match: none", method="GET"
        )
        small, plain, other = await ask(server, *sent, through_asgi)
    assert gzip.decompress(small.content) == gzip.decompress(other.content) == plain.content
    assert len(small.content) < SMALLEST < len(plain.content)
    assert small.headers["content-encoding"] == other.headers["content-encoding"] == "gzip"
    assert json.loads(plain.content)["seed"] == 1


async def test_what_comes_in_pieces_or_is_compressed_already_stays_as_it_is() -> None:
    for own in ([(b"content-encoding", b"br")], []):
        sent: list[Message] = []

        async def send(message: Message, sent: list[Message] = sent) -> None:
            sent.append(message)

        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain"), *own]}
        body = {"type": "http.response.body", "body": bytes(SMALLEST), "more_body": not own}
        compressed = compressing("gzip", send)
        await compressed(start)
        await compressed(body)
        await compressed(body)
        assert sent == [start, body, body]


async def test_the_first_load_is_small_on_the_wire() -> None:
    """Everything that the page asks for with the shipped models, by the lengths of the responses."""
    total = 0
    async with caller(create_app(context_of(ROOT / "exported", default_model="pen"))) as client:
        files = [f"/playground/{name}" for name in sorted(first_load() - {INDEX})]
        for path in ("/playground", *files, "/models"):
            response = await client.get(path, headers=GZIP)
            assert response.status_code == 200
            total += int(response.headers["content-length"]) + sum(map(len, sum(response.headers.raw, ())))
    assert total < FIRST_LOAD_LIMIT
