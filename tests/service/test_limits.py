from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp

from service.errors import BodyTooLarge, UnsupportedMedia
from tests.service.support import expect_problem
from tests.service.test_encode import J

LIMIT = 200_000  # as the fixture `context` sets it


async def in_chunks(size: int) -> AsyncIterator[bytes]:
    """A body whose size is not announced."""
    for start in range(0, size, 64_000):
        yield bytes(min(64_000, size - start))


@pytest.mark.parametrize("path", ["/encode", "/reconstruct", "/render-text"])
async def test_the_limit_itself_is_allowed(client: httpx.AsyncClient, path: str) -> None:
    """That many zeros are no image and no JSON, but they are read."""
    for content in (bytes(LIMIT), in_chunks(LIMIT)):
        expect_problem(await client.post(path, content=content), UnsupportedMedia, "body is ")


@pytest.mark.parametrize("path", ["/encode", "/reconstruct", "/render-text"])
async def test_one_byte_more_is_refused_announced_or_not(client: httpx.AsyncClient, path: str) -> None:
    for content in (bytes(LIMIT + 1), in_chunks(LIMIT + 1)):
        response = await client.post(path, content=content)
        expect_problem(response, BodyTooLarge, f"The body is over the limit of {LIMIT} bytes.")


async def test_json_over_the_limit_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    for content in (bytes(LIMIT + 1), in_chunks(LIMIT + 1)):
        expect_problem(await client.post("/render-text", content=content, headers=headers), BodyTooLarge, "")


async def test_a_form_over_the_limit_is_refused_announced_or_not(server: ASGIApp) -> None:
    def overhead(request: httpx.Request) -> int:
        return len(request.read()) - len(J)

    async def chunked(content: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(content), 50_000):
            yield content[start : start + 50_000]

    transport = httpx.ASGITransport(server)
    async with httpx.AsyncClient(transport=transport, base_url="http://glyphvae") as client:
        frame = overhead(client.build_request("POST", "/encode", files=[("file", J)]))
        for size, status in ((LIMIT - frame, UnsupportedMedia.status), (LIMIT - frame + 1, BodyTooLarge.status)):
            request = client.build_request("POST", "/encode", files=[("file", bytes(size))])
            content, kind = request.read(), {"content-type": request.headers["content-type"]}
            assert (await client.send(request)).status_code == status
            response = await client.post("/encode", content=chunked(content), headers=kind)
            assert response.status_code == status


async def test_routes_that_read_no_body_ignore_an_announced_one_within_the_limit(client: httpx.AsyncClient) -> None:
    assert (await client.post("/generate?label=J", content=bytes(LIMIT))).status_code == 200
    expect_problem(await client.post("/generate?label=J", content=bytes(LIMIT + 1)), BodyTooLarge, "")


async def test_an_announced_body_is_refused_unread(server: ASGIApp) -> None:
    """The answer does not wait for a client that only says what it will send."""

    read: list[bytes] = []

    async def remembered() -> AsyncIterator[bytes]:
        read.append(b"once")
        yield b""

    transport = httpx.ASGITransport(server)
    async with httpx.AsyncClient(transport=transport, base_url="http://glyphvae") as client:
        response = await client.post("/encode", content=remembered(), headers={"content-length": str(LIMIT + 1)})
        expect_problem(response, BodyTooLarge, "")
    assert not read


async def test_lifespan_messages_pass(app: FastAPI) -> None:
    """What is no request has no body to limit."""
    async with app.router.lifespan_context(app):
        pass
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return messages.pop(0)

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
