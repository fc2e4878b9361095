from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import pages
from benchmarks.handwriting import Rng
from benchmarks.processes import BenchmarkError
from benchmarks.scenes import KINDS
from benchmarks.server import ROOT, Subject
from glyphvae_training.data.font_families import VALIDATION
from tests.training.commands.test_bars import boxes
from tests.training.data.tiny_font import font_bytes

SUBJECT = Subject(ROOT / "exported")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write fonts of boxes beside the sample of characters."""
    folder = tmp_path_factory.mktemp("data")
    for name in VALIDATION:
        (folder / f"{name}.woff2").write_bytes(font_bytes(boxes(70)))
    for part in ("mnist", "emnist"):
        (folder / part).symlink_to(ROOT / "tests" / "data" / part)
    return folder


@pytest.fixture(scope="module")
def composed(data: Path) -> pages.Block:
    return block(data, np.random.default_rng(3))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages have half of their sides."""
    monkeypatch.setattr(pages, "_LARGER", pages._LARGER / 2)
    monkeypatch.setattr(pages, "_LEAST_SIDES", tuple(side // 2 for side in pages._LEAST_SIDES))
    monkeypatch.setattr(pages, "LEAST_CAP", pages.LEAST_CAP // 2)


def block(data: Path, rng: Rng) -> pages.Block:
    disc = np.zeros((28, 28), np.uint8)
    disc[6:22, 8:20] = 255
    characters = [chr(code) for start, end in ("09", "AZ", "az") for code in range(ord(start), ord(end) + 1)]
    images = dict.fromkeys(characters, disc[None])
    return pages.compose(rng, images, pages.Font(data / f"{VALIDATION[0]}.woff2"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "12 MP with a line"])
@pytest.mark.usefixtures("small")
def test_a_kind_makes_a_page(composed: pages.Block, kind: str) -> None:
    def drawn() -> tuple[bytes, list[pages.Box]]:
        return pages.draw(kind, np.random.default_rng(3), replace(composed, drawings=[]), held_out=True)

    content, found = drawn()
    assert drawn() == (content, found)
    assert all(left < right and top < bottom for left, top, right, bottom in found)


def test_a_block_is_composed_anew(data: Path, composed: pages.Block) -> None:
    again = block(data, np.random.default_rng(3))
    assert again.text == composed.text
    assert np.array_equal(again.drawn(400, 1), replace(composed, drawings=[]).drawn(400, 1))


def test_characters_are_where_their_boxes_are(data: Path) -> None:
    rng = np.random.default_rng(0)
    page = block(data, rng)
    drawn = page.drawn(400, 1, 10)
    for left, top, right, bottom in page.boxes(np.eye(3)):
        part = drawn[round(top) : round(bottom), round(left) : round(right)]
        assert part.max() > 0.9
        assert max(part[0].max(), part[:, 0].max()) > 0.2


@pytest.mark.parametrize(("text", "other", "count"), [("", "abc", 3), ("abc", "abc", 0), ("axcd", "abc", 2)])
def test_edits_are_counted(text: str, other: str, count: int) -> None:
    assert pages.edits(text, other) == pages.edits(other, text) == count


def test_look_alikes_are_merged() -> None:
    assert pages.merged("cOol A") == pages.merged("C0O1 A")


@pytest.mark.parametrize(
    ("setting", "says"), [({"split": "all"}, "tuning and held-out"), ({"kinds": ("x",)}, "no kind x"), ({}, "no fonts")]
)
def test_what_there_is_not_is_refused(setting: dict[str, str], says: str, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=says):
        pages.measure(SUBJECT, tmp_path, **setting)  # type: ignore[arg-type] # settings of any type
