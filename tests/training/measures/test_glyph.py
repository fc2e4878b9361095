import numpy as np
import pytest
from numpy.typing import NDArray

from glyphvae_training.measures.glyph import FEATURES, height, slant, stroke_width, width


def bar(wide: int, high: int, lean: float = 0.0) -> NDArray[np.uint8]:
    """One glyph (1, 28, 28), whose rows move `lean` columns to the right for each row upwards."""
    glyph = np.zeros((1, 28, 28), np.uint8)
    top = (28 - high) // 2
    for row in range(top, top + high):
        left = round(14 - wide / 2 + lean * (13.5 - row))
        glyph[0, row, left : left + wide] = 255
    return glyph


@pytest.mark.parametrize(("wide", "high"), [(2, 20), (4, 20), (20, 4), (12, 12)])
def test_the_size_of_a_bar(wide: int, high: int) -> None:
    assert width(bar(wide, high))[0] == pytest.approx(wide, abs=0.3)
    assert height(bar(wide, high))[0] == pytest.approx(high, abs=0.3)


@pytest.mark.parametrize("lean", [-0.5, 0, 0.25, 0.5])
def test_the_slant_of_a_bar(lean: float) -> None:
    assert slant(bar(3, 20, lean))[0] == pytest.approx(np.degrees(np.arctan(lean)), abs=1)


def test_slant_does_not_make_wider() -> None:
    assert width(bar(3, 20, 0.5))[0] == pytest.approx(width(bar(3, 20))[0], abs=0.4)


@pytest.mark.parametrize("wide", [2, 3, 4, 6])
def test_the_stroke_width_of_a_bar(wide: int) -> None:
    assert stroke_width(bar(wide, 22))[0] == pytest.approx(wide, rel=0.1, abs=0.3)


def test_the_stroke_width_of_a_ring_is_that_of_its_stroke() -> None:
    rows, columns = np.mgrid[:28, :28]
    distance = np.hypot(rows - 13.5, columns - 13.5)
    ring = np.where(abs(distance - 9) < 1.5, 255, 0).astype(np.uint8)[None]
    assert stroke_width(ring)[0] == pytest.approx(3, abs=0.5)


def test_an_empty_glyph_measures_nothing() -> None:
    empty = np.zeros((1, 28, 28), np.uint8)
    assert all(feature.measure(empty) == 0 for feature in FEATURES.values())
