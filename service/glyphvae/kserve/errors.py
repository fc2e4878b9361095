"""Errors in the shape of the Open Inference Protocol, `{"error": "…"}`, for everything under `/v2`."""

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyphvae.errors import MEDIA_TYPE

_PROBLEM = (b"content-type", MEDIA_TYPE.encode())
_REPLACED = {b"content-type", b"content-length"}


class PlainErrors:
    """ASGI middleware that says problems in the protocol's words, whichever layer behind it raised them.

    Args:
        app: The application behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http" and (scope["path"] == "/v2" or scope["path"].startswith("/v2/")):
            send = _plain(send)
        await self._app(scope, receive, send)


def _plain(send: Send) -> Send:
    problem: Message | None = None

    async def plain(message: Message) -> None:
        nonlocal problem
        if message["type"] == "http.response.start" and _PROBLEM in message["headers"]:
            problem = message
        elif problem is None:
            await send(message)
        else:
            # A problem is always sent in one piece.
            body = orjson.dumps({"error": orjson.loads(message["body"])["detail"]})
            kept = [header for header in problem["headers"] if header[0] not in _REPLACED]
            headers = [*kept, (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
            await send({**problem, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    return plain
