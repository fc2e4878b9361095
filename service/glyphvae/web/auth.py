"""Authentication by bearer keys, where the setting `keys` names a file of them."""

import logging
from collections.abc import Sequence
from math import ceil
from time import time

from limits import RateLimitItem
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string

from glyphvae.errors import Forbidden, Problem, StartError, TooManyRequests, Unauthorized
from glyphvae.observability.telemetry import Telemetry
from glyphvae.scheduling.immediate import result_now
from glyphvae.settings import Settings
from glyphvae.web.keys import Key, KeyFile
from glyphvae.web.request_context import RequestContext

logger = logging.getLogger("glyphvae")

# Probes have no key, and learn nothing but whether the service works.
OPEN = frozenset({"/livez", "/readyz", "/v2/health/live", "/v2/health/ready"})


class KeyGate:
    """The check of bearer keys, which holds each to its routes and its rate.

    Args:
        settings: Their `keys` is set.
        telemetry: Where refusals are counted.

    Attributes:
        shared: Whether rates are counted outside this process, so that counting has to wait.

    Raises:
        StartError: The file of keys, or the address of the rates' storage, is wrong.
    """

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        assert settings.keys  # noqa: S101 (narrows what the setting leaves open)
        self.shared = not settings.rate_storage.startswith("memory:")
        self._telemetry = telemetry
        self._keys = KeyFile(settings.keys)
        self._limiter = _limiter(settings)

    async def admit(self, request: RequestContext) -> None:
        """Check the key of a request and count it.

        Raises:
            Problem: As `check` and `count`.
        """
        key = self.check(request)
        if key is not None and key.limit is not None:
            await self.count(request, key.limit, key)

    def admit_now(self, request: RequestContext) -> bool:
        """Admit a request as `admit` does; return False where its rate is counted elsewhere, so that it has to wait.

        Raises:
            Problem: As `check` and `count`.
        """
        key = self.check(request)
        if key is None or key.limit is None:
            return True
        if not self.shared:
            result_now(self.count(request, key.limit, key))
        return not self.shared

    def check(self, request: RequestContext) -> Key | None:
        """Return the key that a request shows; None for the routes that are open to everybody.

        Raises:
            Unauthorized: It shows none that is valid.
            Forbidden: The key does not open the route.
        """
        path = request.path
        if path in OPEN:
            return None
        try:
            key = self._keys.find(_token(request.headers.authorization))
            if key is None or key.expired:
                detail = "The key is not known." if key is None else f"The key {key.name!r} has expired."
                raise Unauthorized(detail, headers=_challenge("invalid_token"))
            if not key.opens(path):
                detail = f"The key {key.name!r} opens only {', '.join(key.routes)}."
                raise Forbidden(detail, headers=_challenge("insufficient_scope"))
        except Problem:
            self._telemetry.refused["key"] += 1
            raise
        request.key = key.name
        return key

    async def count(self, request: RequestContext, limit: RateLimitItem, key: Key) -> None:
        """Count a request of a key, and state the key's rate in the headers of the response.

        Raises:
            TooManyRequests: The rate is used up.
        """
        try:
            allowed = await self._limiter.hit(limit, key.name)
            reset, left = await self._limiter.get_window_stats(limit, key.name)
        except StorageError as error:
            # The holder of a key is known; a lost counter must not lock them out.
            logger.warning("rates are not counted: %s", type(error.storage_error).__name__)
            return
        seconds = max(1, ceil(reset - time()))
        headers = {"RateLimit-Limit": str(limit.amount), "RateLimit-Remaining": str(left if allowed else 0)}
        headers["RateLimit-Reset"] = str(seconds)
        if not allowed:
            self._telemetry.refused["rate"] += 1
            detail = f"The key {key.name!r} may make {key.rate} requests."
            raise TooManyRequests(detail, headers=headers | {"Retry-After": str(seconds)})
        request.response_headers += tuple((name.lower().encode(), value.encode()) for name, value in headers.items())


def _token(values: Sequence[str]) -> bytes:
    """Return the bearer token in the `Authorization` headers of a request.

    Raises:
        Unauthorized: There is none, or more than one.
    """
    scheme, _, token = (values[0] if len(values) == 1 else "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("Send a key: `Authorization: Bearer ...`.", headers=_challenge())
    return token.strip(" ").encode("latin-1")


def _challenge(error: str = "") -> dict[str, str]:
    """Return the challenge of a refusal (RFC 6750, 3)."""
    return {"WWW-Authenticate": f'Bearer realm="glyphvae", error="{error}"' if error else 'Bearer realm="glyphvae"'}


def _limiter(settings: Settings) -> SlidingWindowCounterRateLimiter:
    uri = f"async+{settings.rate_storage}"
    redis = {"implementation": "redispy"} if settings.rate_storage.startswith("redis") else {}
    try:
        return SlidingWindowCounterRateLimiter(storage_from_string(uri, wrap_exceptions=True, **redis))
    except ConfigurationError as error:
        raise StartError(f"setting GLYPHVAE_RATE_STORAGE: {error}") from None
