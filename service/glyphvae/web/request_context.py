"""The context of a request: its head and what is recorded of it, whichever way it came."""

import re
from time import perf_counter

from glyphvae.api.head import RawHeaders, RequestHead, RequestHeaders
from glyphvae.api.responses import NOT_STORED, Headers
from glyphvae.observability.access_log import Work

_EVERYWHERE: RawHeaders = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
# No response of the API is a document: shown as one, it may load nothing and stands in no frame.
_API_POLICY = b"default-src 'none'; frame-ancestors 'none'"
# https://www.w3.org/TR/trace-context/#traceparent-header; no trace has an id of zeros.
_TRACE = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


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
        # Pages set their own, which allow what each needs.
        own = name.startswith(("/playground", "/docs"))
        self.headers = Headers([] if own else [*_EVERYWHERE, resource, (b"content-security-policy", _API_POLICY)])


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
        client: Address of the client, where it is logged and known.
    """

    response_headers: tuple[tuple[bytes, bytes], ...] = ()
    caching = NOT_STORED
    is_http_1_1 = False
    checked = False
    key: str | None = None
    client: str | None = None

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

    @property
    def trace(self) -> str | None:
        """Id of the trace that it is part of, whether that is recorded here or by others."""
        if self.span is not None:
            return f"{self.span.context.trace_id:032x}"
        carried = _TRACE.fullmatch(self.headers.trace.get("traceparent", ""))
        return carried[1] if carried else None

    @property
    def timing(self) -> bytes:
        """The value of `Server-Timing`: milliseconds in queues, in models, and for all else until now."""
        queue, model = self.queue_seconds, self.model_seconds
        rest = perf_counter() - self.submitted - queue - model
        return b"queue;dur=%.3f, model;dur=%.3f, encode;dur=%.3f" % (queue * 1e3, model * 1e3, max(rest, 0.0) * 1e3)
