"""The bare limit: uvicorn with an application that only sends a constant PNG of the requested size."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Signature and four chunks of 12 bytes around 13 bytes of header and a pixel of 10 deflated bytes.
SMALLEST = len(SIGNATURE) + 4 * 12 + 13 + 10


async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 (ASGI's signature)
    """Respond to `?BYTES`, whatever the method, the path and the body."""
    if scope["type"] != "http":
        return
    headers, content = answer(scope["query_string"])
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


@lru_cache(maxsize=16)
def answer(query: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return headers and content of the response to a query string; each is made once."""
    content = png_of(int(query))
    return [(b"content-length", b"%d" % len(content)), (b"content-type", b"image/png")], content


def png_of(size: int) -> bytes:
    """Return a PNG of one pixel, padded to `size` bytes by a chunk that readers skip; at least the smallest PNG."""
    header = _chunk(b"IHDR", b"\0\0\0\1\0\0\0\1\x08\0\0\0\0")
    pixel = _chunk(b"IDAT", zlib.compress(b"\0\0"))
    padding = _chunk(b"paDd", bytes(max(0, size - SMALLEST)))
    return SIGNATURE + header + pixel + padding + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
