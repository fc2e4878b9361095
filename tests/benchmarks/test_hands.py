from pathlib import Path

import pytest

from benchmarks import hands
from benchmarks.processes import BenchmarkError
from benchmarks.server import ROOT, Subject
from glyphvae_training.data.font_families import FONTS
from tests.training.commands.test_bars import boxes
from tests.training.data.tiny_font import font_bytes

SUBJECT = Subject(ROOT / "exported")


def test_a_part_that_is_trained_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="validation and test, not train"):
        hands.measure(SUBJECT, tmp_path, fonts="train")


def test_the_service_is_asked_for_hands_of_fonts_and_writes_in_them(tmp_path: Path) -> None:
    for number, name in enumerate(name for part in FONTS.values() for name in part):
        (tmp_path / f"{name}.woff2").write_bytes(font_bytes(boxes(60 + 10 * (number % 5))))
    rows = hands.measure(SUBJECT, tmp_path, tries=1)
    assert [(row["given"], row["fonts"], row["part"]) for row in rows] == [
        (given, 8, "validation") for given in (1, 3, 5, 10)
    ]
    assert all(0 <= row[name]["value"] <= 1 for row in rows for name in ("nearest", "relative"))
