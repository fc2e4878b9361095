"""One line a request: what was asked for and how it was answered, never what was sent.

Lines are written together, a fraction of a second later, because a write costs more than a glyph.
"""

import asyncio
import logging
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TextIO

import orjson

LogFormat = Literal["json", "text"]

FLUSH_SECONDS = 0.2
# About a pipe's buffer.
FLUSH_LINES = 256


# A list of one number, which the tasks and threads of a request share; None where nothing is logged.
_rows: ContextVar[list[int] | None] = ContextVar("rows", default=None)


def begin_rows() -> list[int]:
    """Count the rows of this request from now on, in the list that is returned."""
    counted = [0]
    _rows.set(counted)
    return counted


def count_rows(count: int) -> None:
    """A model reads or writes so many glyphs for this request."""
    counted = _rows.get()
    if counted is not None:
        counted[0] += count


class JsonFormatter(logging.Formatter):
    """What other parts of the service log, in the shape of this log's lines."""

    def format(self, record: logging.LogRecord) -> str:
        """One object; a traceback is one of its strings."""
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
        rows: How many glyphs a model read or wrote for it; 0 where none did, or one that had been drawn ahead was sent.
    """

    id: str
    route: str
    method: str
    status: int
    seconds: float
    model: str | None
    key: str | None
    rows: int


class AccessLog:
    """Collects lines and writes them.

    Args:
        style: `json`, or `text` for people.
        stream: Where to; standard error by default.
    """

    def __init__(self, style: LogFormat, stream: TextIO | None = None) -> None:
        self._line = _json if style == "json" else _text
        self._stream = stream
        self._lines: list[str] = []

    def write(self, entry: Entry) -> None:
        """Add a line; called in the event loop."""
        self._lines.append(self._line(entry))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        elif len(self._lines) >= FLUSH_LINES:
            self.flush()

    def flush(self) -> None:
        """Write what is there."""
        if self._lines:
            lines, self._lines = self._lines, []
            stream = self._stream or sys.stderr
            stream.write("".join(lines))
            stream.flush()


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
        "rows": entry.rows,
    }
    return orjson.dumps(facts).decode() + "\n"


def _text(entry: Entry) -> str:
    rows = f"{entry.rows} rows" if entry.rows else None
    end = "".join(f" {fact}" for fact in (entry.model, rows, entry.key) if fact)
    return f"{_now()} {entry.id} {entry.method} {entry.route} {entry.status} {entry.seconds * 1000:.3f} ms{end}\n"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
