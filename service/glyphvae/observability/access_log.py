"""The access log: a line for each request and its response, without what was sent.

Lines are written together, a fraction of a second later, because a write costs more than a glyph. That needs a server
that says when it ends; an application mounted in another one is told neither start nor end, and writes each at once.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TextIO

import orjson

from glyphvae.observability.log_writer import STDERR, LogWriter

if TYPE_CHECKING:
    from glyphvae.observability.tracing import RecordedSpan

LogFormat = Literal["json", "text"]

FLUSH_SECONDS = 0.2
# About a pipe's buffer.
FLUSH_LINES = 256


class Work:
    """The work that models have done for one request.

    Attributes:
        rows: Glyphs that they read or wrote for it; 0 where none did, and for a single glyph without seed and latents,
            which is drawn ahead with others.
        batch: The most glyphs, its own and those of others, that a model took at a time meanwhile.
        span: The request's span, None where it is not recorded.
        submitted: When it was queued, by `perf_counter`; 0 before.
        queue_seconds: How long its calls waited for their batches.
        model_seconds: How long models ran for its batches.
    """

    rows = 0
    batch = 0
    submitted = 0.0
    queue_seconds = 0.0
    model_seconds = 0.0
    span: "RecordedSpan | None" = None


class JsonFormatter(logging.Formatter):
    """Formatter of other log records, in the shape of this log's lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a JSON object; a traceback is one of its strings."""
        facts = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            facts["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(facts).decode()


@dataclass(slots=True)
class Entry:
    """An answered request.

    Attributes:
        id: Of the request, as its answer states it.
        route: The path's template; `other` for unknown paths.
        method: As sent; a method is letters and nothing else.
        status: Of the answer.
        seconds: From the request's head to the end of the answer.
        model: Name and version of the model, None where none answered.
        key: Name of the key that was shown, None where none was.
        work: What models did for it.
        client: Address of the client, or of the proxy in front; None where the server does not know it.
        trace: Id of its trace, None where it is part of none.
    """

    id: str
    route: str
    method: str
    status: int
    seconds: float
    model: str | None
    key: str | None
    work: Work
    client: str | None = None
    trace: str | None = None


class AccessLog:
    """Collects lines and writes them.

    Args:
        style: `json`, or `text` for people.
        stream: Where to; standard error by default.

    Attributes:
        collects: Whether lines may wait for others, because `flush` is called at the end.
    """

    def __init__(self, style: LogFormat, stream: TextIO | None = None) -> None:
        self._line = _json if style == "json" else _text
        self._writer = LogWriter(stream) if stream else STDERR
        self._lines: list[str] = []
        self.collects = False

    def write(self, entry: Entry) -> None:
        """Add a line; called in the event loop."""
        self._lines.append(self._line(entry))
        if len(self._lines) >= FLUSH_LINES or not self.collects:
            self.flush()
        elif len(self._lines) == 1:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Have the lines written that are there."""
        if self._lines:
            lines, self._lines = self._lines, []
            self._writer.write("".join(lines), len(lines))


def _json(entry: Entry) -> str:
    facts = {
        "time": _now(),
        "level": "info",
        "logger": "glyphvae.access",
        "id": entry.id,
        "route": entry.route,
        "method": entry.method,
        "status": entry.status,
        "ms": round(entry.seconds * 1000, 3),
        "model": entry.model,
        "key": entry.key,
        "rows": entry.work.rows,
        "batch": entry.work.batch,
        "client": entry.client,
        "trace": entry.trace,
    }
    return orjson.dumps(facts).decode() + "\n"


def _text(entry: Entry) -> str:
    rows = f"{entry.work.rows} rows in {entry.work.batch}" if entry.work.rows else None
    trace = f"trace {entry.trace}" if entry.trace else None
    end = "".join(f" {fact}" for fact in (entry.model, rows, entry.key, entry.client, trace) if fact)
    return f"{_now()} {entry.id} {entry.method} {entry.route} {entry.status} {entry.seconds * 1000:.3f} ms{end}\n"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
