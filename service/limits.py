"""The limit on a request's body, enforced before and while it is read."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import BodyTooLarge


class BodyLimit:
    """ASGI middleware that refuses bodies over `limit` bytes, announced or not.

    Starlette's own middleware does the same but answers in plain text.

    Args:
        app: The application behind it.
        limit: Bytes.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        # Uvicorn lets only digits through; a body longer than announced does not reach the application.
        if int(announced) > self._limit:
            await self._problem().response()(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                raise self._problem()
            return message

        await self._app(scope, counted, send)

    def _problem(self) -> BodyTooLarge:
        return BodyTooLarge(f"The body is over the limit of {self._limit} bytes.")
