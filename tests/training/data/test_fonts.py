from dataclasses import replace

import numpy as np
import pytest

from glyphvae_training.data.fonts import CAP, Font, Ink, Variation, parts
from tests.training.data.tiny_font import CAP_HEIGHT, font_bytes

PIXEL = 1.0
PER_UNIT = CAP / CAP_HEIGHT


@pytest.fixture(scope="module")
def font() -> Font:
    return Font("tiny", font_bytes())


def drawn(font: Font, character: str) -> Ink:
    ink = font.draw(character)
    assert ink is not None
    return ink


def extent(ink: Ink) -> tuple[float, float, float, float]:
    """Left, top, right and bottom from the origin, rightwards and upwards."""
    left, top, right, bottom = ink.box()
    return ink.left + left, ink.top - top, ink.left + right, ink.top - bottom


def test_a_capital_has_the_cap_height(font: Font) -> None:
    left, top, right, bottom = extent(drawn(font, "H"))
    assert (top, bottom) == pytest.approx((CAP, 0), abs=PIXEL)
    assert (left, right) == pytest.approx((100 * PER_UNIT, 500 * PER_UNIT), abs=PIXEL)


def test_without_an_h_the_cap_height_is_that_of_most_fonts() -> None:
    font = Font("cyrillic", font_bytes({"Ж": (600, [(100, 0, 500, 700)])}))
    assert extent(drawn(font, "Ж"))[1] == pytest.approx(CAP, abs=PIXEL)
    assert font.characters == ["Ж"]


def test_bearings_are_in_cap_heights(font: Font) -> None:
    assert drawn(font, "H").bearings == pytest.approx((100 / CAP_HEIGHT, 100 / CAP_HEIGHT), abs=1 / CAP)
    assert drawn(font, "l").bearings == pytest.approx((50 / CAP_HEIGHT, 50 / CAP_HEIGHT), abs=1 / CAP)


def test_the_baseline_is_where_letters_stand() -> None:
    boxes = {"H": (600, [(100, 300, 500, 1000)]), "n": (400, [(50, 250, 350, 600)]), "l": (200, [(50, 200, 150, 1000)])}
    raised = Font("raised", font_bytes(boxes))
    # By 250 units: the lesser of what capitals and small letters are off by.
    assert extent(drawn(raised, "n"))[3] == pytest.approx(0, abs=PIXEL)
    assert extent(drawn(raised, "H"))[1::2] == pytest.approx((CAP + 50 * PER_UNIT, 50 * PER_UNIT), abs=PIXEL)
    assert extent(drawn(raised, "l"))[3] == pytest.approx(-50 * PER_UNIT, abs=PIXEL)


def test_capitals_alone_do_not_move_the_baseline() -> None:
    boxes = {"H": (600, [(100, -100, 500, 600)]), "n": (400, [(50, 0, 350, 350)])}
    assert extent(drawn(Font("swashes", font_bytes(boxes)), "H"))[3] == pytest.approx(-100 * PER_UNIT, abs=PIXEL)


@pytest.mark.parametrize("character", ["Z", "?"])
def test_characters_that_are_missing_or_empty(font: Font, character: str) -> None:
    assert font.draw(character) is None


def test_pieces_above_keep_their_place(font: Font) -> None:
    mark = drawn(font, "é").above(400 * PER_UNIT)
    assert mark is not None
    assert extent(mark) == pytest.approx([each * PER_UNIT for each in (200, 600, 300, 450)], abs=PIXEL)
    # The middle of the mark decides.
    assert drawn(font, "é").above(520 * PER_UNIT) is not None
    assert drawn(font, "é").above(530 * PER_UNIT) is None


def test_ink_below_keeps_its_place(font: Font) -> None:
    mark = drawn(font, "ç").below(-100 * PER_UNIT)
    assert mark is not None
    assert extent(mark) == pytest.approx([each * PER_UNIT for each in (100, -100, 200, -150)], abs=PIXEL)
    assert drawn(font, "c").below(0) is None


def test_the_width_of_strokes(font: Font) -> None:
    assert drawn(font, "l").stroke == pytest.approx(100 / CAP_HEIGHT, rel=0.1)


def test_a_slant_leans_about_the_baseline(font: Font) -> None:
    plain = drawn(font, "l")
    leaning = Variation(slant=0.25).apply(plain)
    assert leaning is not None
    left, top, right, bottom = extent(leaning)
    assert (left, top, bottom) == pytest.approx((extent(plain)[0], CAP, 0), abs=PIXEL)
    assert right - extent(plain)[2] == pytest.approx(0.25 * CAP, abs=2 * PIXEL)
    assert leaning.advance == plain.advance
    # The overhang takes from the right bearing.
    assert plain.bearings[1] - leaning.bearings[1] == pytest.approx(0.25, abs=2 / CAP)


def test_a_width_stretches_bearings_too(font: Font) -> None:
    plain = drawn(font, "H")
    wide = Variation(width=0.2).apply(plain)
    assert wide is not None
    assert extent(wide) == pytest.approx([120 * PER_UNIT, CAP, 600 * PER_UNIT, 0], abs=PIXEL)
    assert wide.bearings == pytest.approx([1.2 * each for each in plain.bearings], abs=1 / CAP)


@pytest.mark.parametrize("weight", [0.03, 0.0131, -0.02])
def test_a_weight_moves_every_edge(font: Font, weight: float) -> None:
    plain = drawn(font, "H")
    bold = Variation(weight=weight).apply(plain)
    assert bold is not None
    growth = weight * CAP
    left, top, right, bottom = extent(plain)
    assert extent(bold) == pytest.approx([left - growth, top + growth, right + growth, bottom - growth], abs=PIXEL)
    assert bold.cap == CAP + 2 * growth
    assert bold.advance == plain.advance
    ink = bold.pixels.sum(dtype=np.int64) / 255
    assert ink == pytest.approx((right - left + 2 * growth) * (top - bottom + 2 * growth), rel=0.02)


def test_a_weight_that_changes_the_pieces_is_refused(font: Font) -> None:
    # A dot is 100 units from its stem, and a stem is 100 wide.
    dotted = drawn(font, "i")
    assert Variation(weight=0.05).apply(dotted) is not None
    assert Variation(weight=0.08).apply(dotted) is None
    assert Variation(weight=-0.08).apply(dotted) is None


def test_a_weight_that_closes_a_counter_is_refused() -> None:
    ring = np.full((60, 60), 255, np.uint8)
    ring[20:40, 20:40] = 0
    ink = Ink(ring, 0, 60, 60)
    assert Variation(weight=5 / CAP).apply(ink) is not None
    assert Variation(weight=12 / CAP).apply(ink) is None


def test_specks_do_not_count() -> None:
    mask = np.zeros((40, 40), bool)
    mask[5:30, 5:30] = True
    assert parts(mask) == (1, 1)
    mask[10:13, 10:13] = False
    mask[35:38, 35:38] = True
    assert parts(mask) == (1, 1)


def test_no_variation_changes_nothing(font: Font) -> None:
    plain = drawn(font, "é")
    assert Variation().apply(plain) is plain
    assert replace(plain, cap=2 * CAP).bearings == pytest.approx([each / 2 for each in plain.bearings])


def test_a_font_may_be_drawn_larger(font: Font) -> None:
    ink, small = drawn(Font("tiny", font_bytes(), 3 * CAP), "H"), drawn(font, "H")
    assert ink.cap == 3 * CAP
    assert extent(ink) == pytest.approx(tuple(3 * edge for edge in extent(small)), abs=3 * PIXEL)
    assert ink.bearings == pytest.approx(small.bearings, abs=1 / CAP)
    heavier = Variation(weight=0.05).apply(ink)
    assert heavier is not None
    assert heavier.cap == pytest.approx(1.1 * ink.cap)
