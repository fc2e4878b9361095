"""The context of a request: its head and what is recorded of it, whichever way it came."""

from time import perf_counter

from glyphvae.api.head import RawHeaders, RequestHead, RequestHeaders
from glyphvae.api.responses import NOT_STORED, Headers
from glyphvae.observability.access_log import Work

_EVERYWHERE: RawHeaders = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
# No response of the API is a document: shown as one, it may load nothing and stands in no frame.
_API_POLICY = b"default-src 'none'; frame-ancestors 'none'"
# FastAPI's page has its script inline and gets the rest from a content delivery network.
_DOCS_POLICY = b"; ".join(
    (
        b"default-src 'none'",
        b"script-src 'unsafe-inline' https://cdn.jsdelivr.net",
        b"style-src 'unsafe-inline' https://cdn.jsdelivr.net",
        b"img-src 'self' data: https://fastapi.tiangolo.com",
        b"connect-src 'self'",
        b"base-uri 'none'",
        b"form-action 'none'",
        b"frame-ancestors 'none'",
    )
)


class Route:
    """A path of the application.

    Args:
        name: Its template; `other` stands for all paths that the application does not have, so that a scanner cannot
            fill the counts.
        embeddable: Whether pages of any origin may show its responses, as `<img>` does without asking.

    Attributes:
        name: As there.
        headers: Headers of every response from it.
    """

    def __init__(self, name: str, *, embeddable: bool = False) -> None:
        self.name = name
        resource = (b"cross-origin-resource-policy", b"cross-origin" if embeddable else b"same-origin")
        # The playground sets its own, which allow what its page needs.
        policy = _DOCS_POLICY if name == "/docs" else _API_POLICY
        own = name.startswith("/playground")
        self.headers = Headers([] if own else [*_EVERYWHERE, resource, (b"content-security-policy", policy)])


class RequestContext(RequestHead, Work):
    """A request, what is recorded of it, and the work that models do for it.

    Args:
        method: As of its head.
        path: As of its head.
        query: As of its head.
        headers: As of its head.
        route: Its route.
        id: Its id, which the response states too.

    Attributes:
        route: As there.
        id: As there.
        started: When it came, by `perf_counter`.
        response_headers: Those of this request alone: of CORS, and of the rate of its key.
        caching: Headers that tell how long the response of an operation may be kept.
        is_http_1_1: Whether it is of that version, if it has not one `Host` header as that version wants.
        checked: Whether its head has been held against the limits and keys.
        key: Name of the key that it showed, None where it showed none.
    """

    response_headers: tuple[tuple[bytes, bytes], ...] = ()
    caching = NOT_STORED
    is_http_1_1 = False
    checked = False
    key: str | None = None

    def __init__(  # noqa: PLR0917 (made for each request, and positional arguments are the fastest)
        self,
        method: str,
        path: str,
        query: bytes,
        headers: RequestHeaders,
        route: Route,
        id: bytes,  # noqa: A002
    ) -> None:
        self.method = method  # as `RequestHead` does, but for the call
        self.path = path
        self.query = query
        self.headers = headers
        self.route = route
        self.id = id
        self.started = perf_counter()
