import re

import numpy as np
import pytest

from glyphvae.formats.path_data import UNITS, path_data
from glyphvae.vectors.paths import Paths, centres, outlines, placed
from tests.service.vectors.support import strokes

LETTERS = {"c": 6, "s": 4, "l": 2}


def parsed(data: str) -> np.typing.NDArray[np.float64]:
    """Return (m, 4, 2) the curves of path data as a viewer reads them, in pixels; a line is a curve without handles."""
    start = re.match(r"M(-?\d+) ?(-?\d+)", data)
    assert start is not None
    at = np.array([float(start[1]), float(start[2])])
    curves, before = list[np.typing.NDArray[np.float64]](), at
    for letter, content in re.findall(r"([csl])([-\d ]+)", data[start.end() :]):
        numbers = np.array(re.findall(r"-?\d+", content), float).reshape(-1, LETTERS[letter] // 2, 2)
        for points in numbers:
            first = {"c": points[0], "s": at - before, "l": np.zeros(2)}[letter]
            second = points[-1] if letter == "l" else points[-2]
            curves.append(np.stack([at, at + first, at + second, at + points[-1]]))
            before, at = at + second, at + points[-1]
    return np.array(curves) / UNITS


def straight(*points: tuple[float, float]) -> Paths:
    """Return a closed polygon that begins and ends at the last point."""
    ends = np.array(points, float)
    begins = np.roll(ends, 1, axis=0)
    curves = np.stack([begins, ends, ends], axis=1)
    return Paths(ends[-1:], curves, np.array([len(ends)]), np.ones(len(ends), bool), np.zeros(1, int), np.ones(1, bool))


def test_lines_are_written_as_lines() -> None:
    assert path_data(straight((2, 1), (2, 2), (1, 1))) == [f"M{UNITS} {UNITS}l{UNITS} 0 0 {UNITS}-{UNITS}-{UNITS}z"]


def test_numbers_that_are_not_in_the_table_are_written_too() -> None:
    far = straight((1000, 0), (1000, -3000), (0, 0))
    assert path_data(far) == [f"M0 0l {1000 * UNITS} 0 0 {-3000 * UNITS} {-1000 * UNITS} {3000 * UNITS}z"]


@pytest.mark.parametrize("kind", [centres, outlines])
def test_what_is_written_is_what_was_meant(kind: type) -> None:
    rng = np.random.default_rng(3)
    control = np.cumsum(rng.normal(0, 3, (12, 8, 2)), axis=1) + 14
    glyphs = strokes([control], [rng.uniform(0.8, 1.5, (12, 4))])
    paths: Paths = kind(placed(glyphs, np.zeros(1), np.zeros(1), np.ones(1)))
    data = path_data(paths)
    assert all(text.endswith("z") is closed for text, closed in zip(data, paths.closed.tolist(), strict=True))
    for text, meant in zip(data, np.split(paths.curves, np.cumsum(paths.counts)[:-1]), strict=True):
        read = parsed(text)
        assert np.abs(read[:, 2:] - meant[:, 1:]).max() <= 0.5 / UNITS + 1e-9
        # A mirrored handle may be longer or shorter than it was, but the curve strays by less than a tenth of a pixel.
        middle = [(points[:, 0] + 3 * points[:, 1] + 3 * points[:, 2] + points[:, 3]) / 8 for points in (read,)]
        wanted = (read[:, 0] + 3 * meant[:, 0] + 3 * meant[:, 1] + meant[:, 2]) / 8
        chord = meant[:, 2] - read[:, 0]
        length = np.maximum(np.hypot(*chord.T), 0.1)
        apart = middle[0] - wanted
        assert (np.abs(apart[:, 0] * chord[:, 1] - apart[:, 1] * chord[:, 0]) / length).max() < 0.1


def test_the_curves_of_a_spline_mirror_their_handles() -> None:
    wave = np.stack([np.linspace(2, 26, 8), 14 + 3 * np.sin(np.arange(8))], axis=1)
    (data,) = path_data(centres(placed(strokes([[wave]]), np.zeros(1), np.zeros(1), np.ones(1))))
    assert re.sub(r"[-\d ]", "", data) == "Mcs"
    assert len(data) < 80


def test_no_paths_are_no_data() -> None:
    glyphs = strokes([[np.zeros((8, 2))]], presence=[[0]])
    assert path_data(outlines(placed(glyphs, np.zeros(1), np.zeros(1), np.ones(1)))) == []
