"""Bodies in gzip and deflate, within the limits on what they inflate to."""

import gzip
import json
import zlib
from pathlib import Path

import httpx
import pytest

from glyphvae.errors import BodyTooLarge, MalformedBody, Problem, UnsupportedMedia
from tests.service.sockets import ask, request, serving
from tests.service.support import expect_problem, grey, image_file
from tests.service.web.test_body_limits import JSON_LIMIT, LIMIT

J = image_file(grey(119)[0])
TEXT = json.dumps({"text": "HI", "seed": 7}).encode()


def raw_deflate(content: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(content) + deflater.flush()


@pytest.mark.parametrize(
    ("encoding", "encoded"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("x-gzip", gzip.compress(TEXT, mtime=0)),
        ("GZIP", gzip.compress(TEXT, mtime=0)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("identity", TEXT),
    ],
)
async def test_an_encoded_body_is_inflated(client: httpx.AsyncClient, encoding: str, encoded: bytes) -> None:
    kind = {"content-type": "application/json"}
    plain = await client.post("/render-text", content=TEXT, headers=kind)
    response = await client.post("/render-text", content=encoded, headers=kind | {"content-encoding": encoding})
    assert (response.status_code, response.content) == (200, plain.content)


async def test_so_it_is_on_a_connection_of_the_service(repository: Path) -> None:
    async with serving(repository) as server:
        sent = request("/encode?label=J&preprocess=none", gzip.compress(J), "Content-Encoding: gzip")
        (response,) = await ask(server, sent)
    assert response.status == 200


@pytest.mark.parametrize(
    ("encoding", "content", "problem", "says"),
    [
        ("br", J, UnsupportedMedia, "Content-Encoding is 'br'; allowed are gzip, deflate, and none."),
        ("gzip, gzip", J, UnsupportedMedia, "allowed are gzip, deflate"),
        ("gzip", J, MalformedBody, "The body is not valid gzip."),
        (
            "gzip",
            gzip.compress(J, mtime=0)[:-1],
            MalformedBody,
            "The body is not one gzip from its beginning to its end.",
        ),
        ("gzip", gzip.compress(J, mtime=0) + b"x", MalformedBody, "not one gzip"),
        ("gzip", b"", MalformedBody, "not one gzip"),
        ("deflate", b"", MalformedBody, "not one deflate"),
        (
            "gzip",
            gzip.compress(bytes(LIMIT + 1), mtime=0),
            BodyTooLarge,
            f"inflated, is over the limit of {LIMIT} bytes.",
        ),
        ("deflate", zlib.compress(bytes(1000 * LIMIT)), BodyTooLarge, f"inflated, is over the limit of {LIMIT} bytes."),
    ],
)
async def test_what_cannot_be_inflated_is_refused(
    client: httpx.AsyncClient, encoding: str, content: bytes, problem: type[Problem], says: str
) -> None:
    response = await client.post("/encode", content=content, headers={"content-encoding": encoding})
    expect_problem(response, problem, says)
    assert response.headers.get("accept-encoding") == ("gzip, deflate" if problem is UnsupportedMedia else None)


async def test_json_keeps_its_own_limit(client: httpx.AsyncClient) -> None:
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    response = await client.post("/render-text", content=gzip.compress(bytes(JSON_LIMIT + 1)), headers=headers)
    expect_problem(response, BodyTooLarge, f"inflated, is over the limit of {JSON_LIMIT} bytes.")
