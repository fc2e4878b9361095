import numpy as np
import pytest

from glyphvae.text.marks import carriers, offsets, with_marks
from glyphvae.text.pen_metrics import TOP, measure, sizes
from glyphvae.text.symbols import fold, is_above
from glyphvae.vectors.strokes import Strokes
from tests.service.text.pen import ACUTE, CEDILLA, joined, stroke

LABELS = ("e", "l", "g", ACUTE, CEDILLA)
# Ink from 10 to 16, at 14 and 20 above the baseline and 6 below it; marks 2 wide, at 17 above and 3 below.
GLYPHS = {
    "e": stroke(11, 11, 15, 23),
    "l": stroke(11, 5, 15, 23),
    "g": stroke(11, 11, 15, 29),
    ACUTE: stroke(14, 6, 14, 8),
    CEDILLA: stroke(14, 24, 14, 26),
}


def placed(text: str, x_height: float = 14, slant: float = 0) -> list[tuple[float, float]]:
    """Return how far each glyph of a text is from the cell of its letter."""
    script = fold(text, LABELS)
    strokes = joined(*(GLYPHS[character] for character in text if character in GLYPHS))
    above = np.array([is_above(LABELS[label]) for label in script.labels])
    slants = np.full(len(above), slant)
    found = offsets(measure(strokes), sizes(strokes), carriers(script, LABELS), above, x_height, slants)
    return [(float(x), float(y)) for x, y in found]


@pytest.mark.parametrize(
    ("text", "indices"),
    [
        ("el", [0, 1]),
        (f"e{ACUTE}l", [0, 0, 2]),
        (f"le{ACUTE}{CEDILLA}", [0, 1, 1, 1]),
        (f"{ACUTE}e", [0, 1]),
        (f"e {ACUTE}", [0, 1]),
        (f"e\n{ACUTE}{ACUTE}", [0, 1, 1]),
        (" ", []),
    ],
)
def test_a_mark_belongs_to_the_glyph_right_before_it(text: str, indices: list[int]) -> None:
    assert carriers(fold(text, LABELS), LABELS).tolist() == indices


def test_a_mark_does_not_belong_to_a_blank() -> None:
    assert carriers(fold(f"e?{ACUTE}", LABELS, "blank"), LABELS).tolist() == [0, 1]


def test_a_mark_is_as_high_as_it_is_drawn_over_a_small_letter() -> None:
    assert placed(f"e{ACUTE}") == [(0, 0), pytest.approx((13 - 14, 0), abs=1e-4)]


def test_a_mark_is_raised_with_the_letter() -> None:
    assert placed(f"l{ACUTE}")[1] == pytest.approx((-1, -6))
    assert placed(f"e{ACUTE}", x_height=12)[1] == pytest.approx((-1, -2))


def test_marks_above_each_other_are_as_far_apart_as_one_from_its_letter() -> None:
    # The first one's ink reaches 19 above the baseline, 5 above the x-height.
    assert [down for _, down in placed(f"e{ACUTE}{ACUTE}{ACUTE}")] == pytest.approx([0, 0, -5, -10], abs=1e-4)


def test_a_mark_leans_with_the_hand() -> None:
    # Over e it is as it was drawn. The middle of l is 3 higher than that of e, and its mark 6 higher.
    assert placed(f"e{ACUTE}", slant=0.2)[1] == pytest.approx((-1, 0), abs=1e-4)
    assert placed(f"l{ACUTE}", slant=0.2)[1] == pytest.approx((-1 + 0.2 * (6 - 3), -6))
    assert placed(f"l{ACUTE}{ACUTE}", slant=0.2)[2] == pytest.approx((-1 + 0.2 * (11 - 3), -11))
    # The middle of g is 3 lower, and what hangs from it 6 lower.
    assert placed(f"g{CEDILLA}", slant=0.2)[1] == pytest.approx((-1 - 0.2 * (6 - 3), 6))


def test_a_mark_below_hangs_from_the_end_of_the_letter() -> None:
    assert placed(f"e{CEDILLA}")[1] == pytest.approx((-1, 0), abs=1e-4)
    assert placed(f"g{CEDILLA}{CEDILLA}") == [(0, 0), pytest.approx((-1, 6)), pytest.approx((-1, 9))]


def test_marks_on_both_sides_do_not_move_each_other() -> None:
    assert [down for _, down in placed(f"l{CEDILLA}{ACUTE}")] == pytest.approx([0, 0, -6], abs=1e-4)


def test_the_middle_is_that_of_cells_of_any_size() -> None:
    script = fold(f"e{ACUTE}", LABELS)
    strokes: Strokes = joined(GLYPHS["e"], stroke(14, 6, 14, 8, size=0.5))
    found = offsets(
        measure(strokes), sizes(strokes), carriers(script, LABELS), np.array([False, True]), 14, np.zeros(2)
    )
    assert found[1, 0] == pytest.approx(13 - 7)


def test_a_letter_is_measured_with_its_marks() -> None:
    wide = stroke(4, 7, 24, 7)
    ink = measure(joined(GLYPHS["l"], wide, GLYPHS["e"]))
    carrier, offset = np.array([0, 0, 2]), np.array([[-1.0, -6.0], [-1.0, -6.0], [0.0, 0.0]]) * [[0], [1], [0]]
    both = with_marks(ink, carrier, offset)
    assert both.boxes[0] == pytest.approx([2, -24, 24, 0])
    for name in ("boxes", "left", "right", "bearings"):
        assert np.array_equal(getattr(both, name)[1:], getattr(ink, name)[1:])
    row = -23 - TOP
    assert (both.left[0, row], both.right[0, row]) == (pytest.approx(3, abs=1), pytest.approx(23, abs=1))
    assert np.array_equal(both.left[0, -20 - TOP :], ink.left[0, -20 - TOP :])


def test_without_marks_letters_are_measured_as_they_are() -> None:
    ink = measure(joined(GLYPHS["e"], GLYPHS["l"]))
    assert with_marks(ink, np.array([0, 1]), np.zeros((2, 2))) is ink


def test_a_mark_far_off_the_line_is_beside_nothing() -> None:
    ink = measure(joined(GLYPHS["e"], GLYPHS[ACUTE]))
    both = with_marks(ink, np.array([0, 0]), np.array([[0.0, 0.0], [0.0, -500.0]]))
    assert both.boxes[0, 1] == pytest.approx(-519)
    assert np.array_equal(both.left, ink.left)
