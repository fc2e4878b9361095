import numpy as np
import pytest

from glyphvae_training.data import sources
from glyphvae_training.data.dataset import Dataset
from glyphvae_training.data.pixels import SIDE, ink_box, normalise


def box_of(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> tuple[int, int]:
    left, top, right, bottom = ink_box(image)
    return right - left, bottom - top


def test_the_longer_side_becomes_20_and_the_aspect_stays() -> None:
    image = np.zeros((1, 60, 50), np.uint8)
    image[0, 10:50, 5:25] = 255  # 40 high, 20 wide
    assert box_of(normalise(image)[0]) == (10, 20)


def test_a_stroke_of_one_pixel_stays_one() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 2:26, 4] = 255
    assert box_of(normalise(image)[0]) == (1, 20)


def test_the_centre_of_mass_is_at_the_centre() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 4:24, 4:8] = 255
    image[0, 20:24, 4:24] = 255  # an L: its mass is not in the middle of its box
    result = normalise(image)[0].astype(float)
    grid = np.arange(SIDE)
    centre = (result.sum(1) @ grid / result.sum(), result.sum(0) @ grid / result.sum())
    assert centre == (pytest.approx(14, abs=0.5), pytest.approx(14, abs=0.5))


def test_a_lopsided_character_is_held_inside_the_field() -> None:
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 4:24, 5:10] = 255
    image[0, 20, 4:24] = 200
    result = normalise(image)[0]
    assert box_of(result)[0] == 20
    assert result.sum() > 0


def test_the_faint_skirt_does_not_count_as_ink() -> None:
    image = np.full((1, 28, 28), 20, np.uint8)
    image[0, 10:15, 10:20] = 255
    assert box_of(normalise(image)[0]) == (20, 10)


def test_an_empty_image_stays_empty() -> None:
    assert not normalise(np.zeros((2, 28, 28), np.uint8)).any()


def test_mnist_is_in_the_convention_already(digits: Dataset) -> None:
    images = digits.train.images[:100]
    difference = np.abs(normalise(images).astype(float) - images)
    assert difference.mean() < 0.5


def test_digits_of_both_sources_have_the_same_ink(sample: Dataset, sample_folder: object) -> None:
    emnist = sources.read_emnist(sample_folder)  # type: ignore[arg-type]
    theirs = emnist.images[emnist.labels < 10]
    ours = sample.train.images[sample.train.labels < 10].mean()
    assert theirs.mean() > 1.25 * ours
    assert normalise(theirs).mean() == pytest.approx(ours, rel=0.05)
