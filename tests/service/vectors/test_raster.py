import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyphvae.vectors import raster
from glyphvae.vectors.raster import paint, paint_grid
from glyphvae.vectors.strokes import Lines
from tests.service.support import counted_beats, expect_bar
from tests.service.vectors.support import line, strokes

Picture = np.typing.NDArray[np.uint8]


def capsules(lines: Lines, width: int, height: int, finer: int = 8) -> np.typing.NDArray[np.float64]:
    """Return the share of each pixel within a pen's radius of a stroke, by looking at finer² places in each."""
    x, y = np.meshgrid((np.arange(width * finer) + 0.5) / finer, (np.arange(height * finer) + 0.5) / finer)
    inside = np.zeros(x.shape, bool)
    for points, radii in zip(lines.points.astype(float), lines.radii.astype(float), strict=True):
        for (ax, ay), (bx, by), a, b in zip(points, points[1:], radii, radii[1:], strict=False):
            length = max((bx - ax) ** 2 + (by - ay) ** 2, 1e-12)
            share = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length, 0, 1)
            distance = np.hypot(x - ax - share * (bx - ax), y - ay - share * (by - ay))
            inside |= distance <= a + share * (b - a)
    shares: np.typing.NDArray[np.float64] = inside.reshape(height, finer, width, finer).mean(axis=(1, 3))
    return shares


def test_a_bar_fills_the_pixels_that_it_covers() -> None:
    picture = paint(line([(4, 6), (8, 6), (16, 6)], 2), 20, 12)
    assert picture.dtype == np.uint8
    assert picture.shape == (12, 20)
    assert (picture[4:8, 4:16] == 255).all()
    assert not picture[:4].any()
    assert not picture[8:].any()


def test_a_pixel_that_is_covered_in_part_is_grey() -> None:
    picture = paint(line([(4, 6), (8, 6), (16, 6)], 1.25), 20, 12)
    assert picture[4, 5:15].tolist() == [picture[7, 5]] * 10
    assert int(picture[4, 5]) == pytest.approx(64, abs=2)
    assert (picture[5:7, 4:16] == 255).all()


def test_strokes_that_cross_or_lie_on_each_other_unite() -> None:
    across, down = [(2, 10), (18, 10)], [(10, 2), (10, 18)]
    lines = Lines(np.array([across, down, across], np.float32), np.full((3, 2), 1.3, np.float32))
    picture = paint(lines, 20, 20)
    alone = [paint(line(points, 1.3), 20, 20) for points in (across, down)]
    assert np.array_equal(picture, np.maximum(*alone))
    assert (picture[9:11, 3:17] == 255).all()


def test_a_stroke_that_crosses_itself_has_no_hole() -> None:
    loop = line([(4, 4), (26, 26), (26, 4), (4, 26)], 1.5)
    assert paint(loop, 30, 30)[14:16, 14:16].min() == 255


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_a_stroke_is_all_that_its_pen_covers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.normal(0, 3, (2, 12, 2)), axis=1)
    lines = Lines(
        (16 + steps - steps.mean(axis=1, keepdims=True)).astype(np.float32),
        rng.uniform(1, 2, (2, 12)).astype(np.float32),
    )
    apart = np.abs(paint(lines, 32, 32) / 255 - capsules(lines, 32, 32))
    # Where two edges meet in one pixel, the area of both is more than that of their union.
    assert apart.mean() < 0.01
    assert (apart > 0.5).sum() <= 2


@pytest.mark.parametrize("scale", [8, 64])
def test_edges_are_crisp_at_any_scale(scale: int) -> None:
    picture = paint(line([(4 * scale, 10.3 * scale), (24 * scale, 10.3 * scale)], scale), 28 * scale, 14 * scale)
    column = picture[:, 14 * scale]
    assert np.count_nonzero((column > 0) & (column < 255)) <= 2
    assert column.sum() / 255 == pytest.approx(2 * scale, abs=0.05)


def test_what_lies_outside_is_left_out() -> None:
    picture = paint(line([(-50, 5), (50, 5)], 2), 10, 10)
    assert (picture[3:7] == 255).all()
    assert not picture[:3].any()
    assert not picture[7:].any()
    assert not paint(line([(-50, 5), (-40, 5)], 2), 10, 10).any()
    assert not paint(line([(5, 50), (5, 60)], 2), 10, 10).any()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e30, -1e30])
def test_numbers_that_no_model_means_are_harmless(wrong: float) -> None:
    picture = paint(line([(5, 5), (9, 5), (wrong, 5)], [1, 1, 1]), 12, 10)
    assert (picture[4:6, 5:9] == 255).all()
    assert not picture[:3].any()
    assert paint(line([(5, 5), (9, wrong)], [1, wrong]), 10, 10).shape == (10, 10)


def test_a_picture_may_be_wider_than_a_stroke_can_be() -> None:
    width = 120_000
    picture = paint(line([(width - 12, 4), (width - 4, 4)], 2), width, 8)
    assert (picture[2:6, width - 12 : width - 4] == 255).all()
    assert not picture[:, : width - 20].any()


def test_no_strokes_are_paper() -> None:
    none = Lines(np.zeros((0, 4, 2), np.float32), np.zeros((0, 4), np.float32))
    assert not paint(none, 4, 3).any()
    assert paint(none, 4, 3).shape == (3, 4)


def test_long_work_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    many = Lines(np.tile(np.array([[[2, 5], [8, 5]]], np.float32), (5, 1, 1)), np.ones((5, 2), np.float32))
    monkeypatch.setattr(raster, "STROKES", 2)
    with counted_beats() as beats:
        picture = paint(many, 10, 10)
    assert len(beats) == 3
    assert np.array_equal(picture, paint(line([(2, 5), (8, 5)]), 10, 10))


def test_a_stroke_without_width_leaves_no_ink() -> None:
    assert not paint(line([(2, 5), (8, 5)], 0), 10, 10).any()


def test_a_grid_is_painted_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster, "GLYPHS", 2)
    given_ = strokes([[[(4, y), (10, y), (18, y), (24, y)]] for y in (5, 10, 20)])
    picture = paint_grid(given_, 2, 2, 3)
    assert picture.shape == (168, 168)
    cells = picture.reshape(2, 84, 2, 84).swapaxes(1, 2).reshape(4, 84, 84)
    for cell, y in zip(cells, (5, 10, 20), strict=False):
        expect_bar(cell, y, 3)
    assert not cells[3].any()
