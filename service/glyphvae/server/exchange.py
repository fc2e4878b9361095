"""The adapter for the server's own connections: requests for operations are answered without a task.

ASGI wants a task, an event and several awaited messages for each request, which cost more than a glyph. What is done
with a request is the same as behind ASGI, by the same functions; see `glyphvae.web.front`.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from glyphvae.api.head import RequestHeaders
from glyphvae.api.responses import NO_BODY, Body, Result, lines
from glyphvae.errors import Busy, Problem
from glyphvae.operations.base import Operation, Planned
from glyphvae.scheduling.cost import INLINE
from glyphvae.scheduling.outbox import PIECE, pieces
from glyphvae.scheduling.scheduler import Job
from glyphvae.web.compression import compress_result
from glyphvae.web.front import REQUEST, Front
from glyphvae.web.request_context import RequestContext

if TYPE_CHECKING:
    from glyphvae.server.uvicorn_internals import FlowControl, RequestResponseCycle


class Wire(Protocol):
    """A connection, as far as an exchange needs it.

    Attributes:
        transport: Sends bytes.
        flow: Tells when the transport takes more.
        tasks: Those that the end of the server waits for.
        when_whole: Called with the body of the request that arrives, once it is there.
        known: Headers of its last request, None before the first one.
    """

    transport: asyncio.Transport
    flow: "FlowControl"
    tasks: "set[asyncio.Task[None]]"
    when_whole: Callable[[bytes], None] | None
    known: RequestHeaders | None

    @property
    def default_lines(self) -> bytes:
        """Headers of every response, as lines."""


class Exchange(Job[Result]):
    """A request on a connection, its program and its response; its time limit begins once the body is there.

    Args:
        connection: The connection.
        cycle: Uvicorn's state of the request.
        front: Handles the request.
    """

    def __init__(self, connection: Wire, cycle: "RequestResponseCycle", front: Front) -> None:
        self._connection = connection
        self._cycle = cycle
        self._front = front
        self.work: RequestContext
        self._operation: Operation[Any]
        self._plan: Planned

    def begin(self) -> bool:
        """Answer the request now or later; return False where it has to go through ASGI."""
        front = self._front
        scope: dict[str, Any] = self._cycle.scope  # type: ignore[assignment]
        self.work = request = front.open(scope, self._connection.known)
        self._connection.known = request.headers
        scope[REQUEST] = request
        operation = front.operation_of(request)
        if operation is None or request.headers.if_none_match:
            return False
        self._operation = operation
        try:
            front.check(request)
            if front.gate is not None and not front.gate.admit_now(request):
                return False
            request.checked = True
            self._seconds = front.admit(request, operation)
            self._plan = operation.plan(request)
            if request.method == "GET":
                front.validate(request, operation.identity(self._plan))
        except Exception as error:  # noqa: BLE001 (it is answered, and logged)
            self.fail(error)
            return True
        if self._plan.streams:
            return False
        if operation.body == "none" and request.headers.length is not None:
            self._queue(NO_BODY)
            return True
        return self._await_body()

    def _await_body(self) -> bool:
        """Go on once the body is there; return False for one that is not small, or compressed."""
        headers = self.work.headers
        if headers.length is None or headers.length > INLINE or headers.content_encoding:
            return False
        if self._cycle.more_body:
            self._connection.when_whole = self.go_on
        else:  # it came while the response before was made
            self.go_on(bytes(self._cycle.body))
        return True

    def go_on(self, content: bytes) -> None:
        """Go on with a request whose body is there."""
        try:
            self._queue(self._front.body_limits.check(self.work, content))
        except Problem as problem:
            self.fail(problem)

    def _queue(self, body: Body) -> None:
        plan = self._plan
        self.program = self._operation.run(plan, body)
        self.cost = plan.cost
        super().__init__(self._seconds, self._connection.transport.is_closing)  # the time begins now
        self._front.context.scheduler.submit(self)

    def send(self, result: Result) -> None:
        """Send a response."""
        compress_result(result, self.work.headers.accept_encoding)
        try:
            held = self._front.hold(result) if len(result.content) > PIECE else 0
        except Busy as busy:
            self.fail(busy)
            return
        self._front.finish(self.work, 200, result.model)
        head = b"%bcontent-type: %b\r\nserver-timing: %b\r\n%b%b" % (
            result.headers.lines,
            result.media.encode(),
            self.work.timing,
            lines(result.extra),
            self.work.caching.lines,
        )
        self._write(b"200 OK", head, result.content, held)

    def fail(self, error: Exception) -> None:
        """Send the response to an error."""
        response = self._front.refuse(self.work, error)
        status = response.status_code
        self._front.finish(self.work, status, None)
        phrase = error.status.phrase if isinstance(error, Problem) else "Internal Server Error"
        head = lines(header for header in response.raw_headers if header[0] != b"content-length")
        self._write(b"%d %b" % (status, phrase.encode()), head, bytes(response.body))

    def leave(self) -> None:
        """Note that the client has disconnected."""
        self._front.finish(self.work, None, None)

    def _write(self, status: bytes, head: bytes, content: bytes, held: int = 0) -> None:
        cycle, connection, request = self._cycle, self._connection, self.work
        transport = connection.transport
        if transport.is_closing():
            self._front.context.outbox.held -= held
            return
        if request.response_headers:
            head += lines(request.response_headers)
        if not cycle.keep_alive:
            head += b"connection: close\r\n"
        transport.write(
            b"HTTP/1.1 %b\r\n%b%b%bx-request-id: %b\r\ncontent-length: %d\r\n\r\n%b"
            % (
                status,
                connection.default_lines,
                head,
                request.route.headers.lines,
                request.id,
                len(content),
                b"" if held else content,
            )
        )
        cycle.response_started = True
        if held:
            task = asyncio.get_running_loop().create_task(self._write_pieces(content, held))
            connection.tasks.add(task)
            task.add_done_callback(connection.tasks.discard)
        else:
            self._complete()

    async def _write_pieces(self, content: bytes, held: int) -> None:
        """Write a long body, each piece once the client has read those before."""
        transport, flow = self._connection.transport, self._connection.flow
        try:
            for piece in pieces(content):
                await flow.drain()
                transport.write(piece)
        finally:
            self._front.context.outbox.held -= held
        if not transport.is_closing():
            self._complete()

    def _complete(self) -> None:
        cycle = self._cycle
        cycle.response_complete = True
        if not cycle.keep_alive:
            self._connection.transport.close()
        # The last step: where the next request has arrived already, it begins before this returns.
        cycle.on_response()
