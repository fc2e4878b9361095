from pathlib import Path

import pytest

from benchmarks.__main__ import ALL, PARTS, main, parser
from benchmarks.server import Subject


def test_every_part_is_a_command_with_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for part in (*PARTS, "all", "page"):
        assert f" {part} " in text
    options = parser().parse_args(["compare", "--parent", "somewhere", "--rounds", "7"])
    assert (options.parent, options.rounds, options.seconds) == (Path("somewhere"), 7, 2)
    assert parser().parse_args(["dataset", "--formats", "npz,idx"]).formats == ("npz", "idx")
    assert set(ALL) <= set(PARTS)
    for part in ("pictures", "pairs", "doubt", "http"):
        assert parser().parse_args([part]).command == part


def test_a_setting_may_be_called_part(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="benchmarks: characters are of the parts validation and test, not sealed"):
        main(["doubt", "--part", "sealed", "--out", str(tmp_path)])


@pytest.mark.parametrize("part", ["http", "arrivals", "growth", "guarded"])
def test_without_wrk_a_part_says_so_in_one_line(
    part: str, subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="benchmarks: wrk is not installed"):
        main([part, "--models", str(subject.models), "--out", str(tmp_path)])
    assert list(tmp_path.iterdir()) == []


def test_the_page_is_written_from_the_results_there_are(tmp_path: Path) -> None:
    main(["page", "--out", str(tmp_path), "--docs", str(tmp_path)])
    assert (tmp_path / "benchmarks.md").read_text(encoding="utf-8").startswith("# Benchmarks")
