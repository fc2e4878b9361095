from pathlib import Path

import numpy as np
import pytest

from glyphvae.imaging.written_page import WrittenPage, find_page
from glyphvae.models.page_reading import PageReading, glyphs_under, read_characters
from glyphvae.models.registry import Model, load_registry
from glyphvae.scheduling.steps import run_now
from tests.known_model import classifier, write_model
from tests.service.imaging.scenes import paper, print_lines
from tests.service.processes import ROOT
from tests.service.support import context_of


@pytest.fixture(scope="module")
def pen() -> Model:
    """Return the shipped model, which has small letters and marks."""
    return context_of(ROOT / "exported").registry.get("pen")


def sheet_of(text: str, width: int = 900) -> WrittenPage:
    return find_page(print_lines(paper(330, width), text), 1, 200)


def labels_of(model: Model, kind: str = "") -> list[int]:
    names = model.manifest.labels
    return [index for index, name in enumerate(names) if name.isascii() and (not kind or getattr(name, kind)())]


def text_of(reading: PageReading, model: Model) -> str:
    """Return the lines of a reading."""
    text = ""
    for index, label in enumerate(reading.labels):
        if index:
            text += "\n" if reading.lines[index] != reading.lines[index - 1] else " " * int(reading.starts[index])
        text += model.manifest.labels[label]
    return text


@pytest.mark.parametrize("text", ["HELLO World\nabc xyz 123", "THE quick\nbrown FOX", "Hi, you; a.b - c: it's"])
def test_printed_text_is_read(pen: Model, text: str) -> None:
    reading = run_now(read_characters(pen, sheet_of(text), labels_of(pen)))
    assert text_of(reading, pen) == text
    assert reading.posterior.sum(axis=1) == pytest.approx(1)
    assert not reading.joined.any()
    assert reading.percentiles is not None
    assert all(0 <= percentile <= 100 for percentile in reading.percentiles)


def test_only_possible_labels_are_read(pen: Model) -> None:
    reading = run_now(read_characters(pen, sheet_of("lOS 215"), labels_of(pen, "isdigit")))
    assert text_of(reading, pen) == "105 215"


def test_marks_alone_are_read_at_their_size(pen: Model) -> None:
    marks = [pen.manifest.labels.index(name) for name in ",'.-"]
    reading = run_now(read_characters(pen, sheet_of("a-b"), marks))
    assert pen.manifest.labels[reading.labels[1]] == "-"


def test_a_wide_piece_looks_joined(pen: Model) -> None:
    picture = print_lines(paper(200, 500), "AB  AB", gap=8)
    picture[70:76, 225:330] = 30
    reading = run_now(read_characters(pen, find_page(picture, 1, 100), labels_of(pen)))
    assert reading.joined.tolist() == [False, False, True]


def test_glyphs_are_those_of_their_labels(pen: Model) -> None:
    """A comma keeps its size, and letters do not."""
    sheet, names = sheet_of("AB,"), pen.manifest.labels
    labels = np.array([names.index(name) for name in "AB,"])
    glyphs = run_now(glyphs_under(pen, sheet, labels))
    reading = run_now(read_characters(pen, sheet, labels_of(pen)))
    assert np.array_equal(glyphs, reading.glyphs)
    heights = np.count_nonzero(glyphs.max(axis=2) > 40, axis=1)
    assert heights[0] == heights[1] == pytest.approx(20, abs=1)
    assert heights[2] < 12
    letters = run_now(glyphs_under(pen, sheet, labels[[0, 1, 0]]))
    assert np.count_nonzero(letters[2].max(axis=1) > 40) == pytest.approx(20, abs=1)


@pytest.mark.parametrize("files", [{}, {"classifier": classifier()}])
def test_a_model_without_percentiles_reads_too(tmp_path: Path, files: dict[str, bytes]) -> None:
    write_model(tmp_path, "cvae", files=files)
    registry = load_registry(context_of(tmp_path).settings)
    reading = run_now(read_characters(registry.get("cvae"), sheet_of("AB"), range(36)))
    assert len(reading.labels) == 2
    assert reading.percentiles is None
