import json
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from glyphvae.api.context import Context
from glyphvae.api.head import RequestHead, RequestHeaders
from glyphvae.api.responses import Body
from glyphvae.errors import BodyTooLarge, Busy, InvalidParameter, MalformedBody, MalformedRequest, UnsupportedMedia
from glyphvae.observability.telemetry import Telemetry
from glyphvae.scheduling.deadline import Deadline
from glyphvae.scheduling.worker_pool import WorkerPool
from glyphvae.web.body_limits import BodyLimits, check_nesting
from tests.service.sockets import PATIENCE
from tests.service.support import caller, expect_problem, grey, image_file

J = image_file(grey(119)[0])
# As the fixture `context` sets them.
LIMIT = 200_000
JSON_LIMIT = 150_000


async def in_pieces(content: bytes, size: int = 64_000) -> AsyncIterator[bytes]:
    """A body whose size is not announced."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def test_a_second_content_type_does_not_raise_the_limit(client: httpx.AsyncClient) -> None:
    for kinds in (("application/json", "text/plain"), ("text/plain", "application/json")):
        headers = [("content-type", kind) for kind in kinds]
        response = await client.post("/render-text", content=b"x" * (JSON_LIMIT + 1), headers=headers)
        expect_problem(response, MalformedRequest, "The request has 2 Content-Type headers; send one.")


@pytest.mark.parametrize("path", ["/encode", "/reconstruct", "/render-text"])
async def test_the_limit_itself_is_allowed(client: httpx.AsyncClient, path: str) -> None:
    """That many zeros are no image and no JSON, but they are read."""
    for content in (bytes(LIMIT), in_pieces(bytes(LIMIT))):
        expect_problem(await client.post(path, content=content), UnsupportedMedia, "body is ")


@pytest.mark.parametrize("path", ["/encode", "/reconstruct", "/render-text"])
async def test_one_byte_more_is_refused_announced_or_not(client: httpx.AsyncClient, path: str) -> None:
    for content in (bytes(LIMIT + 1), in_pieces(bytes(LIMIT + 1))):
        response = await client.post(path, content=content)
        expect_problem(response, BodyTooLarge, f"The body is over the limit of {LIMIT} bytes.")


async def test_json_has_a_limit_of_its_own(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    for content in (b"x" * JSON_LIMIT, in_pieces(b"x" * JSON_LIMIT)):
        expect_problem(await client.post("/render-text", content=content, headers=headers), MalformedBody, "not JSON")
    for content in (b"x" * (JSON_LIMIT + 1), in_pieces(b"x" * (JSON_LIMIT + 1))):
        response = await client.post("/render-text", content=content, headers=headers)
        expect_problem(response, BodyTooLarge, f"The body is over the limit of {JSON_LIMIT} bytes.")


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "byte by byte"])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
async def test_the_depth_of_json_is_limited(
    client: httpx.AsyncClient, context: Context, opening: bytes, closing: bytes, whole: bool
) -> None:
    async def post(depth: int) -> httpx.Response:
        text = opening * depth + b"1" + closing * depth
        content = text if whole else in_pieces(text, 1)
        return await client.post("/render-text", content=content, headers={"content-type": "application/json"})

    limit = context.settings.max_json_depth
    expect_problem(await post(limit), InvalidParameter, "", "body")
    expect_problem(await post(limit + 1), MalformedBody, f"The JSON is nested more than {limit} deep.")


def deepest(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(deepest, value.values()), default=0)
    return 1 + max(map(deepest, value), default=0) if isinstance(value, list) else 0


VALUES = st.recursive(
    st.text('[]{}"\\a'), lambda inner: st.lists(inner) | st.dictionaries(st.text('[]{}"\\a'), inner), max_leaves=20
)


@given(VALUES, st.integers(0, 6))
def test_nesting_is_told_as_a_parser_would(value: object, limit: int) -> None:
    """Whatever stands in strings."""
    refused = False
    try:
        check_nesting(json.dumps(value).encode(), limit)
    except MalformedBody:
        refused = True
    assert refused is (deepest(value) > limit)


async def test_a_form_over_the_limit_is_refused_announced_or_not(app: FastAPI) -> None:
    async with caller(app) as client:
        frame = len(client.build_request("POST", "/encode", files=[("file", J)]).read()) - len(J)
        for size, status in ((LIMIT - frame, UnsupportedMedia.status), (LIMIT - frame + 1, BodyTooLarge.status)):
            request = client.build_request("POST", "/encode", files=[("file", bytes(size))])
            content, kind = request.read(), {"content-type": request.headers["content-type"]}
            assert (await client.send(request)).status_code == status
            response = await client.post("/encode", content=in_pieces(content), headers=kind)
            assert response.status_code == status


@pytest.mark.parametrize("path", ["/generate", "/traverse"])
@pytest.mark.parametrize("content", [b'{"label": "J"}', b"label=J", bytes(LIMIT + 1)])
async def test_routes_that_read_no_body_refuse_one_and_say_where_parameters_belong(
    client: httpx.AsyncClient, path: str, content: bytes
) -> None:
    for sent in (content, pieces(content)):
        response = await client.post(
            path, params={"label": "J", "latent": 1} if path == "/traverse" else None, content=sent
        )
        if sent is not content and len(content) > LIMIT:
            expect_problem(response, BodyTooLarge, "")
        else:
            expect_problem(response, InvalidParameter, f"parameters belong in the query, as {path}?name=value", "body")


async def test_routes_that_read_no_body_take_chunks_of_nothing(client: httpx.AsyncClient) -> None:
    assert (await client.post("/generate?label=J", content=pieces(b""))).status_code == 200


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def test_an_announced_body_is_refused_unread(app: FastAPI) -> None:
    """The answer does not wait for a client that only says what it will send."""

    read: list[bytes] = []

    async def remembered() -> AsyncIterator[bytes]:
        read.append(b"once")
        yield b""

    async with caller(app) as client:
        response = await client.post("/encode", content=remembered(), headers={"content-length": str(LIMIT + 1)})
        expect_problem(response, BodyTooLarge, "")
    assert not read


async def test_bodies_in_memory_are_bounded(context: Context) -> None:
    pool, telemetry = WorkerPool("bytes", 30_000), Telemetry()
    limits = BodyLimits(context.settings, pool, telemetry)
    head = RequestHead("POST", "/encode", b"", RequestHeaders([]))
    first, second = (Deadline(PATIENCE, lambda: False) for _ in range(2))

    async def read(deadline: Deadline, *sizes: int) -> Body:
        pieces = [{"type": "http.request", "body": bytes(size), "more_body": True} for size in sizes]
        pieces.append({"type": "http.request"})

        async def receive() -> Message:
            return pieces.pop(0)

        return await limits.read(head, receive, deadline)

    assert len((await read(first, 10_000, 15_000)).content) == pool.queued == 25_000
    with pytest.raises(Busy, match="bytes"):
        await read(second, 5_000, 5_000)
    limits.release(second)
    assert (pool.queued, telemetry.refused) == (25_000, {"busy": 1})
    limits.release(first)
    limits.release(first)  # once is enough
    assert pool.queued == 0
    # A body alone is taken whatever its size: the limit on bodies is another one.
    assert len((await read(second, 20_000, 20_000)).content) == 40_000
