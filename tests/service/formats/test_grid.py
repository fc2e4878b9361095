import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyphvae.formats import grid as grids
from glyphvae.formats.grid import compose, grid, upscale
from tests.service.support import counted_beats


@given(st.integers(1, 100_000))
def test_grid_holds_all_glyphs_and_no_empty_row(n: int) -> None:
    rows, columns = grid(n)
    assert rows * columns >= n > (rows - 1) * columns
    assert 0 <= columns - rows <= 1


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 3), st.data())
def test_every_glyph_is_in_its_place(rows: int, columns: int, gap: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(0, rows * columns))
    pixels = np.random.default_rng(n).integers(1, 256, (n, 28, 28), np.uint8)
    picture = compose(pixels, rows, columns, gap)
    assert picture.shape == (rows * (28 + gap) - gap, columns * (28 + gap) - gap)
    for i, glyph in enumerate(pixels):
        y, x = (i // columns) * (28 + gap), (i % columns) * (28 + gap)
        assert np.array_equal(picture[y : y + 28, x : x + 28], glyph)
    assert np.count_nonzero(picture) == n * 28 * 28


def test_too_many_glyphs_are_an_error() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        compose(np.zeros((5, 28, 28), np.uint8), 2, 2)


@pytest.mark.parametrize("scale", [1, 2, 3, 16])
def test_upscaling_keeps_flat_pictures_and_mean_ink(scale: int) -> None:
    pixels = np.zeros((28, 30), np.uint8)
    pixels[8:20, 10:14] = 255
    larger = upscale(pixels, scale)
    assert larger.shape == (28 * scale, 30 * scale)
    assert larger.dtype == np.uint8
    assert abs(float(larger.mean()) - float(pixels.mean())) < 0.02 * float(pixels.mean())
    assert (upscale(np.full((4, 5), 77, np.uint8), scale) == 77).all()


def test_upscaling_is_smooth_without_halo() -> None:
    pixels = np.zeros((28, 28), np.uint8)
    pixels[:, 14:] = 255
    profile = upscale(pixels, 8)[100].astype(int)
    assert (np.diff(profile) >= 0).all()
    assert np.diff(profile).max() < 64


@pytest.mark.parametrize("scale", [2, 3, 7, 64])
def test_a_large_picture_is_enlarged_strip_by_strip(scale: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(scale).integers(0, 256, (13, 9), np.uint8)
    with counted_beats() as beats:
        whole = upscale(pixels, scale)
        assert not beats
        monkeypatch.setattr(grids, "STRIP", 3 * 9 * scale * scale)
        assert np.array_equal(upscale(pixels, scale), whole)
        assert len(beats) == 5
        monkeypatch.setattr(grids, "STRIP", 1)
        assert np.array_equal(upscale(pixels, scale), whole)
    assert len(beats) == 5 + 13
