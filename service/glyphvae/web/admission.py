"""Which requests are worked on now, which wait, and which are refused.

Every POST but those for a single glyph passes here. On each turn of the event loop a few requests start; more wait in
a bounded queue, so that turns stay short, a refusal takes no longer than a turn, and a request whose time is up or
whose client has left is dropped before anything was done for it. Where nothing waits, nobody does.
"""

import asyncio
from collections import deque
from math import isfinite
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glyphvae.api.context import Context
from glyphvae.errors import Busy, InvalidParameter, Problem
from glyphvae.scheduling.batching import MAX_ROWS
from glyphvae.scheduling.deadline import RETRY, ClientGoneError, Ticket, current
from glyphvae.wording import quoted

# Requests that start on one turn of the event loop, at most: as many small calls share a batch as start together. Where
# turns get longer than this many seconds, fewer start, down to one, because a refusal waits for the turn to end.
STARTS = 16
TURN = 0.008

# In seconds; decimals are allowed.
HEADER = "X-Request-Timeout"
_HEADER = HEADER.lower().encode()

# The answer where too many requests wait.
FULL = Busy("Too many requests wait already.", headers=RETRY)

# What the server's connection says of itself, if it says anything: a function that tells whether the client has left.
GONE = "glyphvae.gone"


class Admission:
    """ASGI middleware that queues, refuses and drops requests.

    Args:
        app: The application; it does the work.
        context: Settings, models and counts.
    """

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context
        self._limit = context.settings.max_queued_requests
        self._longest = context.settings.request_timeout / 2
        self._waiting: deque[tuple[asyncio.Future[None], Ticket, float]] = deque()
        self._started = 0
        self._most = STARTS
        self._turned = 0.0
        self._blocked = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        # Whatever is no POST costs next to nothing, and probes have to be answered under any load.
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
        elif self.full:
            self.count_refusal()
            await FULL.response()(scope, receive, send)
        else:
            await self._admit(scope, receive, send)

    @property
    def full(self) -> bool:
        """Whether nobody else may wait."""
        # Whoever would wait for half of the time would start only to be given up half done.
        waiting = self._waiting
        return bool(waiting) and (len(waiting) >= self._limit or monotonic() - waiting[0][2] > self._longest)

    def count_refusal(self) -> None:
        """Somebody was told so."""
        self._context.telemetry.refused["busy"] += 1

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            ticket = self._ticket(scope)
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        token = current.set(ticket)
        try:
            await self._turn(ticket)
            await self._app(scope, _counted(receive, ticket), _renewing(send, ticket))
        except Problem as problem:
            await problem.response()(scope, receive, send)
        except asyncio.CancelledError:
            if ticket.refused != "gone":
                raise
        finally:
            current.reset(token)
            if ticket.held:
                ticket.threads.release(ticket.held)
            if ticket.refused:
                self._context.telemetry.refused[ticket.refused] += 1

    def _ticket(self, scope: Scope) -> Ticket:
        seconds = self._context.settings.request_timeout
        for name, value in scope["headers"]:
            if name == _HEADER:
                seconds = min(seconds, _seconds(value.decode("latin-1"), seconds))
        gone = scope.get("extensions", {}).get(GONE, _never)
        return Ticket(seconds, self._context.threads, gone)

    async def _turn(self, ticket: Ticket) -> None:
        """Wait until the request may start; at once where others do not wait."""
        loop = asyncio.get_running_loop()
        if self._started < self._most and not self._waiting and not self._blocked:
            self._started += 1
            if self._started == 1:
                self._turned = monotonic()
                loop.call_soon(self._next_turn)
            return
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append((future, ticket, monotonic()))
        await future

    def _next_turn(self) -> None:
        began, self._turned = self._turned, monotonic()
        self._most = max(1, self._most // 2) if self._turned - began > TURN else min(STARTS, self._most + 1)
        # Requests start no faster than the models take up what they ask for.
        self._blocked = self._context.engine.backlog >= MAX_ROWS
        self._started = 0
        while self._waiting and self._started < self._most and not self._blocked:
            future, ticket, _ = self._waiting.popleft()
            self._started += _start(future, ticket)
        if self._started or self._waiting or self._blocked:
            asyncio.get_running_loop().call_soon(self._next_turn)


def _start(future: "asyncio.Future[None]", ticket: Ticket) -> bool:
    """Let a request that waits begin, if it still may."""
    if future.cancelled():
        return False
    try:
        ticket.check()
    except ClientGoneError:
        future.cancel()
    except Problem as problem:
        future.set_exception(problem)
    else:
        future.set_result(None)
        return True
    return False


def _counted(receive: Receive, ticket: Ticket) -> Receive:
    """`receive`, with the body's bytes counted and the client's own time left out of the deadline."""
    whole = False

    async def counted() -> Message:
        nonlocal whole
        began = monotonic()
        message = await receive()
        ticket.pause(monotonic() - began)
        if message["type"] == "http.disconnect" and not whole:
            # Starlette has an exception for it, which would be answered as a fault.
            ticket.refused = "gone"
            raise asyncio.CancelledError
        whole = not message.get("more_body", False)
        size = len(message.get("body", b""))
        if size:
            ticket.threads.take(size, ticket)
            ticket.held += size
        return message

    return counted


def _renewing(send: Send, ticket: Ticket) -> Send:
    """`send`, with the deadline begun anew for each piece of an answer in pieces."""

    async def renewing(message: Message) -> None:
        await send(message)
        if message.get("more_body"):
            ticket.renew()

    return renewing


def _never() -> bool:
    return False


def _seconds(text: str, most: float) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not isfinite(seconds) or seconds <= 0:
        detail = f"is {quoted(text)}, not a number of seconds"
        raise InvalidParameter.of(f"header.{HEADER.lower()}", detail, f"more than 0; more than {most:g} is {most:g}")
    return seconds
