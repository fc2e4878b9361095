"""Pages of other origins: Starlette's middleware, with refusals in this service's words."""

from http import HTTPStatus
from typing import Any, Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from glyphvae.errors import OriginRefused
from glyphvae.web.admission import HEADER
from glyphvae.wording import quoted

# Keys travel in a header of their own, never in cookies, so no origin needs credentials.
_ALLOWED: Final[dict[str, Any]] = {
    "allow_methods": ["GET", "POST"],
    "allow_headers": ["Accept", "Authorization", "Content-Type", "X-Request-ID", HEADER],
    "expose_headers": ["*"],
    "max_age": 600,
}


class Cors(CORSMiddleware):
    """ASGI middleware that tells browsers which pages may call the service.

    Args:
        app: The application behind it.
        origins: Those allowed, as `https://example.org`; `*` for any.
    """

    def __init__(self, app: Any, origins: list[str]) -> None:  # noqa: ANN401 (Starlette's type of it is private)
        super().__init__(app, origins, **_ALLOWED)

    def preflight_response(self, request_headers: Headers) -> Response:
        """What a browser learns before it sends a request for a page."""
        response = super().preflight_response(request_headers)
        if response.status_code < HTTPStatus.BAD_REQUEST:
            return response
        # Starlette names what it refuses: origin, method, headers.
        refused = bytes(response.body).decode().removeprefix("Disallowed CORS ")
        detail = f"A page of {quoted(request_headers['origin'])} may not send this: not allowed is its {refused}."
        return OriginRefused(detail, headers={"Vary": "Origin"}).response()
