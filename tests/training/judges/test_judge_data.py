import shutil
from pathlib import Path

import numpy as np
import pytest

from glyphvae_training.data.alphabet import ALPHABET, INDEX
from glyphvae_training.data.dataset import Split, load_alphanumeric, load_byclass
from glyphvae_training.data.pen import load_pen
from glyphvae_training.judges.judge_data import (
    JudgeData,
    load_classifier_data,
    load_emnist_digits,
    load_judge_data,
)
from tests.training.examples import LABELS

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module")
def data(cache: Path) -> JudgeData:
    return load_judge_data(DATA, cache)


def contents(split: Split) -> set[bytes]:
    return {image.tobytes() for image in split.images}


def test_digits_of_both_sources_and_capitals_are_in_the_training_part(data: JudgeData, cache: Path) -> None:
    alphanumeric, digits = load_alphanumeric(DATA, cache), load_emnist_digits(DATA, cache)
    assert data.labels == LABELS
    assert len(data.train) == len(alphanumeric.train) + len(digits.train)
    assert contents(data.train) == contents(alphanumeric.train) | contents(digits.train)
    assert set(data.train.labels) == set(range(36))


def test_the_tests_are_the_held_out_parts_by_source(data: JudgeData, cache: Path) -> None:
    assert {source: set(split.labels) for source, split in data.tests.items()} == {
        "MNIST digits": set(range(10)),
        "EMNIST digits": set(range(10)),
        "capitals": set(range(10, 36)),
    }
    alphanumeric = load_alphanumeric(DATA, cache)
    assert len(data.tests["MNIST digits"]) + len(data.tests["capitals"]) == len(alphanumeric.test)


def test_without_emnist_the_digits_are_those_of_mnist(tmp_path: Path) -> None:
    for source in ("mnist", "az"):
        shutil.copytree(DATA / source, tmp_path / source)
    data, alphanumeric = load_judge_data(tmp_path, tmp_path / "cache"), load_alphanumeric(tmp_path, tmp_path / "cache")
    assert contents(data.train) == contents(alphanumeric.train)
    assert set(data.tests) == {"MNIST digits", "capitals"}
    assert data.sha256 == alphanumeric.sha256


def test_the_classifier_of_a_model_has_its_labels(cache: Path, data: JudgeData) -> None:
    digits = load_classifier_data(DATA, "mnist", cache)
    assert digits.labels == LABELS[:10]
    assert not contents(digits.tests["MNIST digits"]) & contents(digits.train)
    assert load_classifier_data(DATA, "alphanumeric", cache).sha256 == data.sha256
    assert not digits.foreign_fonts


def test_a_classifier_gets_the_fonts_of_foreign_letters(cache: Path, tmp_path: Path) -> None:
    shutil.copytree(DATA / "mnist", tmp_path / "mnist")
    (tmp_path / "caveat-cyrillic.woff2").write_bytes(b"font")
    assert load_classifier_data(tmp_path, "mnist", cache).foreign_fonts == {"caveat-cyrillic": b"font"}


def test_no_test_image_was_trained_on(data: JudgeData) -> None:
    for split in data.tests.values():
        assert not contents(split) & contents(data.train)


def test_small_letters_are_known_where_the_data_set_has_them(cache: Path) -> None:
    data, cased = load_judge_data(DATA, cache, name="byclass"), load_byclass(DATA, cache)
    assert data.labels == cased.labels
    assert contents(data.train) == contents(cased.train)
    assert {source: set(split.labels) for source, split in data.tests.items()} == {
        "MNIST digits": set(range(10)),
        "EMNIST digits": set(range(10)),
        "capitals": set(range(10, 36)),
        "small letters": set(range(36, 62)),
    }
    assert sum(len(split) for split in data.tests.values()) == len(cased.test)
    assert data.sha256 != load_judge_data(DATA, cache).sha256


def test_the_digits_of_both_sources_have_one_size_and_weight(data: JudgeData, cache: Path) -> None:
    emnist = load_emnist_digits(DATA, cache).train
    mnist = load_alphanumeric(DATA, cache).train
    mnist_digits = mnist.images[mnist.labels < 10]
    assert emnist.images.mean() == pytest.approx(mnist_digits.mean(), rel=0.1)
    for images in (emnist.images, mnist_digits):
        rows, columns = (np.ptp(np.nonzero(images.max(axis=axis))[1]) for axis in (1, 2))
        assert max(rows, columns) < 28
    assert data.sha256 == load_judge_data(DATA, cache).sha256


def test_the_classifier_of_a_pen_learns_from_characters_and_lettering(cache: Path, pen_folder: Path) -> None:
    data, pen = load_classifier_data(pen_folder, "pen", cache), load_pen(pen_folder, cache)
    assert data.labels == ALPHABET
    assert INDEX["."] in data.train.labels
    # The tiny fonts have no mark that fits a box of its own.
    assert contents(data.train) == contents(pen.train)
    assert data.sha256 != pen.sha256
    assert {source: len(test) for source, test in data.tests.items()} == {"characters and lettering": len(pen.test)}
