from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from glyphvae_training.data.alphabet import ALPHABET, INDEX
from glyphvae_training.data.dataset import Dataset, Split, load_byclass
from glyphvae_training.data.font_families import FONTS, Part
from glyphvae_training.data.lettering import Lettering, load_lettering
from glyphvae_training.data.pen import boxed_marks, halved, load_pen


@pytest.fixture(scope="module")
def data(pen_folder: Path) -> Dataset:
    return load_pen(pen_folder)


def test_every_part_is_characters_then_lettering(data: Dataset, pen_folder: Path) -> None:
    characters = load_byclass(pen_folder)
    for part in get_args(Part):
        split: Split = getattr(data, part)
        first: Split = getattr(characters, part)
        lettering = load_lettering(pen_folder, part)
        np.testing.assert_array_equal(split.images, np.concatenate([first.images, halved(lettering.images)]))
        np.testing.assert_array_equal(split.labels, np.concatenate([first.labels, lettering.labels]))
        assert set(split.labels[len(first) :]) == {INDEX[character] for character in "Hl."}


def test_fonts_that_are_held_out_are_in_no_other_part(data: Dataset, pen_folder: Path) -> None:
    lettering = len(data.validation) - len(load_byclass(pen_folder).validation)
    # Three characters of each font.
    assert lettering == 3 * len(FONTS["validation"])


def test_labels_and_sources(data: Dataset) -> None:
    assert data.name == "pen"
    assert data.labels == ALPHABET
    assert data.sources == ("MNIST", "EMNIST ByClass", "62 handwriting fonts")
    assert sum(map(len, FONTS.values())) == 62


def test_the_hash_is_of_the_content(data: Dataset, pen_folder: Path) -> None:
    assert load_pen(pen_folder).sha256 == data.sha256
    assert data.sha256 != load_byclass(pen_folder).sha256


def test_pixels_are_averaged_and_rounded_to_the_nearest_level() -> None:
    fine = np.zeros((1, 56, 56), np.uint8)
    fine[0, 2:4, 4:6] = [[255, 255], [255, 255]]
    fine[0, 4:6, 2:4] = [[1, 0], [0, 0]]
    fine[0, 4:6, 4:6] = [[1, 0], [0, 1]]
    expected = np.zeros((28, 28), np.uint8)
    expected[1, 2], expected[2, 1], expected[2, 2] = 255, 0, 1
    np.testing.assert_array_equal(halved(fine)[0], expected)
    assert halved(fine).dtype == np.uint8


def test_marks_of_their_own_form_are_there_in_a_box_of_their_own_too() -> None:
    images = np.zeros((4, 56, 56), np.uint8)
    images[:, 16:24, 8:16] = 255
    images[:, 17:23:2] = 0  # fine stripes, which coarse images do not have
    labels = np.array([INDEX[character] for character in ("A", ".", "%", ALPHABET[-1])])
    each, none = np.zeros(4, np.int64), np.zeros((4, 4), np.float32)
    boxed = boxed_marks(Lettering(images, labels, each, each, none, ("one",)))
    assert boxed.labels.tolist() == [INDEX["%"]]
    rows = boxed.images[0].max(axis=1)
    assert np.flatnonzero(rows).tolist() == list(range(4, 24))
    assert rows[4:24].min() < 0.5 * rows.max()
