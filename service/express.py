"""The shortest way to one glyph: requests that `HotPath` can answer, answered by the connection they came on.

ASGI wants a task, an event and several awaited messages for each request, which cost as much as the glyph. A connection
of this service's own server asks here first; whatever is not the plainest case, or goes wrong, takes the way through
ASGI as if nothing had been tried. Limits, ids, headers, counts, log and glyphs are those of `Edge` and `HotPath`,
which do the work here too.
"""

from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from starlette.types import Scope

from service.access_log import Work
from service.edge import Edge, lines
from service.errors import Problem
from service.hot_path import PATH, HotPath, Plan


class Line(Protocol):
    """The connection that a request came on."""

    def has_left(self) -> bool:
        """Whether its client has gone."""

    def send(self, head: bytes, content: bytes) -> None:
        """Send the answer: the lines of its head, each with its end, after those the server adds, and its content."""

    def start_over(self) -> None:
        """Have the request answered through ASGI."""


class Express:
    """Answers requests without a task.

    Args:
        edge: What stands in front of `hot_path`, with nothing between them that such a request meets.
        hot_path: Makes the answers.
    """

    def __init__(self, edge: Edge, hot_path: HotPath) -> None:
        self.edge = edge
        self._hot_path = hot_path
        self._last = lines([(b"content-type", b"image/png"), *edge.headers_of(PATH)])

    def begin(self, scope: Scope, line: Line) -> bool:
        """Answer a request, now or on the event loop's next turn; False where it has to go through ASGI."""
        if scope["path"] != PATH:
            return False
        try:
            self.edge.check_head(scope)
            return self._hot_path.begin(scope, _Visit(self, scope, line, perf_counter()))
        except Problem:
            return False

    def head(self, plan: Plan, seed: int, size: int, request_id: bytes) -> bytes:
        """The lines of an answer's head."""
        return b"%bglyphvae-seed: %d\r\ncontent-length: %d\r\n%bx-request-id: %b\r\n" % (
            plan.lines,
            seed,
            size,
            self._last,
            request_id,
        )


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
        # The last step: where the next request has arrived already, it is answered before this returns.
        self.line.send(self.express.head(plan, seed, len(content), request_id), content)

    def fail(self, _: Exception) -> None:
        self.line.start_over()
