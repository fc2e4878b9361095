import numpy as np
import pytest
from numpy.typing import NDArray

from glyphvae.text.layout import Setting
from glyphvae.text.stroke_layout import set_strokes
from glyphvae.text.stroke_text import StrokeText
from glyphvae.text.symbols import fold
from tests.service.text.pen import ACUTE, joined, random_strokes, stroke

LABELS = ("I", ACUTE)


def written(text: str, seed: int = 0, setting: Setting | None = None) -> StrokeText:
    script = fold(text, LABELS)
    return set_strokes(script, random_strokes(len(script.labels), seed, spread=4), LABELS, setting or Setting())


def pasted(placed: StrokeText) -> NDArray[np.uint8]:
    """Return the picture that the glyphs make in their places."""
    picture = np.zeros(placed.layout.size(1)[::-1], np.uint8)
    pictures = placed.pictures(slice(None))
    for glyph, x, y in zip(pictures, placed.layout.x, placed.layout.y, strict=True):
        field = picture[y : y + glyph.shape[0], x : x + glyph.shape[1]]
        np.maximum(field, glyph, out=field)
    return picture


@pytest.mark.parametrize("text", ["", "I", f"II{ACUTE} I\nI{ACUTE}", "I" * 150])
@pytest.mark.parametrize("seed", [0, 1])
def test_glyphs_pasted_in_their_places_are_the_text(text: str, seed: int) -> None:
    placed = written(text, seed, Setting(width=300, margin=0))
    picture = placed.draw(1)
    assert picture.shape == placed.layout.size(1)[::-1]
    assert picture.any() == bool(text)
    # Rounding to sixty-fourths of a pixel may differ.
    assert np.abs(picture.astype(int) - pasted(placed)).max(initial=0) <= 8


def test_a_stroke_is_painted_to_the_pixel() -> None:
    placed = set_strokes(fold("I", LABELS), stroke(14, 5, 14, 23), LABELS, Setting(margin=2))
    assert placed.layout.size(1) == (6, 24)
    (glyph,) = placed.pictures(slice(None))
    assert glyph.shape == (20, 2)
    assert (glyph[2:-2] == 255).all()
    large = placed.draw(8)
    assert large.shape == (192, 48)
    # The round ends reach from 2 pixels below the edge of the picture to 2 above the other one; the sides are straight.
    assert (large[24:-24, 16:32] == 255).all()
    assert not large[:, :16].any()
    assert not large[:, 32:].any()
    assert not large[:16].any()
    assert (large[20:172, 24] == 255).all()


def test_an_edge_is_as_sharp_at_every_scale() -> None:
    placed = set_strokes(fold("I", LABELS), stroke(10, 5, 18, 23), LABELS, Setting())
    for scale in (1, 4, 16):
        row = placed.draw(scale)[18 * scale].astype(int)
        assert np.count_nonzero((row > 0) & (row < 255)) <= 4


def test_some_glyphs_are_painted_as_all_are() -> None:
    placed = written("IIIII")
    every = placed.pictures(slice(None))
    some = placed.pictures(slice(2, 4))
    assert [np.array_equal(one, other) for one, other in zip(some, every[2:4], strict=True)] == [True, True]


def test_a_glyph_without_a_stroke_is_paper() -> None:
    placed = set_strokes(
        fold("II", LABELS), joined(stroke(4, 4, 9, 9, present=False), stroke(4, 4, 9, 9)), LABELS, Setting()
    )
    none, drawn = placed.pictures(slice(None))
    assert none.shape == (20, 10)
    assert not none.any()
    assert drawn.any()
