import numpy as np
import pytest
from numpy.typing import NDArray

from glyphvae_training.data.dataset import Split
from glyphvae_training.evaluation.detection import detection
from glyphvae_training.evaluation.real_or_made import area, binarised, matched, placements, tell_apart

IMAGES = 2000


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def bars(count: int, seed: int, grey: int) -> Split:
    """Bars of random place, (count, 28, 28), between columns of `grey`, of two labels in turn."""
    generator = np.random.default_rng(seed)
    images = np.zeros((count, 28, 28), np.uint8)
    for image, start in zip(images, generator.integers(6, 18, count), strict=True):
        image[4:24, start - 1 : start + 4] = grey
        image[4:24, start : start + 3] = 255
    return Split(images, np.arange(count) % 2)


def test_blur_is_told_by_its_grey_levels_alone() -> None:
    found = tell_apart(bars(120, 0, 0), bars(120, 1, 120), rng(), IMAGES)
    assert found["grey"].made.value > 0.99
    assert found["grey"].control.value == pytest.approx(0.5, abs=0.2)
    assert found["binarised"].made.value == pytest.approx(0.5, abs=0.2)


def test_other_shapes_are_told_binarised() -> None:
    found = tell_apart(bars(120, 0, 0), bars(120, 1, 255), rng(), IMAGES)
    assert found["binarised"].made.low > 0.95


def test_one_seed_gives_one_figure() -> None:
    first, second = bars(40, 0, 0), bars(40, 1, 120)
    areas = [area(first.images, second.images, first.labels, rng(), 300) for _ in range(2)]
    assert areas[0] == areas[1]


def test_halves_have_the_same_labels_and_no_character_in_common() -> None:
    labels = np.array([0] * 7 + [1] * 6 + [2] * 3 + [3] * 9)
    real = Split(np.arange(len(labels), dtype=np.uint8)[:, None, None], labels)
    made = Split(np.full((8, 1, 1), 99, np.uint8), np.array([0, 0, 0, 0, 1, 1, 2, 2]))
    first, second, generated = matched(real, made, rng())
    # Three of label 0; two of label 1, of which no more were generated; of the others too few are real or generated.
    assert first.labels.tolist() == second.labels.tolist() == generated.labels.tolist() == [0, 0, 0, 1, 1]
    both = np.concatenate([first.images, second.images]).flatten()
    assert len(set(both.tolist())) == 10
    assert np.array_equal(labels[both], np.tile(first.labels, 2))


def test_ink_is_what_is_above_half() -> None:
    assert binarised(np.array([[0, 127, 128, 255]], np.uint8)).tolist() == [[0, 0, 255, 255]]


def test_placements_have_the_area_as_their_mean() -> None:
    first, second = np.array([0.0, 1, 1, 4]), np.array([1.0, 2, -1])
    below, above = placements(first, second)
    np.testing.assert_allclose(below, [1 / 3, 0.5, 0.5, 1])
    np.testing.assert_allclose(above, [0.5, 0.25, 1])
    assert below.mean() == pytest.approx(detection(first, second))
    assert above.mean() == pytest.approx(below.mean())


def test_the_interval_narrows_with_the_root_of_the_characters() -> None:
    widths = []
    for count in (100, 400):
        a, b = (rng_values(count, seed) for seed in (0, 1))
        found = area(a, b, np.zeros(count, np.int64), rng(), 256)
        widths.append(found.high - found.low)
        assert found.low < found.value < found.high
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.2)


def rng_values(count: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)
