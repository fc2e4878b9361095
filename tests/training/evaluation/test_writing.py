import numpy as np
import pytest

from glyphvae_training.data.dataset import Split
from glyphvae_training.evaluation.writing import (
    MEASURES,
    MORE_PIECES,
    NO_DOT,
    capped,
    compare_writing,
    dotted,
)
from glyphvae_training.measures.comparison import Comparison

NAMES = ("l", "i", "-")
EACH = 24


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def characters(seed: int, *, dots: float = 1.0, gaps: float = 0.0, haze: int = 0) -> Split:
    """Draw bars of random place, upright for l and i, lying for -.

    Args:
        seed: Of their places.
        dots: Share of i that have their dot.
        gaps: Share of l and - that are in two pieces.
        haze: Pixels of haze in each.
    """
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(NAMES)), EACH)
    images = np.zeros((len(labels), 28, 28), np.uint8)
    for row, (image, label) in enumerate(zip(images, labels, strict=True)):
        start, share = generator.integers(8, 16), row % EACH / EACH
        image[9 if label == 1 else 4 : 24, start : start + 3] = 255
        if label == 1 and share < dots:
            image[4:6, start : start + 3] = 255
        if label != 1 and share < gaps:
            image[13:15] = 0
        image[...] = image.T if label == 2 else image
        image[0, :haze] = 50
    return Split(images, labels)


@pytest.fixture(scope="module")
def found() -> dict[str, Comparison]:
    return compare_writing(characters(0), characters(1, dots=0.25, gaps=0.5, haze=3), NAMES, rng())


def test_every_measure_of_every_label_is_there(found: dict[str, Comparison]) -> None:
    assert set(found) == {MORE_PIECES, NO_DOT, *MEASURES}
    for name, comparison in found.items():
        assert list(comparison.labels) == (["i"] if name == NO_DOT else list(NAMES))


def test_missing_dots_are_counted(found: dict[str, Comparison]) -> None:
    compared = found[NO_DOT].labels["i"]
    assert (compared.real, compared.made) == (0, 0.75)


def test_pieces_beyond_those_of_real_characters_are_counted(found: dict[str, Comparison]) -> None:
    more = found[MORE_PIECES].labels
    # Two are usual for an i with its dot.
    assert [(one.real, one.made) for one in more.values()] == [(0, 0.5), (0, 0), (0, 0.5)]


def test_haze_is_counted_and_specks_are_none(found: dict[str, Comparison]) -> None:
    assert list(found["haze"].mean.difference) == [3, 3, 3]
    assert found["specks"].mean.made == 0  # haze is fainter than specks, and a dot larger


def test_without_dotted_labels_no_dots_are_looked_for() -> None:
    names = ("0", "1", "2")
    split = characters(0)
    assert len(dotted(split, names)) == 0
    assert NO_DOT not in compare_writing(split, characters(1), names, rng())


def test_labels_without_real_characters_are_left_out() -> None:
    real = characters(0)
    known = real.labels != 2
    compared = compare_writing(Split(real.images[known], real.labels[known]), characters(1), NAMES, rng())
    assert list(compared[MORE_PIECES].labels) == ["l", "i"]


def test_at_most_so_many_of_each_label_are_drawn() -> None:
    split = capped(Split(np.arange(9, dtype=np.uint8)[:, None, None], np.array([1] * 7 + [0] * 2)), 3, rng())
    assert split.labels.tolist() == [0, 0, 1, 1, 1]
    assert len(set(split.images.flatten().tolist())) == 5
