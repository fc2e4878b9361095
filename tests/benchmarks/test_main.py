import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app, main
from benchmarks.results import PARTS


def test_every_part_is_a_command() -> None:
    text = CliRunner().invoke(app, ["--help"]).output
    for part in (*PARTS, "all", "page"):
        assert f" {part} " in text


@pytest.mark.parametrize("part", ["http", "arrivals", "growth"])
def test_without_wrk_a_part_says_so_in_one_line(
    part: str, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", part, "--models", str(models), "--out", str(tmp_path)])
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="benchmarks: wrk is not installed"):
        main()
    assert list(tmp_path.iterdir()) == []


def test_the_page_is_written_from_the_results_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "page", "--out", str(tmp_path), "--docs", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    assert (tmp_path / "benchmarks.md").read_text(encoding="utf-8").startswith("# Benchmarks")
