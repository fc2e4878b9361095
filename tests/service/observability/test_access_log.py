import asyncio
import io
import json
import logging
import re

import pytest

from glyphvae.observability.access_log import FLUSH_LINES, AccessLog, Entry, JsonFormatter, Work

WORK = Work()
WORK.rows, WORK.batch = 3, 32
TRACE = "0af7651916cd43dd8448eb211c80319c"
ENTRY = Entry("7-1", "/generate", "POST", 200, 0.0012345, "cvae/1", None, WORK, "192.0.2.1", TRACE)


def log(style: str, *entries: Entry) -> str:
    stream = io.StringIO()
    access = AccessLog(style, stream)  # type: ignore[arg-type]
    for entry in entries:
        access.write(entry)
    access.flush()
    return stream.getvalue()


async def test_json_has_every_fact() -> None:
    fact = json.loads(log("json", ENTRY))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", fact.pop("time"))
    assert fact == {
        "level": "info",
        "logger": "glyphvae.access",
        "id": "7-1",
        "route": "/generate",
        "method": "POST",
        "status": 200,
        "ms": 1.234,
        "model": "cvae/1",
        "key": None,
        "rows": 3,
        "batch": 32,
        "client": "192.0.2.1",
        "trace": TRACE,
    }


async def test_text_has_them_too() -> None:
    with_model, without = log("text", ENTRY, Entry("7-2", "other", "GET", 404, 0.5, None, "ci", Work())).splitlines()
    assert with_model.endswith(f" 7-1 POST /generate 200 1.234 ms cvae/1 3 rows in 32 192.0.2.1 trace {TRACE}")
    assert without.endswith(" 7-2 GET other 404 500.000 ms ci")


async def test_lines_are_written_together() -> None:
    stream = io.StringIO()
    access = AccessLog("text", stream)
    access.collects = True
    for _ in range(FLUSH_LINES - 1):
        access.write(ENTRY)
    assert not stream.getvalue()
    access.write(ENTRY)
    assert stream.getvalue().count("\n") == FLUSH_LINES
    access.flush()
    assert stream.getvalue().count("\n") == FLUSH_LINES


async def test_a_full_disk_costs_lines_and_no_answer() -> None:
    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError("no space left on device")

    access = AccessLog("text", Full())
    for _ in range(FLUSH_LINES + 1):
        access.write(ENTRY)
    access.flush()


async def test_a_lonely_line_does_not_wait_for_another(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glyphvae.observability.access_log.FLUSH_SECONDS", 0)
    access = AccessLog("text")
    access.collects = True
    access.write(ENTRY)
    assert not capsys.readouterr().err
    await asyncio.sleep(0.01)
    assert capsys.readouterr().err.endswith(f"cvae/1 3 rows in 32 192.0.2.1 trace {TRACE}\n")


def test_where_nothing_tells_the_end_no_line_waits() -> None:
    stream = io.StringIO()
    AccessLog("text", stream).write(ENTRY)
    assert stream.getvalue().endswith(f"cvae/1 3 rows in 32 192.0.2.1 trace {TRACE}\n")


def test_the_rest_of_the_log_has_the_same_shape() -> None:
    with pytest.raises(ValueError, match="base 10") as caught:
        int("a reason")
    error = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("glyphvae", logging.ERROR, "", 0, "%s failed", ("it",), error)
    facts = json.loads(JsonFormatter().format(record))
    assert (facts["level"], facts["logger"], facts["message"]) == ("error", "glyphvae", "it failed")
    assert facts["traceback"].endswith("with base 10: 'a reason'")
    record.exc_info = None
    assert "traceback" not in json.loads(JsonFormatter().format(record))
