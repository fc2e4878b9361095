"""Responses in gzip, for clients that take it: texts, arrays and SVG, which shrink to a fraction, never pixels."""

import asyncio
import gzip
from functools import lru_cache

from starlette.types import Message, Send

from glyphvae.api.negotiate import weigh
from glyphvae.api.responses import Result
from glyphvae.formats.registry import JSON, NPY, SVG

# Bytes; smaller responses fit a packet anyway.
SMALLEST = 1000

# Bytes; compressed in about a millisecond, for which nothing else runs.
LARGEST = 1 << 17

_RESULTS = (JSON, NPY, SVG)
_TEXTS = (b"text/", b"application/json", b"image/svg+xml")
_GZIPPED = ((b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding"))
_VARIES = ((b"vary", b"Accept-Encoding"),)


@lru_cache(maxsize=64)
def _kept(content: bytes) -> bytes:
    """Compress what is asked for again and again: files of the page, models, the OpenAPI document."""
    return gzip.compress(content, 9, mtime=0)


@lru_cache(maxsize=64)
def takes_gzip(accept_encoding: str) -> bool:
    """Return whether a client takes gzip, by its `Accept-Encoding`."""
    return bool(accept_encoding) and weigh(accept_encoding, ("gzip", "*")) > 0


def compress_result(result: Result, accept_encoding: str) -> None:
    """Compress JSON, an array or an SVG of an operation, if its client takes that and it comes in one small piece."""
    if result.media not in _RESULTS or result.more is not None or not SMALLEST <= len(result.content) <= LARGEST:
        return
    if takes_gzip(accept_encoding):
        result.content = gzip.compress(result.content, 1, mtime=0)
        result.extra = (*result.extra, *_GZIPPED)
    else:
        result.extra = (*result.extra, *_VARIES)


def compressing(accept_encoding: str, send: Send) -> Send:
    """Return what sends a response that is no operation's, compressed if it is a text in one piece."""
    start: Message = {}

    async def send_compressed(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            return
        if start:
            begun, start = start, {}
            if _is_text(begun) and not message.get("more_body", False) and len(message["body"]) >= SMALLEST:
                begun["headers"] = [*(pair for pair in begun["headers"] if pair not in _VARIES), *_VARIES]
                if takes_gzip(accept_encoding):
                    message = {**message, "body": await _compress(message["body"])}
                    begun["headers"] = _of_compressed(begun["headers"], len(message["body"]))
            await send(begun)
        await send(message)

    return send_compressed


async def _compress(content: bytes) -> bytes:
    return _kept(content) if len(content) <= LARGEST else await asyncio.to_thread(_kept, content)


def _is_text(start: Message) -> bool:
    headers = dict(start["headers"])
    return b"content-encoding" not in headers and headers.get(b"content-type", b"").startswith(_TEXTS)


def _of_compressed(headers: list[tuple[bytes, bytes]], size: int) -> list[tuple[bytes, bytes]]:
    kept = [(name, value) for name, value in headers if name != b"content-length"]
    return [*kept, (b"content-length", b"%d" % size), (b"content-encoding", b"gzip")]
