import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from glyphvae.formats.grid import upscale
from glyphvae.text.layout import Layout
from glyphvae.text.rasterize import draw


def placed(*corners: tuple[int, int], width: int = 40, height: int = 30) -> Layout:
    x, y = np.array(corners, np.int64).reshape(-1, 2).T
    return Layout(width, height, x, y, np.zeros_like(x), np.array([24]))


def noise(n: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (n, 28, 28), np.uint8)


def test_glyph_is_drawn_in_its_place() -> None:
    pixels = noise(1)
    picture = draw(placed((7, 2)), pixels)
    assert picture.shape == (30, 40)
    assert np.array_equal(picture[2:, 7:35], pixels[0])
    assert not picture[:2].any()
    assert not picture[:, :7].any()
    assert not picture[:, 35:].any()


def test_stronger_ink_shows_where_glyphs_overlap() -> None:
    pixels = noise(2)
    picture = draw(placed((0, 0), (5, 0)), pixels)
    assert np.array_equal(picture[:28, 5:28], np.maximum(pixels[0][:, 5:], pixels[1][:, :23]))


def test_glyphs_are_clipped_at_the_edge() -> None:
    pixels = noise(4)
    picture = draw(placed((-10, -3), (30, -3), (-10, 20), (30, 20)), pixels)
    assert np.array_equal(picture[:20, :18], pixels[0][3:23, 10:])
    assert np.array_equal(picture[:20, 30:], pixels[1][3:23, :10])
    assert np.array_equal(picture[25:, :18], pixels[2][5:10, 10:])
    assert np.array_equal(picture[25:, 30:], pixels[3][5:10, :10])


def test_layout_without_glyphs_is_paper() -> None:
    picture = draw(placed(), noise(0), scale=2)
    assert picture.shape == (60, 80)
    assert not picture.any()


@given(st.integers(1, 8), st.integers(-27, 39), st.integers(-27, 29))
def test_picture_has_the_announced_size(scale: int, x: int, y: int) -> None:
    layout = placed((x, y))
    assert draw(layout, noise(1), scale).shape[::-1] == layout.size(scale)


@given(st.integers(-10, 40), st.integers(-3, 30), st.integers(2, 5))
def test_enlarging_is_that_of_the_whole_picture(x: int, y: int, scale: int) -> None:
    pixels, layout = noise(1), placed((x, y), height=60)
    assert np.array_equal(draw(layout, pixels, scale), upscale(draw(layout, pixels), scale))
