from pathlib import Path

import pytest

from benchmarks import dataset
from benchmarks.processes import BenchmarkError
from benchmarks.server import DEFAULT_MODEL, Subject
from tests.known_model import write_model


def test_a_format_is_measured_both_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "exported").mkdir()
    write_model(tmp_path / "exported", DEFAULT_MODEL)
    figures = dataset.measure(Subject(tmp_path / "exported"), 200, 100, ["idx"])
    assert [(row["from"], row["format"]) for row in figures] == 2 * [("command", "idx"), ("service", "idx")]
    for row in figures:
        assert row["glyphs_per_second"] == pytest.approx(row["count"] / row["seconds"], rel=0.01)
        assert row["peak_bytes"] > 10_000_000
    assert figures[2]["bytes"] == figures[3]["bytes"] > 200 * 784
    assert capsys.readouterr().err.count("glyphs") == len(figures)


def test_a_command_that_fails_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="exits with 1"):
        dataset.command(Subject(tmp_path), "npz", 0, tmp_path)
