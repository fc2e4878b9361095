"""The short way to the other busy endpoints: their own handlers, without FastAPI's machinery around them.

FastAPI spends several times what these handlers do on routing, dependencies and validation of what is valid. A request
is called here with its parsed query, or its parsed body; where either is not valid, FastAPI gets the request from the
start and words the error.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyphvae.api.context import Context
from glyphvae.api.parameters import Parameters
from glyphvae.operations.encode import ImageQuery, encode
from glyphvae.operations.reconstruct import ReconstructQuery, reconstruct_images
from glyphvae.operations.render_text import RenderText, render_text

Handler = Callable[[Request, Any, Context], Awaitable[Response]]


@dataclass(frozen=True)
class Endpoint:
    """A handler and what it takes.

    Attributes:
        parameters: The model of its query or its body.
        handler: Called with the request, the parameters and the context.
        in_body: Whether the parameters are the JSON body instead of the query.
    """

    parameters: type[Parameters]
    handler: Handler
    in_body: bool = False


ENDPOINTS = {
    "/encode": Endpoint(ImageQuery, encode),
    "/reconstruct": Endpoint(ReconstructQuery, reconstruct_images),
    "/render-text": Endpoint(RenderText, render_text, in_body=True),
}


class ShortWay:
    """ASGI middleware in front of the application.

    Args:
        app: The application; it answers whatever is not answered here.
        context: Settings and models.
    """

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        endpoint = ENDPOINTS.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        # Starlette's form parser words its errors for an application only where the scope names one.
        request = Request({**scope, "app": self._app}, receive)
        parameters = await _parameters(endpoint, request)
        if parameters is None:
            await self._app(scope, await _replay(request) if endpoint.in_body else receive, send)
            return
        response = await endpoint.handler(request, parameters, self._context)
        await response(scope, receive, send)


async def _parameters(endpoint: Endpoint, request: Request) -> Parameters | None:
    """The checked parameters, None where they are not valid."""
    try:
        if endpoint.in_body:
            if request.headers.get("content-type") != "application/json" or request.scope["query_string"]:
                return None
            return endpoint.parameters.model_validate(orjson.loads(await request.body()))
        pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        return endpoint.parameters.model_validate(dict(pairs)) if len(dict(pairs)) == len(pairs) else None
    except (ValidationError, orjson.JSONDecodeError):
        return None


async def _replay(request: Request) -> Receive:
    """A channel that delivers the request's body again, and then what comes after it."""
    body: Message = {"type": "http.request", "body": await request.body(), "more_body": False}
    pending = [body]

    async def receive() -> Message:
        return pending.pop() if pending else await request.receive()

    return receive
