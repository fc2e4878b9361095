"""Paths, held against the raster and against the curves themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from glyphvae.vectors.paths import Curves, Paths, _handle_lengths, centres, outlines, placed
from glyphvae.vectors.raster import paint
from glyphvae.vectors.strokes import Lines, basis, place
from tests.service.vectors.support import strokes

Points = NDArray[np.float64]

BAR = np.stack([np.linspace(4, 24, 8), np.full(8, 14.0)], axis=1)
# A hook that turns back within the width of the pen.
HOOK = [(14, 4), (14, 10), (14, 18), (14, 24), (15, 24.5), (16, 24), (15.5, 22), (15, 20)]
# Places in a pixel, across and down, at which ink is looked for.
FINER = 2
ONES = np.ones(1)
NOWHERE = np.zeros(1)


def of(control: object, radius: object = None) -> Curves:
    """Return strokes of one glyph in its cell."""
    return placed(strokes([control], None if radius is None else [radius]), NOWHERE, NOWHERE, ONES)


def begins(paths: Paths) -> Points:
    """Return (m, 2) where each curve begins."""
    found = np.concatenate([paths.start[:1], paths.curves[:-1, 2]])
    found[np.cumsum(paths.counts) - paths.counts] = paths.start
    return found


def flattened(paths: Paths, pieces: int = 8) -> list[Points]:
    """Return each path as a polygon."""
    t = np.linspace(0, 1, pieces, endpoint=False)[:, None]
    first = begins(paths)
    points = (
        (1 - t) ** 3 * first[:, None]
        + 3 * t * (1 - t) ** 2 * paths.curves[:, None, 0]
        + 3 * t**2 * (1 - t) * paths.curves[:, None, 1]
        + t**3 * paths.curves[:, None, 2]
    )
    return np.split(points.reshape(-1, 2), pieces * np.cumsum(paths.counts)[:-1])


def covered(paths: Paths, side: int = 28, finer: int = FINER) -> NDArray[np.bool]:
    """Return which of `finer`² places in each pixel the outlines wind around, by the angles of their corners."""
    places = (np.arange(side * finer) + 0.5) / finer
    at = np.stack(np.meshgrid(places, places), axis=-1)[..., None, :]
    inside = np.zeros((side * finer, side * finer), bool)
    for polygon in flattened(paths):
        seen = polygon - at
        angles = np.arctan2(seen[..., 1], seen[..., 0])
        turns = np.diff(np.concatenate([angles, angles[..., :1]], axis=-1), axis=-1)
        winding = (turns - 2 * np.pi * np.rint(turns / (2 * np.pi))).sum(axis=-1)
        inside |= np.abs(winding) > np.pi
    return inside


def error(curves: Curves) -> float:
    """Return the mean difference of the outlines' ink and the raster's, in percent of a cell."""
    samples = basis(curves.control.shape[1], 57) @ curves.control
    knots = np.linspace(0, 1, curves.radius.shape[1])
    radii = np.stack([np.interp(np.linspace(0, 1, 57), knots, radius) for radius in curves.radius])
    lines = Lines((samples * FINER).astype(np.float32), (radii * FINER).astype(np.float32))
    drawn = paint(lines, 28 * FINER, 28 * FINER) / 255
    return float(np.abs(drawn - covered(outlines(curves))).mean() * 100)


def test_strokes_are_placed_glyph_by_glyph() -> None:
    two = strokes([[BAR, BAR + 1], [BAR + 2, BAR + 3]], presence=[[1, 0], [1, 1]])
    curves = placed(two, np.array([0, 28]), np.array([0, 5]), np.array([1, 2]))
    assert curves.glyph.tolist() == [0, 1, 1]
    assert curves.glyphs == 2
    assert np.allclose(curves.control, [BAR, 2 * (BAR + 2) + (28, 5), 2 * (BAR + 3) + (28, 5)])
    assert curves.radius.tolist() == [[1] * 4, [2] * 4, [2] * 4]
    last = curves.part(1, 2)
    assert (last.glyph.tolist(), last.glyphs) == ([0, 0], 1)
    assert np.array_equal(last.control, curves.control[1:])
    chosen = curves.of(np.array([True, False, True]))
    assert (chosen.glyph.tolist(), chosen.glyphs) == ([0, 1], 2)


def test_a_pen_without_width_leaves_no_stroke() -> None:
    assert len(of([BAR, BAR], [[0] * 4, [1] * 4]).control) == 1


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e30])
def test_numbers_that_no_model_means_are_harmless(wrong: float) -> None:
    bent = BAR.copy()
    bent[3] = wrong
    curves = of([bent], [[wrong, 1, 1, 1]])
    for paths in (centres(curves), outlines(curves)):
        assert np.isfinite(paths.curves).all()
        assert np.abs(paths.curves).max() < 4 * 28


@given(st.integers(0, 10_000), st.integers(4, 9))
def test_centres_are_the_curves_themselves(seed: int, points: int) -> None:
    control = np.random.default_rng(seed).uniform(0, 28, (2, points, 2))
    curves = of(control)
    paths = centres(curves)
    assert paths.counts.tolist() == [points - 3] * 2
    assert not paths.closed.any()
    assert paths.stroke.tolist() == [0, 1]
    pieces = 8
    for line, exact in zip(flattened(paths, pieces), basis(points, pieces * (points - 3) + 1) @ control, strict=True):
        assert np.allclose(line, exact[:-1], atol=1e-3)


def test_a_bar_is_outlined_by_its_sides_and_round_ends() -> None:
    paths = outlines(of([BAR]))
    assert paths.closed.tolist() == [True]
    ends = paths.curves[:, 2]
    assert ends.min(axis=0) == pytest.approx([4, 13], abs=1e-5)
    assert ends.max(axis=0) == pytest.approx([24, 15], abs=1e-5)
    polygon = flattened(paths)[0]
    assert polygon[:, 0].min() == pytest.approx(3, abs=0.02)
    assert polygon[:, 0].max() == pytest.approx(25, abs=0.02)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_outlines_hold_the_ink_of_their_strokes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = np.cumsum(rng.normal(0, 2.5, (2, 8, 2)), axis=1)
    control = np.clip(14 + steps - steps.mean(axis=1, keepdims=True), 4, 24)
    assert error(of(control, rng.uniform(0.8, 1.6, (2, 4)))) < 2


@pytest.mark.parametrize(
    "control",
    [[HOOK], [np.full((8, 2), 14.0)], [14 + np.random.default_rng(1).normal(0, 0.3, (8, 2))]],
    ids=["hook", "point", "dot"],
)
def test_outlines_of_narrow_bends_and_dots(control: object) -> None:
    assert error(of(control, [[1, 1.4, 1.2, 1]])) < 1


def test_strokes_keep_their_numbers_where_some_are_dots() -> None:
    dot = np.full((8, 2), 5.0)
    paths = outlines(of([dot, BAR, dot + 10]))
    assert sorted(paths.stroke.tolist()) == [0, 1, 2]
    for stroke, start in zip(paths.stroke.tolist(), paths.start, strict=True):
        nearest = np.abs(of([dot, BAR, dot + 10]).control[stroke] - start).sum(axis=1).min()
        assert nearest < 2.1


def test_less_fineness_is_fewer_curves() -> None:
    wave = np.stack([np.linspace(2, 26, 8), 14 + 6 * (-1.0) ** np.arange(8)], axis=1)
    assert outlines(of([wave]), 0.4).counts[0] < outlines(of([wave])).counts[0]


def test_no_strokes_are_no_paths() -> None:
    none = of([BAR]).of(np.array([False]))
    assert len(centres(none).start) == len(outlines(none).start) == 0


def test_paths_of_placed_strokes_are_where_the_raster_paints_them() -> None:
    one = strokes([[BAR]])
    ends = outlines(placed(one, np.array([28]), np.array([3]), np.array([2]))).curves[:, 2]
    lines = place(one, np.array([28]), np.array([3]), np.array([2]))
    assert ends.mean(axis=0) == pytest.approx(lines.points[0].mean(axis=0), abs=1)


def test_a_curve_that_turns_back_has_no_handles() -> None:
    """The divisors of the formula are 0 then; strokes of latents far out do so."""
    before, after = _handle_lengths(np.array([np.pi, 0.0, 0.5]), np.array([np.pi, np.pi, 0.5]))
    assert before[:2].tolist() == after[:2].tolist() == [0, 0]
    assert before[2] == after[2] > 0
