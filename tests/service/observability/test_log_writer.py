"""A log that nobody reads."""

import logging
import os
from collections.abc import Iterator

import pytest

from glyphvae.observability import log_writer
from glyphvae.observability.log_writer import MAX_WAITING, LogHandler, LogWriter

LINE = "x" * 1023 + "\n"
# The pipe, the queue, and what the thread writes just now.
ROOM = (1 << 16) + MAX_WAITING


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def test_a_pipe_that_nobody_reads_costs_lines_and_no_time(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "LAST_LINES", 0.01)
    reader, end = pipe
    with os.fdopen(end, "w", encoding="utf-8") as stream:
        writer = LogWriter(stream)
        count = 2 * ROOM // len(LINE)
        for _ in range(count):
            writer.write(LINE)
        writer.flush()  # it does not wait for ever either
        kept = count - writer.dropped
        assert MAX_WAITING <= kept * len(LINE) <= ROOM
        received = 0
        while received < kept * len(LINE):
            received += len(os.read(reader, 1 << 16))
        monkeypatch.setattr(log_writer, "LAST_LINES", 60)
        writer.flush()
        writer.write("the next line\n")
        assert os.read(reader, 1 << 16) == b"the next line\n"
        assert writer.dropped == count - kept


def test_a_reader_that_has_gone_costs_lines(pipe: tuple[int, int]) -> None:
    reader, end = pipe
    os.close(reader)
    with os.fdopen(end, "w", encoding="utf-8") as stream:
        writer = LogWriter(stream)
        for _ in range(3):
            writer.write("one\ntwo\n", 2)
        writer.flush()
        assert writer.dropped == 6


def test_records_are_lines(capfd: pytest.CaptureFixture[str]) -> None:
    handler = LogHandler()
    handler.emit(logging.LogRecord("glyphvae", logging.INFO, "", 0, "%s €", ("it costs",), None))
    handler.flush()
    assert capfd.readouterr().err == "it costs €\n"
