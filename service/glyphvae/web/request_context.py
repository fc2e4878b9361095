"""What every request meets first and every answer last: an id, limits, security headers, the counts and the log."""

import secrets
from collections.abc import Iterable
from itertools import chain, count
from time import perf_counter

from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyphvae.api.context import Context
from glyphvae.errors import AddressTooLong, HeadersTooLarge, InternalError, Problem
from glyphvae.observability.access_log import AccessLog, Entry, Work, begin_work

RawHeaders = list[tuple[bytes, bytes]]

# Where the log finds the name of the key that a request has shown.
KEY_NAME = "glyphvae.key"

# Where nothing is logged, nobody looks at it.
NO_WORK = Work()

# Paths that the service does not have share one name, so that a scanner cannot fill the counts.
OTHER = "other"

# Characters; the service's own paths need a tenth of it.
LONGEST_PATH = 1024
LONGEST_ID = 128
_ID_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:=+/-"

_EVERYWHERE: RawHeaders = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
# Nothing that the API answers is a document: shown as one, it may load nothing and stands in no frame.
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


class Edge:
    """The outermost ASGI layer. What it costs is paid by every request, so it prepares all it can.

    Args:
        app: The application.
        context: Settings and counts.
        paths: Those that the application has, with their parameters in braces.
    """

    def __init__(self, app: ASGIApp, context: Context, paths: Iterable[str]) -> None:
        settings = context.settings
        self._app = app
        self._telemetry = context.telemetry
        self._log = AccessLog(settings.log_format) if settings.access_log == "on" else None
        self._max_headers = settings.max_headers
        self._max_header_bytes = settings.max_header_bytes
        self._max_query = settings.max_query_bytes
        routes = {path: (path, _headers_of(path)) for path in paths}
        self._exact = {path: route for path, route in routes.items() if "{" not in path}
        self._patterns = [(compile_path(path)[0], route) for path, route in routes.items() if "{" in path]
        # Ids have to differ, not to be hard to guess; a random beginning tells processes apart.
        self._prefix = secrets.token_hex(6).encode()
        self._count = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http":
            await self._handle(scope, receive, send)
        else:
            await self._pass(scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        name, extra = self._exact.get(scope["path"]) or self._route(scope["path"])
        request_id = self.id_of(scope)
        begun: Message | None = None
        work = begin_work() if self._log else NO_WORK

        async def answer(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *extra, (b"x-request-id", request_id)]
                begun = message
            await send(message)

        try:
            self.check_head(scope)
            await self._app(scope, receive, answer)
        except Exception as error:
            if begun is None:
                await _problem_of(error).response()(scope, receive, answer)
            if not isinstance(error, Problem):
                raise  # the server logs it, and closes the connection if the answer is not complete
        finally:
            if begun is not None:  # a request that is dropped has no answer
                model = dict(begun["headers"]).get(b"glyphvae-model") if self._log else None
                seconds = perf_counter() - started
                status = begun["status"]
                self.answered(scope, name, request_id, status=status, seconds=seconds, model=model, work=work)

    def id_of(self, scope: Scope) -> bytes:
        """The caller's own id for the request, or a new one."""
        return given_id(scope["headers"]) or b"%s-%x" % (self._prefix, next(self._count))

    def headers_of(self, path: str) -> RawHeaders:
        """What is added to the headers of every answer from a path of the application, but the request's id."""
        return self._exact[path][1]

    def answered(
        self,
        scope: Scope,
        route: str,
        request_id: bytes,
        *,
        status: int,
        seconds: float,
        model: bytes | None,
        work: Work,
    ) -> None:
        """Count an answer, and log it."""
        self._telemetry.answered(route, status, seconds)
        if self._log:
            entry = Entry(
                id=request_id.decode(),
                route=route,
                method=scope["method"],
                status=status,
                seconds=seconds,
                model=model.decode() if model else None,
                key=scope.get(KEY_NAME),
                work=work,
            )
            self._log.write(entry)

    def count_gone(self) -> None:
        """Count a request whose client has left before it was answered."""
        self._telemetry.refused["gone"] += 1

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Start and end of the server: no line may be lost."""

        async def flushed(message: Message) -> None:
            if self._log:
                self._log.flush()
            await send(message)

        await self._app(scope, receive, flushed)

    def _route(self, path: str) -> tuple[str, RawHeaders]:
        return next((route for pattern, route in self._patterns if pattern.match(path)), (OTHER, _headers_of(OTHER)))

    def check_head(self, scope: Scope) -> None:
        """Refuse a head over the limits.

        Raises:
            HeadersTooLarge: It has too many headers, or too long ones.
            AddressTooLong: The query or the path is too long.
        """
        if len(scope["headers"]) > self._max_headers:
            detail = f"The request has {len(scope['headers'])} headers; at most {self._max_headers} are allowed."
            raise HeadersTooLarge(detail)
        size = sum(map(len, chain.from_iterable(scope["headers"])))
        if size > self._max_header_bytes:
            detail = f"The request's headers have {size} bytes; at most {self._max_header_bytes} are allowed."
            raise HeadersTooLarge(detail)
        if len(scope["query_string"]) > self._max_query:
            detail = f"The query has {len(scope['query_string'])} bytes; at most {self._max_query} are allowed."
            raise AddressTooLong(detail)
        if len(scope["path"]) > LONGEST_PATH:
            raise AddressTooLong(f"The path has {len(scope['path'])} characters; at most {LONGEST_PATH} are allowed.")


def given_id(headers: RawHeaders) -> bytes | None:
    """The caller's own id for the request; None where it has none, or one that could spoil a log."""
    for name, value in headers:
        if name == b"x-request-id" and 0 < len(value) <= LONGEST_ID and not value.translate(None, _ID_CHARACTERS):
            return value
    return None


def lines(headers: RawHeaders) -> bytes:
    """Headers as lines, each with its end."""
    return b"".join(b"%b: %b\r\n" % header for header in headers)


def _headers_of(path: str) -> RawHeaders:
    # The playground sets its own, which allow what its page needs.
    if path.startswith("/playground"):
        return []
    policy = _DOCS_POLICY if path == "/docs" else _API_POLICY
    return [*_EVERYWHERE, (b"content-security-policy", policy)]


def _problem_of(error: Exception) -> Problem:
    return error if isinstance(error, Problem) else InternalError(InternalError.example)
