"""The limits on a request's body, enforced before and while it is read."""

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyphvae.errors import BodyTooLarge, MalformedBody
from glyphvae.settings import Settings

# What opens or closes a list, an object or a string; in a string, a backslash with what it escapes.
_TOKEN = re.compile(rb'[][{}"]|\\.?', re.DOTALL)


class BodyLimit:
    """ASGI middleware that refuses bodies over the limit, announced or not, and JSON that is nested too deep.

    Starlette's own middleware does the first but answers in plain text.

    Args:
        app: The application behind it.
        settings: The limits.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._limit = settings.max_body_bytes
        self._json_limit = min(settings.max_json_bytes, settings.max_body_bytes)
        self._depth = settings.max_json_depth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        # Any of them: which of several counts is for others to choose.
        is_json = any(name == b"content-type" and b"json" in value.lower() for name, value in scope["headers"])
        limit = self._json_limit if is_json else self._limit
        # Uvicorn lets only digits through; a body longer than announced does not reach the application.
        if int(headers.get(b"content-length", b"0")) > limit:
            await _too_large(limit).response()(scope, receive, send)
            return
        nesting = Nesting(self._depth) if is_json else None
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            body = message.get("body", b"")
            received += len(body)
            if received > limit:
                raise _too_large(limit)
            if nesting:
                nesting.feed(body)
            return message

        await self._app(scope, counted, send)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is over the limit of {limit} bytes.")


class Nesting:
    """How deep lists and objects in a JSON text stand inside each other, told without parsing it.

    Args:
        limit: The deepest that is allowed.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._openers = 0
        self._unread = b""
        self._depth = 0
        self._in_string = False

    def feed(self, text: bytes) -> None:
        """Read on.

        Raises:
            MalformedBody: It is nested too deep.
        """
        self._unread += text
        self._openers += text.count(b"[") + text.count(b"{")
        # Most bodies have too few brackets to be deep at all, and are not looked at any closer.
        if self._openers > self._limit:
            self._read()

    def _read(self) -> None:
        text, self._unread = self._unread, b""
        for token in _TOKEN.findall(text):
            if token == b'"':
                self._in_string = not self._in_string
            elif token == b"\\":  # what it escapes comes with the next piece
                self._unread = token
            elif not self._in_string:
                self._depth += (token in {b"[", b"{"}) - (token in {b"]", b"}"})
            if self._depth > self._limit:
                raise MalformedBody(f"The JSON is nested more than {self._limit} deep.")
