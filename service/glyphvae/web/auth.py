"""The gate that opens to bearer keys alone, where the setting `keys` names a file of them."""

import logging
from math import ceil
from time import time

from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyphvae.api.context import Context
from glyphvae.errors import Forbidden, Problem, StartError, TooManyRequests, Unauthorized
from glyphvae.settings import Settings
from glyphvae.web.keys import Key, KeyFile
from glyphvae.web.request_context import KEY_NAME

logger = logging.getLogger("glyphvae")

# Probes have no key, and say nothing but whether the service works.
OPEN = frozenset({"/livez", "/readyz", "/v2/health/live", "/v2/health/ready"})

RawHeaders = list[tuple[bytes, bytes]]


class KeyGate:
    """ASGI middleware that asks for a key, and holds each to its routes and its rate.

    Args:
        app: The application behind it.
        context: Settings, whose `keys` is set, and counts.

    Raises:
        StartError: The file of keys, or the address of the rates' storage, is wrong.
    """

    def __init__(self, app: ASGIApp, context: Context) -> None:
        assert context.settings.keys  # noqa: S101 (narrows what the setting leaves open)
        self._app = app
        self._telemetry = context.telemetry
        self._keys = KeyFile(context.settings.keys)
        self._limiter = _limiter(context.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        try:
            key = self._key(scope)
            scope[KEY_NAME] = key.name
            headers = await self._count(key)
        except Problem as problem:
            self._telemetry.refused["rate" if isinstance(problem, TooManyRequests) else "key"] += 1
            await problem.response()(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        await self._app(scope, receive, answer if headers else send)

    def _key(self, scope: Scope) -> Key:
        key = self._keys.find(_token(scope["headers"]))
        if key is None:
            raise Unauthorized("The key is not known.", headers=_challenge("invalid_token"))
        if key.expired:
            raise Unauthorized(f"The key {key.name!r} has expired.", headers=_challenge("invalid_token"))
        if not key.opens(scope["path"]):
            detail = f"The key {key.name!r} opens only {', '.join(key.routes)}."
            raise Forbidden(detail, headers=_challenge("insufficient_scope"))
        return key

    async def _count(self, key: Key) -> RawHeaders:
        """Count a request of `key`; the headers that say what is left.

        Raises:
            TooManyRequests: Nothing is.
        """
        limit = key.limit
        if limit is None:
            return []
        try:
            allowed = await self._limiter.hit(limit, key.name)
            reset, left = await self._limiter.get_window_stats(limit, key.name)
        except StorageError as error:
            # Whoever has a key is known; a lost counter shall not stop them.
            logger.warning("rates are not counted: %s", type(error.storage_error).__name__)
            return []
        seconds = max(1, ceil(reset - time()))
        headers = {"RateLimit-Limit": str(limit.amount), "RateLimit-Remaining": str(left if allowed else 0)}
        headers["RateLimit-Reset"] = str(seconds)
        if not allowed:
            detail = f"The key {key.name!r} may make {key.rate} requests."
            raise TooManyRequests(detail, headers=headers | {"Retry-After": str(seconds)})
        return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _token(headers: RawHeaders) -> bytes:
    """The bearer token of a request.

    Raises:
        Unauthorized: There is none, or more than one.
    """
    values = [value for name, value in headers if name == b"authorization"]
    scheme, _, token = (values[0] if len(values) == 1 else b"").partition(b" ")
    if scheme.lower() != b"bearer" or not token:
        raise Unauthorized("Send a key: `Authorization: Bearer ...`.", headers=_challenge())
    return token.strip(b" ")


def _challenge(error: str = "") -> dict[str, str]:
    """RFC 6750, 3."""
    return {"WWW-Authenticate": f'Bearer realm="glyphvae", error="{error}"' if error else 'Bearer realm="glyphvae"'}


def _limiter(settings: Settings) -> SlidingWindowCounterRateLimiter:
    uri = f"async+{settings.rate_storage}"
    redis = {"implementation": "redispy"} if settings.rate_storage.startswith("redis") else {}
    try:
        return SlidingWindowCounterRateLimiter(storage_from_string(uri, wrap_exceptions=True, **redis))
    except ConfigurationError as error:
        raise StartError(f"setting GLYPHVAE_RATE_STORAGE: {error}") from None
