import json
from pathlib import Path

import pytest

from benchmarks import dataset
from tests.known_model import write_model


def test_a_format_is_measured_both_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "exported").mkdir()
    write_model(tmp_path / "exported", "cvae-hq")
    dataset.main(200, 100, "idx", tmp_path / "exported", tmp_path)
    figures = json.loads((tmp_path / "dataset.json").read_text(encoding="utf-8"))["figures"]
    assert [(row["from"], row["format"]) for row in figures] == 2 * [("command", "idx"), ("service", "idx")]
    for row in figures:
        assert row["glyphs_per_second"] == pytest.approx(row["count"] / row["seconds"], rel=0.01)
        assert row["peak_bytes"] > 10_000_000
    assert figures[2]["bytes"] == figures[3]["bytes"] > 200 * 784
    assert capsys.readouterr().out.count("glyphs a second") == len(figures)


def test_a_command_that_fails_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="exits with 1"):
        dataset.command("npz", 0, tmp_path, tmp_path)
