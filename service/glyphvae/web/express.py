"""The shortest way to one glyph, a short text, what one small picture is, or a refusal: answers of the connection.

ASGI wants a task, an event and several awaited messages for each request, which cost more than the glyph. A connection
of this service's own server asks here first; whatever is not the plainest case, or goes wrong, takes the way through
ASGI as if nothing had been tried. Limits, ids, headers, counts, log and contents are those of `Edge`, `HotPath`, the
desks and `Admission`, which do the work here too.

Refusals have to be cheap most of all: where three times as many requests come as can be answered, two of three are
refused, and what that costs is lost to the third.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Protocol

from starlette.types import Scope

from glyphvae.errors import Problem
from glyphvae.observability.access_log import Work
from glyphvae.web.admission import FULL, Admission
from glyphvae.web.desk import Answer, Taker
from glyphvae.web.hot_path import PATH, HotPath, Plan
from glyphvae.web.picture_desk import PictureDesk
from glyphvae.web.request_context import NO_WORK, Edge, lines
from glyphvae.web.text_desk import TextDesk

_OK = b"HTTP/1.1 200 OK\r\n"
_TOO_MANY = b"HTTP/1.1 %d %s\r\n" % (FULL.status, FULL.status.phrase.encode())
# Whose headers and errors are those of `/generate`.
_QUEUED = frozenset({PATH, "/encode", "/reconstruct", "/render-text", "/interpolate", "/traverse", "/dataset"})


class Line(Protocol):
    """The connection that a request came on."""

    def has_left(self) -> bool:
        """Whether its client has gone."""

    def send(self, status: bytes, head: bytes, content: bytes) -> None:
        """Send the answer.

        Args:
            status: Its first line.
            head: The other lines of its head but for those the server adds, each with its end.
            content: Its content.
        """

    def when_whole(self, read: Callable[[bytes], None]) -> None:
        """Have `read` called with the request's body as soon as it is there, or with nothing if its client leaves."""

    def start_over(self) -> None:
        """Have the request answered through ASGI."""


class Express:
    """Answers requests without a task.

    Args:
        edge: What stands in front of `hot_path`, with nothing between them that such a request meets.
        hot_path: Makes the answers with one glyph.
        desks: Make those to one small picture, or to a short text.
        admission: Knows when there is no room for any other work.
    """

    def __init__(
        self, edge: Edge, hot_path: HotPath, desks: Sequence[PictureDesk | TextDesk], admission: Admission
    ) -> None:
        self.edge = edge
        self._hot_path = hot_path
        self._desks = desks
        self._admission = admission
        self._last = lines([(b"content-type", b"image/png"), *edge.headers_of(PATH)])
        refusal = FULL.response()
        self._refusal = bytes(refusal.body)
        self._refusal_lines = lines([*refusal.raw_headers, *edge.headers_of(PATH)])
        self.last_lines = {path: lines(edge.headers_of(path)) for path in _QUEUED}

    def begin(self, scope: Scope, line: Line) -> bool:
        """Answer a request, now or on the event loop's next turn; False where it has to go through ASGI."""
        started = perf_counter()
        try:
            self.edge.check_head(scope)
            if scope["path"] == PATH and self._hot_path.begin(scope, _Visit(self, scope, line, started)):
                return True
        except Problem:
            return False
        # The others of the service's routes cost little, or say errors in other words.
        if scope["method"] == "POST" and scope["path"] in _QUEUED and self._admission.full:
            self._refuse(scope, line, started)
            return True
        for desk in self._desks:
            take = desk.taker(scope)
            if take is not None:
                line.when_whole(partial(_hand_in, take, _Delivery(self, scope, line, started)))
                return True
        return False

    def _refuse(self, scope: Scope, line: Line, started: float) -> None:
        self._admission.count_refusal()
        request_id = self.edge.id_of(scope)
        self.edge.answered(
            scope,
            scope["path"],
            request_id,
            status=FULL.status,
            seconds=perf_counter() - started,
            model=None,
            work=NO_WORK,
        )
        head = b"%bx-request-id: %b\r\n" % (self._refusal_lines, request_id)
        line.send(_TOO_MANY, head, self._refusal)

    def head(self, plan: Plan, seed: int, size: int, request_id: bytes) -> bytes:
        """The lines of an answer's head."""
        return b"%bglyphvae-seed: %d\r\ncontent-length: %d\r\n%bx-request-id: %b\r\n" % (
            plan.lines,
            seed,
            size,
            self._last,
            request_id,
        )


def _hand_in(take: Taker, delivery: "_Delivery", content: bytes) -> None:
    if delivery.has_left():
        delivery.express.edge.count_gone()
    elif not take(content, delivery):
        delivery.start_over()


@dataclass(slots=True)
class _Visit:
    """One request on its way; a `Receiver` of `HotPath`."""

    express: Express
    scope: Scope
    line: Line
    started: float

    def has_left(self) -> bool:
        return self.line.has_left()

    def send(self, plan: Plan, content: bytes, seed: int, batch: int) -> None:
        edge = self.express.edge
        request_id = edge.id_of(self.scope)
        seconds = perf_counter() - self.started
        work = Work(1 if batch else 0, batch)
        edge.answered(self.scope, PATH, request_id, status=200, seconds=seconds, model=plan.title, work=work)
        # The last step: where the next request has arrived already, it is begun before this returns.
        self.line.send(_OK, self.express.head(plan, seed, len(content), request_id), content)

    def fail(self, _: Exception) -> None:
        self.line.start_over()


@dataclass(slots=True)
class _Delivery:
    """One request with a body on its way; a `Customer` of a desk."""

    express: Express
    scope: Scope
    line: Line
    started: float

    def has_left(self) -> bool:
        return self.line.has_left()

    def send(self, answer: Answer) -> None:
        edge, path = self.express.edge, self.scope["path"]
        request_id = edge.id_of(self.scope)
        seconds = perf_counter() - self.started
        model = answer.model.encode()
        edge.answered(self.scope, path, request_id, status=200, seconds=seconds, model=model, work=answer.work)
        own = "".join([f"{name.lower()}: {value}\r\n" for name, value in answer.headers.items()])
        head = f"{own}content-length: {len(answer.content)}\r\ncontent-type: {answer.media}\r\n".encode()
        last = self.express.last_lines[path]
        self.line.send(_OK, b"%b%bx-request-id: %b\r\n" % (head, last, request_id), answer.content)

    def start_over(self) -> None:
        self.line.start_over()
