import numpy as np
import pytest
from numpy.typing import NDArray

from glyphvae_training.measures.prdc import prdc, radii


def line(*points: float) -> NDArray[np.float32]:
    """Points on a line, in two dimensions."""
    return np.array([[point, 1.0] for point in points], np.float32)


def test_radii_reach_the_kth_neighbour() -> None:
    points = line(0, 1, 3, 7)
    assert radii(points, 1).tolist() == pytest.approx([1, 1, 4, 16])
    assert radii(points, 2).tolist() == pytest.approx([9, 4, 9, 36])


def test_known_points() -> None:
    # Neighbourhoods of the real points reach 1, 1 and 4 to both sides, those of the samples 0.5, 0.5 and 99.
    result = prdc(line(0, 1, 5), line(0.5, 0, 100), k=1)
    assert result.precision.tolist() == [True, True, False]
    assert result.density.tolist() == [2, 2, 0]
    assert result.coverage.tolist() == [True, True, False]
    assert result.recall.tolist() == [True, True, True]


def test_copies_of_the_real_points_are_perfect() -> None:
    points = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
    result = prdc(points, points)
    assert result.precision.all()
    assert result.recall.all()
    assert result.coverage.all()
    # Each point is in its own neighbourhood and in five others on average.
    assert result.density.mean() == pytest.approx(6 / 5, abs=0.02)


def test_samples_elsewhere_are_worthless() -> None:
    points = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)
    means = [float(values.mean()) for values in prdc(points, points + 100)]
    assert means == [0, 0, 0, 0]


def test_one_mode_of_two_is_precise_but_covers_half() -> None:
    rng = np.random.default_rng(0)
    cluster = rng.standard_normal((200, 3)).astype(np.float32)
    real = np.concatenate([cluster[:100], cluster[100:] + 50])
    samples = rng.standard_normal((200, 3)).astype(np.float32)
    result = prdc(real, samples)
    assert result.precision.mean() > 0.9
    assert result.coverage.mean() == pytest.approx(0.5, abs=0.03)


def test_parts_of_the_distances_join(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    real, samples = rng.standard_normal((2, 50, 3)).astype(np.float32)
    whole = prdc(real, samples)
    monkeypatch.setattr("glyphvae_training.measures.prdc.ROWS", 7)
    for expected, found in zip(whole, prdc(real, samples), strict=True):
        assert np.array_equal(expected, found)
