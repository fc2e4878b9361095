import os
from pathlib import Path

import numpy as np
import pytest

from glyphvae_training.data.alphabet import ACUTE, ALPHABET, CHARACTERS, INDEX
from glyphvae_training.data.drawn_strokes import DRAWN
from glyphvae_training.data.single_strokes import (
    FROM_READABILITY,
    PEN,
    SEQUENCE,
    Templates,
    cut,
    downwards,
    joined,
    length,
    load_templates,
    parse,
)
from glyphvae_training.errors import DataError, DataMissingError
from glyphvae_training.splines import basis
from tests.training.data.tiny_strokes import PIECES, svg_font, write_fonts

POINTS = basis(8, 64)


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    special = {
        "I": "M 0 0 L 0 600",
        "i": "M -20 580 L 0 600 L 20 580 L 0 560 L -20 580 M 0 0 L 0 400",
        "-": "M 200 300 L 0 300",
        "|": "M 0 900 L 0 -300",
    }
    return load_templates(write_fonts(tmp_path_factory.mktemp("strokes"), special))


def points(templates: Templates, character: str) -> np.ndarray:
    """Points of the strokes that are present, (strokes, 64, 2)."""
    label = INDEX[character]
    return np.asarray(POINTS @ templates.control[label][templates.present[label]])


def test_every_label_has_strokes(templates: Templates) -> None:
    assert templates.control.shape == (len(ALPHABET), 5, 8, 2)
    assert templates.control.dtype == np.float32
    assert templates.present.dtype == bool
    assert templates.present[:, 0].all()
    # The present ones come first.
    assert (np.diff(templates.present.astype(int), axis=1) <= 0).all()


def test_absent_strokes_repeat_the_first(templates: Templates) -> None:
    (index,) = [INDEX["I"]]
    assert templates.present[index].tolist() == [True, False, False, False, False]
    assert (templates.control[index] == templates.control[index, 0]).all()


def test_letters_fill_the_box_with_the_pen(templates: Templates) -> None:
    (stem,) = points(templates, "I")
    # From the top down, though the font draws it upwards.
    np.testing.assert_allclose(stem[[0, -1]], [[14.5, 4.5 + PEN / 2], [14.5, 24.5 - PEN / 2]], atol=1e-3)
    everything = np.concatenate([points(templates, character).reshape(-1, 2) for character in ALPHABET[:CHARACTERS]])
    assert everything.min() >= 0
    assert everything.max() <= 28


def test_marks_stand_on_the_baseline(templates: Templates) -> None:
    (dot,) = points(templates, ".")
    assert 21 < dot[:, 1].min() < dot[:, 1].max() < 24
    assert dot[:, 0].mean() == pytest.approx(14, abs=0.01)
    (dash,) = points(templates, "-")
    # From left to right, at half the cap height.
    np.testing.assert_allclose(dash[:, 1], 24 - PEN / 2 - (20 - PEN) / 2, atol=1e-3)
    assert dash[0, 0] < dash[-1, 0]


def test_a_mark_that_is_larger_than_the_cell_is_reduced(templates: Templates) -> None:
    (bar,) = points(templates, "|")
    np.testing.assert_allclose(bar[[0, -1]], [[14, PEN / 2], [14, 28 - PEN / 2]], atol=1e-3)


def test_marks_of_letters_are_where_a_letter_has_them(templates: Templates) -> None:
    (acute,) = points(templates, ACUTE)
    # Above a small letter of two thirds of the cap height, and over its middle.
    assert acute[:, 1].max() < 24 - 20 * 0.7
    assert abs(acute[:, 0].mean() - 14) < 1


def test_a_dot_is_a_short_stroke_and_comes_last(templates: Templates) -> None:
    stem, dot = points(templates, "i")
    assert length(stem.astype(np.float64)) > 10
    assert 0.2 < length(dot.astype(np.float64)) < 2
    assert dot[:, 1].max() < stem[:, 1].min()


def test_strokes_are_smooth_curves_through_the_font(templates: Templates) -> None:
    bowl = points(templates, "S")
    assert len(bowl) == 2
    np.testing.assert_allclose(bowl[0][-1], bowl[1][0], atol=0.2)


def test_fewer_strokes_join_the_nearest(tmp_path: Path) -> None:
    templates = load_templates(write_fonts(tmp_path, {}), strokes=1, control_points=6)
    assert templates.control.shape == (len(ALPHABET), 1, 6, 2)
    assert templates.present.all()


def test_joined_takes_the_nearest_ends() -> None:
    first, second, third = (
        np.array(points, float) for points in ([[0, 0], [0, 9]], [[5, 5], [6, 6]], [[0, 9.5], [3, 9]])
    )
    strokes = joined([first, second, third], 2)
    assert [stroke.tolist() for stroke in strokes] == [[[0, 0], [0, 9], [0, 9.5], [3, 9]], second.tolist()]
    assert len(joined([first, second, third], 3)) == 3


def test_cut_at_points() -> None:
    stroke = np.array([[0, 0], [0, 4], [0, 6], [0, 10]], float)
    assert [piece[:, 1].tolist() for piece in cut(stroke, (0.45, 0.9))] == [[0, 4], [4, 6], [6, 10]]


@pytest.mark.parametrize(
    ("path", "turned"),
    [
        ("M 0 0 L 0 9", True),
        ("M 0 9 L 0 0", False),
        ("M 9 0 L 0 0", True),
        ("M 0 0 L 9 0", False),
        ("M 9 9 L 0 0", False),
        ("M 9 9 L 5 12 L 0 9", False),
    ],
)
def test_direction_of_writing(path: str, turned: bool) -> None:
    (stroke,) = parse(path)
    np.testing.assert_array_equal(downwards(stroke), stroke[::-1] if turned else stroke)


def test_tables_name_labels() -> None:
    assert set(DRAWN) | set(SEQUENCE) | set(FROM_READABILITY) <= set(ALPHABET)


def test_a_font_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataMissingError, match=r"HersheySans1\.svg"):
        load_templates(tmp_path)


@pytest.mark.parametrize(("content", "message"), [("<svg", "is no SVG font"), ("<svg/>", "has no H")])
def test_a_font_that_is_none(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "HersheySans1.svg").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        load_templates(tmp_path)


def test_a_font_without_a_character(tmp_path: Path) -> None:
    (tmp_path / "HersheySans1.svg").write_text(svg_font({"H": PIECES}), encoding="utf-8")
    (tmp_path / "EMSReadability.svg").write_text(svg_font({"H": PIECES}), encoding="utf-8")
    with pytest.raises(DataError, match="lacks '0'"):
        load_templates(tmp_path)


@pytest.mark.full_data
@pytest.mark.skipif("GLYPHVAE_TEST_DATA" not in os.environ, reason="GLYPHVAE_TEST_DATA does not name the full data")
def test_the_full_templates() -> None:
    templates = load_templates(Path(os.environ["GLYPHVAE_TEST_DATA"]))
    curves = POINTS @ templates.control
    assert curves.min() >= 0
    assert curves.max() <= 28
    strokes = templates.present.sum(1)
    assert "".join(ALPHABET[label] for label in np.flatnonzero(strokes == 5)) == "Æ"
    assert [int(strokes[INDEX[character]]) for character in "Oil8EMg#%"] == [1, 2, 1, 2, 4, 4, 2, 4, 3]
