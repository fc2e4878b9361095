import pytest

from glyphvae_training import progress
from glyphvae_training.progress import progress_bar, progress_bars


def test_a_terminal_gets_a_bar_for_each_stage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_bars() as show:
        show("reading", 1, 2)
        show("training", 0, 8)
        show("training", 8, 8)
    shown = capsys.readouterr().err
    assert "reading" in shown
    assert "100 %" in shown
    assert "left:" in shown


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("training") as show:
        for done in range(100):
            show(done, 100)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", -1e9)
        show(100, 100)
        assert capsys.readouterr().err.startswith("training: 100 %")
        show(50, 100)
        assert capsys.readouterr().err.startswith("training: 50 %")
