"""Everything between the network and the operations, for requests that come through ASGI and for the server's own.

`open`, `check` and `admit` look at a request's head, `refuse` words errors, `finish` records the outcome: each exists
once, and both adapters call it. The adapter for ASGI is `Front.__call__`; the one for the server's connections, which
starts no task for a request, is `glyphvae.server.exchange`.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from math import isfinite
from time import perf_counter
from typing import Any
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyphvae.api.context import Context
from glyphvae.api.error_handlers import error_response
from glyphvae.api.head import RawHeaders, RequestHead, RequestHeaders, below
from glyphvae.api.responses import NO_BODY, Body, Headers, Result
from glyphvae.api.validators import is_known, tag_of
from glyphvae.errors import AddressTooLong, Busy, HeadersTooLarge, InvalidParameter, MalformedRequest, Problem
from glyphvae.observability.access_log import AccessLog, Entry
from glyphvae.operations.base import Operation
from glyphvae.scheduling.deadline import RETRY, ClientGoneError
from glyphvae.scheduling.outbox import PIECE, pieces
from glyphvae.scheduling.scheduler import AwaitedJob
from glyphvae.web.body_limits import BodyLimits
from glyphvae.web.compression import compress_result, compressing
from glyphvae.web.cors import Cors
from glyphvae.web.request_context import RequestContext, Route
from glyphvae.wording import quoted

# Characters; the service's own paths need a tenth of it.
LONGEST_PATH = 1024
# Seconds; decimals are allowed.
TIMEOUT_HEADER = "X-Request-Timeout"

# Keys of a scope: the request's context, and what the server's connection says of itself, a function that returns
# whether the client has disconnected.
REQUEST = "glyphvae.request"
GONE = "glyphvae.gone"

# For so long a client shows the picture of a seed without asking whether the models are still the same.
KEPT_SECONDS = 3600

NO_STORE = {"Cache-Control": "no-store"}

_VARIES = ((b"vary", b"Accept, Accept-Encoding"),)

_OTHER = Route("other")


class Front:
    """ASGI application in front of FastAPI's; the functions that both adapters share are its methods.

    Args:
        app: FastAPI's application; it answers whatever is no operation.
        context: Settings, models and counts.
        operations: By path.
        paths: Returns the path templates of the application.
        middleware: The application's own; where it has some, every request goes through it.
        root_path: Returns the path that a proxy serves the application under, empty for none.
    """

    def __init__(
        self,
        app: ASGIApp,
        context: Context,
        operations: Mapping[str, Operation[Any]],
        paths: Callable[[], Iterable[str]],
        middleware: Sequence[object],
        *,
        root_path: Callable[[], str] = str,
    ) -> None:
        settings = context.settings
        self.context = context
        self.body_limits = BodyLimits(settings, context.threads, context.telemetry)
        self.gate = _gate(context)
        self._app = app
        self._cors = Cors(settings.cors_origins.split(",")) if settings.cors_origins else None
        self._open = settings.cors_origins == "*"
        self._operations = operations
        self._paths = paths
        self._middleware = middleware
        self._root_path = root_path
        self._kept = b"%b, max-age=%d" % (b"private" if settings.keys else b"public", KEPT_SECONDS)
        self._exact: dict[str, Route] = {}
        self._patterns: list[tuple[Any, Route]] = []
        self._log = AccessLog(settings.log_format) if settings.access_log == "on" else None
        # Ids have to differ, not to be hard to guess; a random beginning tells processes apart.
        self._prefix = secrets.token_hex(6).encode()
        self._count = count(1)
        self._known: RequestHeaders | None = None

    def open(self, scope: Scope, known: RequestHeaders | None = None) -> RequestContext:
        """Begin to handle a request.

        Args:
            scope: The request, as ASGI describes it.
            known: Headers of the request before it on its connection, which most repeat; through ASGI, where
                connections are not told apart, on any.
        """
        pairs, root = scope["headers"], self._root_path() or scope.get("root_path")
        path = self._below(scope, root) if root else scope["path"]
        headers = known if known is not None and known.pairs == pairs else RequestHeaders(pairs)
        route = self._exact.get(path) or self._route(path)
        id_ = headers.id or self._new_id()
        request = RequestContext(scope["method"], path, scope["query_string"], headers, route, id_)
        if headers.hosts != 1:
            request.is_http_1_1 = scope.get("http_version") == "1.1"
        if self._cors is not None and headers.origin:
            request.response_headers = self._cors.headers(headers.origin)
        if self._log is not None and scope.get("client"):
            request.client = scope["client"][0]
        tracing = self.context.telemetry.tracing
        if tracing is not None:
            name = None if route is _OTHER else route.name
            request.span = tracing.begin(request.method, name, scope["scheme"], headers.trace)
        return request

    def open_call(self, route: Route, path: str, pairs: RawHeaders, client: Callable[[], str]) -> RequestContext:
        """Begin to handle a call by gRPC.

        Args:
            route: The full name of its method.
            path: The path that does the same over HTTP.
            pairs: Its metadata.
            client: Returns the address of the client.
        """
        known = self._known
        self._known = headers = known if known is not None and known.pairs == pairs else RequestHeaders(pairs)
        request = RequestContext("POST", path, b"", headers, route, headers.id or self._new_id())
        if self._log is not None:
            request.client = client()
        tracing = self.context.telemetry.tracing
        if tracing is not None:
            request.span = tracing.begin(request.method, route.name, "grpc", headers.trace)
        return request

    def check(self, request: RequestContext) -> None:
        """Hold a request's head against the limits.

        Raises:
            HeadersTooLarge: It has too many headers, or too long ones.
            AddressTooLong: The query or the path is too long.
            MalformedRequest: It has several content types, or in HTTP/1.1 not one host.
        """
        head, size, settings = request, request.headers.size, self.context.settings
        if len(head.headers.pairs) > settings.max_headers:
            detail = f"The request has {len(head.headers.pairs)} headers; at most {settings.max_headers} are allowed."
            raise HeadersTooLarge(detail)
        if size > settings.max_header_bytes:
            detail = f"The request's headers have {size} bytes; at most {settings.max_header_bytes} are allowed."
            raise HeadersTooLarge(detail)
        if len(head.query) > settings.max_query_bytes:
            detail = f"The query has {len(head.query)} bytes; at most {settings.max_query_bytes} are allowed."
            raise AddressTooLong(detail)
        if len(head.path) > LONGEST_PATH:
            raise AddressTooLong(f"The path has {len(head.path)} characters; at most {LONGEST_PATH} are allowed.")
        if request.is_http_1_1:
            raise MalformedRequest(f"The request has {head.headers.hosts} Host headers; HTTP/1.1 has one.")
        if head.headers.content_types > 1:
            raise MalformedRequest(f"The request has {head.headers.content_types} Content-Type headers; send one.")

    def operation_of(self, head: RequestHead, method: str = "") -> Operation[Any] | None:
        """Return the operation that a request may go to without the application's own routing, None for any other."""
        operation = self._operations.get(head.path)
        if operation is None or (method or head.method) not in operation.methods or self._middleware:
            return None
        return operation

    def admit(self, head: RequestHead, operation: Operation[Any] | None) -> float:
        """Return the seconds that a request may take.

        Args:
            head: The request.
            operation: What it is for; None of a call whose message is there as a whole.

        Raises:
            BodyTooLarge: It announces a body over the limit, which nothing has to read then.
            Busy: Too many requests are queued.
            InvalidParameter: Its own time limit is none, or it announces a body where none is read.
        """
        if head.headers.length and operation is not None:
            if operation.body == "none":
                raise _not_read(head.path)
            self.body_limits.check_announced(head)
        if self.context.scheduler.full:
            self.context.telemetry.refused["busy"] += 1
            # A new one for each: an error keeps the frames of all places where it was raised, and what they refer to.
            raise Busy("Too many requests are queued.", headers=RETRY)
        seconds, asked = self.context.settings.request_timeout, head.headers.timeout
        return min(seconds, _seconds(asked, seconds)) if asked else seconds

    def validate(self, request: RequestContext, identity: bytes | None) -> bool:
        """State how long the response to a GET may be kept; return whether the client has it already."""
        if identity is None:
            return False
        # Weak: pictures of one seed differ by a grey level where they are drawn in batches of other sizes.
        tag = f"W/{tag_of(identity)}"
        request.caching = Headers([(b"cache-control", self._kept), (b"etag", tag.encode())])
        return is_known(tag, request.headers.if_none_match)

    def refuse(self, request: RequestContext, error: Exception) -> Response:
        """Return the response to an error, and log what is the service's fault."""
        return error_response(request.path, error)

    def refuse_head(self, problem: Problem) -> RawHeaders:
        """Count and log a request that a connection refuses by itself; return the headers that responses have."""
        request = RequestContext("-", "", b"", RequestHeaders([]), _OTHER, self._new_id())
        self.finish(request, problem.status, None)
        return [*_OTHER.headers.pairs, (b"x-request-id", request.id)]

    def _new_id(self) -> bytes:
        return b"%b-%x" % (self._prefix, next(self._count))

    def hold(self, result: Result) -> int:
        """Count the bytes of a response, or of its first piece, as long as its client has not read all of it.

        The pieces of a response are of about the same size, and one is made when the one before has been read.

        Returns:
            The bytes, for the outbox to release; none where they are few.

        Raises:
            Busy: Too many bytes wait for other clients.
        """
        size = len(result.content)
        if size <= PIECE:
            return 0
        try:
            self.context.outbox.check(size)
        except Busy:
            self.context.telemetry.refused["busy"] += 1
            raise
        self.context.outbox.held += size
        return size

    def finish(self, request: RequestContext, status: int | None, model: str | None) -> None:
        """Count and log a response, and end its span; the status of a request that got none is None."""
        seconds = perf_counter() - request.started
        telemetry = self.context.telemetry
        if request.span is not None and telemetry.tracing is not None:
            telemetry.tracing.end(request.span, status)
        if status is None:
            return
        telemetry.answered(request.route.name, status, seconds)
        if self._log:
            self._log.write(
                Entry(
                    id=request.id.decode(),
                    route=request.route.name,
                    method=request.method,
                    status=status,
                    seconds=seconds,
                    model=model,
                    key=request.key,
                    work=request,
                    client=request.client,
                    trace=request.trace,
                )
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._live(scope, receive, send)
            return
        request: RequestContext = scope.get(REQUEST) or self.open(scope, self._known)
        scope[REQUEST] = request
        self._known = request.headers
        begun: Message | None = None

        async def answer(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                if request.headers.upgrades:  # what the server in front takes for a request may be this one's body
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
                own = [*request.response_headers, *request.route.headers.pairs, (b"x-request-id", request.id)]
                message["headers"] = [*message["headers"], *own]
                begun = message
            await send(message)

        try:
            await self._handle(request, scope, receive, answer)
        except ClientGoneError:
            return
        except Exception as error:
            if begun is not None:
                raise  # the server logs it, and closes the connection
            await self.refuse(request, error)(scope, receive, answer)
        finally:
            model = dict(begun["headers"]).get(b"glyphvae-model") if begun and self._log else None
            self.finish(request, begun["status"] if begun else None, model.decode() if model else None)

    async def _handle(self, request: RequestContext, scope: Scope, receive: Receive, send: Send) -> None:
        if not request.checked:
            self.check(request)
            if self._cors is not None and self._cors.is_preflight(request):
                request.response_headers = ()  # its response has its own
                await self._cors.preflight(request)(scope, receive, send)
                return
            if self.gate is not None:
                await self.gate.admit(request)
            request.checked = True
        if request.method == "HEAD":
            scope, send = dict(scope, method="GET"), _without_body(send)
        operation = self.operation_of(request, scope["method"])
        if operation is not None:
            await self.operate(operation, scope, receive, send)
            return
        redirect = self._redirect(request, scope.get("root_path", "")) if request.route is _OTHER else None
        if not self._middleware:
            send = compressing(request.headers.accept_encoding, send)
        await (redirect or self._app)(scope, receive, send)

    async def operate(self, operation: Operation[Any], scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request by an operation.

        Raises:
            Problem: It is refused.
            ClientGoneError: The client has disconnected.
        """
        request: RequestContext = scope[REQUEST]
        head = request
        head.parameters = scope.get("path_params", {})
        seconds = self.admit(head, operation)
        plan = operation.plan(head)
        if scope["method"] == "GET" and self.validate(request, operation.identity(plan)):
            headers = {name.decode(): value.decode() for name, value in [*request.caching.pairs, *_VARIES]}
            await Response(status_code=304, headers=headers)(scope, receive, send)
            return
        if plan.streams:
            self.context.outbox.check()
        job = AwaitedJob[Any](seconds, scope.get("extensions", {}).get(GONE, _never), request)
        try:
            body = await self._body(operation, head, receive, job)
            if request.headers.upgrades and len(body.content) < (request.headers.length or 0):
                raise MalformedRequest("The body is lost: the server in front takes it for the protocol of `Upgrade`.")
            job.renew()  # the time that the client took does not count
            result = await self.context.scheduler.run(job, operation.run(plan, body), plan.cost)
            await self._send(request, job, result, send)
        finally:
            self.body_limits.release(job)

    async def _body(self, operation: Operation[Any], head: RequestHead, receive: Receive, job: AwaitedJob[Any]) -> Body:
        if operation.body != "none":
            return await self.body_limits.read(head, receive, job)
        # Some clients announce chunks for a body that turns out to be empty.
        if head.headers.length is None and (await self.body_limits.read(head, receive, job)).content:
            raise _not_read(head.path)
        return NO_BODY

    async def _send(self, request: RequestContext, job: AwaitedJob[Any], result: Result, send: Send) -> None:
        compress_result(result, request.headers.accept_encoding)
        timing = (b"server-timing", request.timing)
        headers = [*result.headers.pairs, *result.extra, *request.caching.pairs, timing]
        size = len(result.content) if result.more is None else result.length
        if size is not None:
            headers.append((b"content-length", b"%d" % size))
        headers.append((b"content-type", result.media.encode()))
        held = self.hold(result)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._send_body(job, result, send)
        finally:
            self.context.outbox.held -= held

    async def _send_body(self, job: AwaitedJob[Any], result: Result, send: Send) -> None:
        await _send_pieces(result.content, send, more=result.more is not None)
        if result.more is None:
            return
        for program in result.more:
            job.renew()
            piece = await self.context.scheduler.run(job, program, 1, queued=False)
            if not piece:
                break
            await _send_pieces(piece, send, more=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass start and end of the server on: no line of the log and no span may be lost."""

        async def told(message: Message) -> None:
            if self._log:
                self._log.collects = message["type"] == "lifespan.startup.complete"
                self._log.flush()
            await send(message)

        await self._app(scope, receive, told)
        tracing = self.context.telemetry.tracing
        if tracing is not None:
            tracing.provider.shutdown()

    def _route(self, path: str) -> Route:
        """Return the route of a path that is none of those without parameters."""
        if not self._exact:  # the first request: all routes are there
            # A page whose origin is one of several named ones asks by CORS: `<img crossorigin>`.
            shown = {path for path, operation in self._operations.items() if self._open and "GET" in operation.methods}
            templates = {template: Route(template, embeddable=template in shown) for template in self._paths()}
            self._exact = {name: route for name, route in templates.items() if "{" not in name}
            self._patterns = [(compile_path(name)[0], route) for name, route in templates.items() if "{" in name]
        matches = (route for pattern, route in self._patterns if pattern.match(path))
        return self._exact.get(path) or next(matches, _OTHER)

    def _below(self, scope: Scope, root: str) -> str:
        """Return the path of a request below a root path, and have its scope say both as ASGI wants it.

        A proxy may have stripped the root path or not, and a server may have put it in front of either. Empty is the
        root path itself.
        """
        path = below(scope["path"], root)
        if self._route(path) is _OTHER:  # a path can begin like the root path and be one of the application's own
            path = below(path, root)
        scope["root_path"], scope["path"] = root, root + path
        return path

    def _redirect(self, head: RequestHead, root: str) -> Response | None:
        """Return a redirect to the path with or without a slash at its end, None where there is nothing either.

        Starlette's would name the host, which whoever sends a request chooses: a cache that kept the response would
        lead others there, and behind a proxy the name, the scheme and the path are its own.
        """
        path = head.path
        if not path:
            return RedirectResponse(f"{quote(root.rpartition('/')[2])}/", headers=NO_STORE)
        other = path.rstrip("/") if path.endswith("/") else f"{path}/"
        if not other or self._route(other) is _OTHER:
            return None
        name, end = other.rstrip("/").rpartition("/")[2], "/" if other.endswith("/") else ""
        query = f"?{head.query.decode('latin-1')}" if head.query else ""
        return RedirectResponse("../" * (len(path) - len(other)) + quote(name) + end + query, headers=NO_STORE)


def _gate(context: Context) -> Any:  # noqa: ANN401 (a KeyGate, see below)
    if not context.settings.keys:
        return None
    from glyphvae.web.auth import KeyGate  # noqa: PLC0415 (its libraries cost time and memory)

    return KeyGate(context.settings, context.telemetry)


async def _send_pieces(content: bytes, send: Send, *, more: bool) -> None:
    """Send a part of a body, whose pieces wait until the client has read those before; `more` parts follow."""
    sent = 0
    for piece in pieces(content):
        sent += len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": more or sent < len(content)})


def _without_body(send: Send) -> Send:
    """Return what sends a response to HEAD, made as one to GET."""

    async def send_head(message: Message) -> None:
        await send(message if message["type"] == "http.response.start" else {**message, "body": b""})

    return send_head


def _not_read(path: str) -> InvalidParameter:
    detail = f"{path} reads no body; its parameters belong in the query, as {path}?name=value&name=value"
    return InvalidParameter.of("body", detail, "no body")


def _never() -> bool:
    return False


def _seconds(text: str, most: float) -> float:
    """Return a time limit in seconds.

    Raises:
        InvalidParameter: `text` is none.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not isfinite(seconds) or seconds <= 0:
        detail = f"is {quoted(text)}, not a number of seconds"
        raise InvalidParameter.of(
            f"header.{TIMEOUT_HEADER.lower()}", detail, f"more than 0; more than {most:g} is {most:g}"
        )
    return seconds
