from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import handwriting, pictures
from benchmarks.processes import BenchmarkError
from benchmarks.scenes import KINDS, Scene
from benchmarks.server import ROOT, Subject

SUBJECT = Subject(ROOT / "exported")


@pytest.mark.parametrize("character", list("0123456789"))
def test_digits_are_drawn_by_polylines(character: str) -> None:
    glyph = handwriting.polylines(np.random.default_rng(1), character)
    drawn = glyph.drawn(100, 8)
    assert 90 <= drawn.shape[0] <= 120
    assert drawn.max() == 1


def test_real_digits_are_enlarged() -> None:
    draw = handwriting.mnist(ROOT / "tests" / "data" / "mnist", "t10k")
    glyph = draw(np.random.default_rng(0), "3")
    assert glyph.drawn(300, 0, angle=25, stroke=2).shape[0] > 250


@pytest.mark.parametrize("is_held_out", [False, True])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "12 MP with a line"])
def test_a_kind_makes_a_picture(kind: str, is_held_out: bool) -> None:
    def drawn() -> bytes:
        rng = np.random.default_rng(4)
        return KINDS[kind](Scene(rng, handwriting.polylines(rng, "2"), is_held_out))

    content = drawn()
    assert Image.open(BytesIO(content)).width >= 28
    assert drawn() == content


@pytest.mark.parametrize(
    ("setting", "says"), [({"split": "all"}, "tuning and held-out"), ({"kinds": ("x",)}, "no kind x")]
)
def test_what_there_is_not_is_refused(setting: dict[str, str], says: str, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=says):
        pictures.measure(SUBJECT, tmp_path, **setting)  # type: ignore[arg-type] # settings of any type


def test_the_service_reads_pictures() -> None:
    figures = pictures.measure(SUBJECT, each=4, kinds=("black on white", "ruled paper"))
    assert [row["kind"] for row in figures["kinds"]] == ["black on white", "ruled paper"]
    assert figures["mean"] >= 75
