from pathlib import Path

import pytest

from benchmarks import doubt
from benchmarks.processes import BenchmarkError
from benchmarks.server import ROOT, Subject


def test_noise_and_shapes_are_told_from_characters() -> None:
    rows = {row["kind"]: row for row in doubt.measure(Subject(ROOT / "exported"), each=10)["kinds"]}
    assert list(rows) == ["real", "noise", "smooth noise", "shapes", "other scripts", "crops of photographs"]
    for kind in ("noise", "shapes"):
        assert rows[kind]["reconstruct AUROC"] > 0.85
        assert rows[kind]["encode doubtful"] > rows["real"]["encode doubtful"]


def test_without_fonts_nothing_is_measured(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="has no DejaVu fonts"):
        doubt.measure(Subject(ROOT / "exported"), fonts=tmp_path, each=1)
