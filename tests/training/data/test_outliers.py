import numpy as np
import pytest
from PIL import Image

from glyphvae_training.data import outliers
from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.data.outliers import FIELD, LYING, MARGIN, MIRRORED, TURNED, draw_outliers, is_broad, is_straight
from glyphvae_training.data.pixels import BOX, CENTRE, ink_box
from tests.training.examples import LABELS


def character(name: str) -> Split:
    """A form without symmetry that is said to be a character."""
    image = np.tril(np.full((28, 28), 255, np.uint8))
    image[20:, :10] = 0
    return Split(image[None], np.array([LABELS.index(name)]))


def test_outliers_look_as_characters_in_size_and_place(sample: Dataset) -> None:
    drawn = draw_outliers(sample.train, 200, np.random.default_rng(0))
    assert drawn.shape == (200, 28, 28)
    for image in drawn:
        left, top, right, bottom = ink_box(image)
        assert 0 < max(right - left, bottom - top) <= BOX
    levels = drawn.sum(axis=(0, 2), dtype=np.float64)
    assert np.average(np.arange(28), weights=levels) == pytest.approx(CENTRE, abs=1)
    assert len({image.tobytes() for image in drawn}) == 200


def test_the_generator_decides(sample: Dataset) -> None:
    first, again, other = (draw_outliers(sample.train, 30, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("kind", sorted({kind.__name__ for kind in outliers._KINDS}))
def test_every_kind_draws_ink_that_differs_each_time(sample: Dataset, kind: str) -> None:
    rng = np.random.default_rng(0)
    drawn = [one for _ in range(60) if (one := getattr(outliers, kind)(sample.train, rng)).any()][:20]
    assert sum(is_broad(image) for image in drawn) > 5
    assert len({image.tobytes() for image in drawn}) > 15
    assert all(image.dtype == np.uint8 and max(image.shape) <= FIELD + 2 * MARGIN for image in drawn)


def test_strokes_and_blanks_are_not_broad() -> None:
    image = np.zeros((28, 28), np.uint8)
    assert not is_broad(image)
    image[4:24, 13:16] = 255
    assert not is_broad(image)
    assert not is_broad(image.T)
    image[4:24, 8:20] = 255
    assert is_broad(image)


@pytest.mark.parametrize("angle", [0, 30, 90])
def test_straight_strokes_are_told_from_bars(angle: int) -> None:
    for width, expected in ((8, True), (40, False)):
        bar = np.zeros((112, 112), np.uint8)
        bar[56 - width // 2 : 56 + width // 2, 16:96] = 255
        assert is_straight(np.asarray(Image.fromarray(bar).rotate(angle)), 0.3) is expected
    crossed = np.zeros((28, 28), np.uint8)
    assert is_straight(crossed, 0.3)
    crossed[13:15, 4:24] = crossed[4:24, 13:15] = 255
    assert not is_straight(crossed, 0.3)


def test_a_character_is_turned_only_into_what_is_none() -> None:
    rng = np.random.default_rng(0)
    for name, ways in (("M", 0), ("5", 2), ("T", 3), ("3", 2), ("4", 3), ("R", 4)):
        split = character(name)
        image = split.images[0]
        whole = {image[:, ::-1].tobytes(): MIRRORED, image[::-1, ::-1].tobytes(): TURNED} | {
            np.rot90(image, times).tobytes(): LYING for times in (1, 3)
        }
        found = {one.tobytes() for _ in range(60) if (one := outliers.turn(split, rng)).any()}
        assert len(found) == ways
        assert all(name in whole[one] for one in found)


def test_strokes_across_a_character_add_ink_to_it() -> None:
    rng = np.random.default_rng(0)
    split = Split(np.zeros((1, 28, 28), np.uint8), np.array([0]))
    split.images[0, 4:24, 10:18] = 255
    crossed = [one for _ in range(40) if (one := outliers.cross(split, rng)).any()]
    assert 10 < len(crossed) < 40
    assert all(one.sum() > 1.2 * split.images.sum() for one in crossed)
    assert all((one[6:22, 12:16] > 250).all() for one in crossed)


def test_what_is_between_neighbours_is_a_part_of_each() -> None:
    rng = np.random.default_rng(0)
    full = Split(np.full((1, 28, 28), 255, np.uint8), np.array([0]))
    cut = outliers.cut_between(full, rng)
    assert cut.shape[1] <= 26
    assert cut[:, 0].all()
    blank = Split(np.zeros((1, 28, 28), np.uint8), np.array([0]))
    assert not outliers.cut_between(blank, rng).any()


def test_pieces_hold_all_the_ink() -> None:
    split = character("A")
    assert outliers.permute(split, np.random.default_rng(0)).sum() == split.images.sum()
