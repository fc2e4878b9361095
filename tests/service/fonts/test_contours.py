import numpy as np
import pytest

from glyphvae.fonts.contours import Polygon, contours
from glyphvae.vectors.strokes import Strokes
from tests.service.text.pen import joined, stroke

UNIT = 35


def area(polygon: Polygon) -> float:
    x, y = polygon.T
    return float(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2  # clockwise with y up is positive


def test_a_stroke_has_one_contour_of_its_place_and_size() -> None:
    ((polygon,),) = contours(stroke(4, 14, 24, 14, radius=1, baseline=24), UNIT)
    np.testing.assert_allclose(polygon.min(axis=0), (3 * UNIT, 9 * UNIT), atol=1)
    np.testing.assert_allclose(polygon.max(axis=0), (25 * UNIT, 11 * UNIT), atol=1)
    assert area(polygon) == pytest.approx((20 * 2 + np.pi) * UNIT**2, rel=0.01)


def test_strokes_that_cross_have_one_contour() -> None:
    cross = _together(stroke(4, 14, 24, 14), stroke(14, 4, 14, 24))
    ((polygon,),) = contours(cross, UNIT)
    assert area(polygon) == pytest.approx((2 * (20 * 2 + np.pi) - 4) * UNIT**2, rel=0.01)


def test_a_counter_turns_the_other_way() -> None:
    sides = (stroke(4, 4, 24, 4), stroke(24, 4, 24, 24), stroke(24, 24, 4, 24), stroke(4, 24, 4, 4))
    (found,) = contours(_together(*sides), UNIT)
    assert sorted(np.sign([area(polygon) for polygon in found])) == [-1, 1]


def test_a_glyph_without_strokes_and_one_of_a_speck_have_none() -> None:
    blank, speck = stroke(4, 4, 24, 4, present=False), stroke(4, 4, 4.1, 4, radius=0.05)
    assert contours(joined(blank, speck), UNIT) == [[], []]


def _together(*glyphs: Strokes) -> Strokes:
    """Return one glyph of the strokes of several."""
    names = ("control", "radius", "presence")
    control, radius, presence = (np.concatenate([getattr(glyph, name) for glyph in glyphs], axis=1) for name in names)
    return Strokes(control, radius, presence, glyphs[0].proportions)
