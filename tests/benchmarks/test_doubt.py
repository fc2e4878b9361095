from pathlib import Path

import pytest

from benchmarks import doubt
from benchmarks.processes import BenchmarkError
from benchmarks.server import ROOT, Subject


def test_noise_and_shapes_are_told_from_characters() -> None:
    found = doubt.measure(Subject(ROOT / "exported"), each=10)
    assert found["part"] == "validation"
    rows = {row["kind"]: row for row in found["kinds"]}
    kinds = ["noise", "smooth noise", "shapes", "other scripts", "crops of photographs", "look-alikes of other scripts"]
    assert list(rows) == ["real", *kinds]
    for kind in ("noise", "shapes"):
        assert rows[kind]["reconstruct AUROC"] > 0.85
        assert rows[kind]["encode doubtful"] > rows["real"]["encode doubtful"]


def test_characters_are_of_one_of_two_parts() -> None:
    with pytest.raises(BenchmarkError, match="of the parts validation and test, not train"):
        doubt.measure(Subject(ROOT / "exported"), part="train")


def test_without_fonts_nothing_is_measured(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="has no DejaVu fonts"):
        doubt.measure(Subject(ROOT / "exported"), fonts=tmp_path, each=1)
