"""HTTP connections that no client can hold by being slow, on uvicorn's own parser.

Uvicorn waits for a request, and for a client to read its answer, as long as it takes. Here, in each `receive_timeout`
seconds, a request has to arrive or to grow by a number of bytes; a client has to acknowledge a number of bytes of its
response; and no more than `max_connections` are open. One look at all connections a second keeps watch, so that a
request pays for no timer of its own.
"""

import asyncio
import resource
import socket
import struct
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple

import httptools
from uvicorn import Config

from glyphvae.api.head import RequestHeaders
from glyphvae.api.responses import lines
from glyphvae.errors import Busy, HeadersTooLarge, MalformedRequest, Problem, RequestTimeout
from glyphvae.scheduling.deadline import RETRY
from glyphvae.server.exchange import Exchange
from glyphvae.server.forwarded import TrustedProxies
from glyphvae.server.uvicorn_internals import ASGI3Application, HttpToolsProtocol, RequestResponseCycle, ServerState
from glyphvae.settings import Settings
from glyphvae.web.front import GONE, LONGEST_PATH, Front

# Bytes a second; a telephone modem had ten times as many.
SLOWEST = 500
# The same for those who hold memory while half of it is taken: 16 MB arrive in eight minutes, not in nine hours.
SLOWEST_UNDER_PRESSURE = 32_000
# Bytes; what a connection holds below that is not worth taking away.
SMALL = 1 << 16
# `receive_timeout` is counted so often for a response: the window of a client opens in steps of a sixteenth of its
# buffer, which are 400 kB of 6 MB, and until the next one it acknowledges nothing, however steadily it reads.
READING = 3
# Seconds; longer than a request takes from a client to the server.
LAST_CALL = 0.5
# File descriptors for all but connections: listeners, the log, model files while they are read, the admin port's.
RESERVED = 64

_LINUX = sys.platform == "linux"
# `struct tcp_info`: a byte for the state, and at byte 120 the bytes that the peer has acknowledged.
_TCP_INFO = struct.Struct("=B119xQ")
_TCP_CLOSE = 7


class TcpInfo(NamedTuple):
    """The kernel's account of a connection.

    Attributes:
        state: Its state; `_TCP_CLOSE` once the peer has reset it.
        acknowledged: Bytes that the peer has acknowledged since the connection was made.
    """

    state: int
    acknowledged: int


def _tcp_info(transport: asyncio.Transport) -> TcpInfo | None:
    """Return the kernel's account of a connection.

    None on systems other than Linux, which count in other ways, and of Unix domain sockets.
    """
    connection = transport.get_extra_info("socket")
    if not _LINUX or connection.family == socket.AF_UNIX:
        return None
    return TcpInfo._make(_TCP_INFO.unpack(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)))


def _until_closed(cycle: RequestResponseCycle, app: ASGI3Application) -> ASGI3Application:
    """Return `app` for a client of HTTP/1.0, which knows no chunks: the connection's end is that of the response."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 (uvicorn's types, which are private)
        measured = True

        async def send_unchunked(message: Any) -> None:  # noqa: ANN401
            nonlocal measured
            if message["type"] == "http.response.start":
                measured = any(name.lower() == b"content-length" for name, _ in message["headers"])
                cycle.chunked_encoding = None if measured else False
            elif not measured:
                cycle.expected_content_length = len(message["body"])
            await send(message)

        await app(scope, receive, send_unchunked)

    return answer


class State(ServerState):
    """The state that the connections of a server share.

    Args:
        settings: The limits.

    Attributes:
        draining: Whether the server is about to end, so that each answer is the last of its connection.
        now: The monotonic clock, about a second coarse.
        pressed: Whether half of the memory for bodies or for responses is taken.
        max_connections: As set; fewer where the process may not open as many files.
        front: Answers requests without a task; None until the application is there, and on the admin port.
        proxies: Those that are believed, None where none is.
    """

    connections: "set[Connection]"  # type: ignore[assignment]

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.draining = False
        self.now = monotonic()
        self.pressed = False
        self.front: Front | None = None
        self.proxies = TrustedProxies(settings.trusted_proxies) if settings.trusted_proxies else None
        self._default_headers: list[tuple[bytes, bytes]] | None = None
        self._default_lines = b""
        self.receive_timeout = settings.receive_timeout
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.max_connections = max(1, min(settings.max_connections, descriptors - RESERVED))
        # What is within this is measured exactly, and refused by name, once it has arrived.
        self.max_head = settings.max_header_bytes + settings.max_query_bytes + 4 * LONGEST_PATH

    @property
    def default_lines(self) -> bytes:
        """Headers of every response, as lines."""
        if self.default_headers is not self._default_headers:  # uvicorn makes them anew each second
            self._default_headers = self.default_headers
            self._default_lines = lines(self.default_headers)
        return self._default_lines

    def levels(self) -> tuple[int, int]:
        """Return how many connections are open, and how many requests are being answered; safe from any thread."""
        connections = self.connections.copy()
        return len(connections), sum(connection._is_answering() for connection in connections)

    def watch(self) -> None:
        """Close the connections that have been slow for too long."""
        self.now = monotonic()
        self.pressed = self.front is not None and self.front.context.pressed
        for connection in list(self.connections):
            connection.watch()


class Connection(HttpToolsProtocol):
    """A connection, as uvicorn makes them."""

    server_state: State

    def __init__(
        self,
        config: Config,
        server_state: State,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._extensions = {GONE: self._has_gone}
        self._lost = False
        self._receiving = True  # the first request is awaited from the beginning
        self._since = server_state.now
        self._received = 0
        self._received_before = 0  # at `_since`
        self._in_head = True
        self._began = False
        self._upgrading = False
        self._half_closed = False
        self._answered: RequestResponseCycle | None = None  # the one that is, or was last; `cycle` is that read last
        self._refusal: Problem | None = None  # of what has arrived behind requests that have no response yet
        self._unsent = 0
        self._acknowledged = 0  # at `_unsent_since`, as `_unsent`
        self._unsent_since = 0.0
        self._proxies: TrustedProxies | None = None  # where its client is one of them
        self.known: RequestHeaders | None = None
        self.when_whole: Callable[[bytes], None] | None = None  # gets the body of the request that arrives now

    @property
    def default_lines(self) -> bytes:
        """Headers of every response, as lines."""
        return self.server_state.default_lines

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to serve a client that has connected."""
        super().connection_made(transport)
        proxies = self.server_state.proxies
        self._proxies = proxies if proxies is not None and proxies.believes(self.client) else None
        if len(self.connections) > self.server_state.max_connections:
            most = self.server_state.max_connections
            self.refuse(Busy(f"{most} connections are open already.", headers=RETRY))

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up after a connection that was closed."""
        self._lost = True
        if self._answered is not None:
            self._answered.disconnected = True
        super().connection_lost(exc)
        read, self.when_whole = self.when_whole, None
        if read is not None:
            read(b"")

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a client that has sent all that it will send, if its request is whole; return whether to.

        A client that has closed its connection looks the same at first, but answers what it is sent by a reset, which
        `watch` finds. An interim response is sent for that, which clients have to pass over (RFC 9110, 15.2). TLS has
        no half-closed connections.
        """
        if self.scheme == "https" or not self._is_answering() or self._receiving:
            return False
        self.cycle.keep_alive = False
        if not self._half_closed and not self._has_begun() and self.scope["http_version"] == "1.1":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._half_closed = True
        return True

    def data_received(self, data: bytes) -> None:
        """Parse some bytes of a request."""
        if self._refusal is not None:
            return
        # The parser keeps a head, and even a single header of it, until it is complete, however long it is.
        if self._in_head and self._received > self.server_state.max_head:
            self.refuse(HeadersTooLarge(f"The request's head has more than {self.server_state.max_head} bytes."))
            return
        self._began = False
        rest = data
        while rest:
            try:
                self.parser.feed_data(rest)
                break
            except httptools.HttpParserUpgrade as upgrade:
                rest = self._ignore_upgrade(rest, *upgrade.args)
            except httptools.HttpParserError:
                self.refuse(MalformedRequest(MalformedRequest.example))
                break
        # Where in these bytes a request began is not told; those before it may be other requests, and many.
        self._received += min(len(data), self.server_state.max_head) if self._began else len(data)

    def _ignore_upgrade(self, data: bytes, offset: int) -> bytes:
        """Go on with a request to upgrade as with any other, because nothing here upgrades; return the rest.

        The parser has stopped behind the head, and takes the body for another protocol. Another parser reads the head
        anew without the header that asks for it, and then what follows from `offset` on.
        """
        if self.parser.get_method() == b"CONNECT":
            self.refuse(MalformedRequest("CONNECT is for proxies."))
            return b""
        head = self._head_without_upgrade()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn sets it
        return head + data[offset:]

    def _head_without_upgrade(self) -> bytes:
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        kept = [(name, value) for name, value in self.headers if name != b"upgrade"]
        return b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, lines(kept))

    def on_message_begin(self) -> None:
        """Begin to receive a request, at its first byte."""
        super().on_message_begin()
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]
        self._receiving = self._in_head = self._began = True
        self._since = self.server_state.now
        self._received = self._received_before = 0

    def on_headers_complete(self) -> None:
        """Begin to answer, at the end of a request's head."""
        self._upgrading = self.parser.should_upgrade()
        if self._upgrading:  # the head is read anew, see `_ignore_upgrade`
            return
        self._in_head = False
        if self._proxies is not None:
            self._proxies.apply(self.scope)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Go on where the body is needed as a whole, at the last byte of a request."""
        if self._upgrading:
            return
        super().on_message_complete()
        self._receiving = False
        if self.server_state.draining:
            self.cycle.keep_alive = False
        read, self.when_whole = self.when_whole, None
        if read is not None:
            read(bytes(self.cycle.body))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Begin to answer a request; of those kept until another was answered all but the last get a task."""
        self._answered = cycle
        front = self.server_state.front
        plain = cycle is self.cycle and cycle.keep_alive and not cycle.waiting_for_100_continue
        held = self.flow.write_paused or self.server_state.draining
        if front is None or not plain or held or not Exchange(self, cycle, front).begin():
            unchunked = cycle.scope["http_version"] == "1.0"
            super()._start_asgi_task(cycle, _until_closed(cycle, app) if unchunked else app)

    def on_response_complete(self) -> None:
        """Go on after a response; instead of uvicorn's timer for connections at rest, `watch` looks at them all."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._refusal is not None:
            self.refuse(self._refusal)
        else:
            self._since = self.server_state.now

    def shutdown(self) -> None:
        """Prepare for the end of the server; requests that are on their way may still arrive."""
        if self._is_answering():
            self.cycle.keep_alive = False
        else:
            self.loop.call_later(LAST_CALL, self._close_if_idle)

    def _close_if_idle(self) -> None:
        arriving = self._receiving and self._received > 0
        if not arriving and not self._is_answering():
            self.transport.close()

    def drain(self) -> None:
        """Let the answer that is being made be the last one."""
        if self._is_answering():
            self.cycle.keep_alive = False

    def watch(self) -> None:
        """Close it if its client has been too slow, or has gone."""
        state = self.server_state
        now, seconds = state.now, state.receive_timeout
        if self.flow.read_paused or self._refusal is not None:
            self._since = now  # it is the application that takes its time
        elif self._receiving:
            least = seconds * self._slowest(self._received)
            if self._received - self._received_before >= least:
                self._received_before, self._since = self._received, now
            elif now - self._since > seconds:
                detail = f"In {seconds:g} seconds neither {least:g} bytes of the request nor its end have arrived."
                self.refuse(RequestTimeout(detail))
        elif not self._is_answering() and now - self._since > self.timeout_keep_alive:
            self.transport.close()
        unsent = self.transport.get_write_buffer_size()
        if unsent or self._half_closed:
            self._watch_reading(unsent, _tcp_info(self.transport))
        else:
            self._unsent = 0

    def _watch_reading(self, unsent: int, info: TcpInfo | None) -> None:
        """Close it if its client does not read what is sent, or has gone."""
        if info is not None and info.state == _TCP_CLOSE:
            self.transport.abort()
            return
        seconds, now = READING * self.server_state.receive_timeout, self.server_state.now
        begins = self._unsent == 0 or unsent == 0
        if info is None:  # any change counts where the kernel does not say more
            progress = unsent != self._unsent
        else:
            progress = info.acknowledged - self._acknowledged >= seconds * self._slowest(unsent)
        if begins or progress:
            self._unsent, self._unsent_since = unsent, now
            self._acknowledged = 0 if info is None else info.acknowledged
        elif now - self._unsent_since > seconds:
            self.transport.abort()  # closing would wait for the client to read the rest

    def _slowest(self, held: int) -> int:
        """Return the bytes a second below which a client that has the service hold so many bytes is too slow."""
        return SLOWEST_UNDER_PRESSURE if self.server_state.pressed and held > SMALL else SLOWEST

    def refuse(self, problem: Problem) -> None:
        """Say why, unless a response has begun, and close; requests before get their responses first."""
        if self._owes_responses():
            if self.pipeline and self._receiving and not self._in_head:
                self.pipeline.popleft()  # what is refused itself, in its body
            self._refusal = problem
            return
        if not self._has_begun():
            response, state = problem.response(), self.server_state
            own = [] if state.front is None else state.front.refuse_head(problem)
            headers = [*state.default_headers, *response.raw_headers, *own, (b"connection", b"close")]
            status = b"HTTP/1.1 %d %s\r\n" % (problem.status, problem.status.phrase.encode())
            self.transport.write(b"".join([status, lines(headers), b"\r\n", bytes(response.body)]))
        self.transport.close()

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None until the first request, whatever uvicorn declares
        return cycle is not None and not cycle.response_complete

    def _owes_responses(self) -> bool:
        """Return whether requests have no response yet that came before the one that arrives."""
        return bool(self.pipeline) or (self._is_answering() and (self._in_head or not self._receiving))

    def _has_begun(self) -> bool:
        """Return whether a response is on its way, or was all of it before all of its request."""
        cycle: RequestResponseCycle | None = self.cycle
        if self.pipeline or cycle is None or not cycle.response_started:
            return bool(self.pipeline)
        return not cycle.response_complete or (self._receiving and not self._in_head)

    def _has_gone(self) -> bool:
        return self._lost
