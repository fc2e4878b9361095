import gzip
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from glyphvae_training.data import dataset
from glyphvae_training.data.dataset import PARTS, Dataset, Split, load_alphanumeric, load_byclass, load_mnist
from glyphvae_training.data.pixels import normalise
from glyphvae_training.errors import DataMissingError


def part(data: Dataset, name: str) -> Split:
    split: Split = getattr(data, name)
    return split


def test_36_classes_from_two_sources(sample: Dataset) -> None:
    assert "".join(sample.labels) == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert sample.sources == ("MNIST", "A-Z CSV")
    for name in PARTS:
        split = part(sample, name)
        assert split.images.shape == (len(split), 28, 28)
        assert split.images.dtype == np.uint8
        assert split.labels.dtype == np.int64
        assert set(split.labels) == set(range(36))


def test_the_split_is_stratified(sample: Dataset) -> None:
    counts = {name: np.bincount(part(sample, name).labels) for name in PARTS}
    # Digits: the official test part, and a tenth of the training part. Letters: a tenth and a tenth of 36.
    assert counts["test"].tolist() == [12] * 10 + [4] * 26
    assert counts["validation"].tolist() == [4] * 10 + [3] * 26
    assert counts["train"].tolist() == [36] * 10 + [29] * 26


def test_no_image_is_in_two_parts(sample: Dataset) -> None:
    images = np.concatenate([part(sample, name).images for name in PARTS])
    # The sample holds no copies, so that one anywhere would be one across parts.
    assert len(np.unique(images, axis=0)) == len(images)


def test_letters_follow_the_convention_of_mnist(sample: Dataset) -> None:
    letters = sample.train.images[sample.train.labels >= 10]
    difference = np.abs(normalise(letters).astype(float) - letters)
    assert difference.mean() < 2


def test_62_classes_of_which_letters_are_held_out_as_among_36(
    cache: Path, sample: Dataset, sample_folder: Path, digits: Dataset
) -> None:
    data = load_byclass(sample_folder, cache)
    assert "".join(data.labels) == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    assert data.sources == ("MNIST", "EMNIST ByClass")
    for name in PARTS:
        split, count = part(data, name), len(part(digits, name))
        assert set(split.labels) == set(range(62))
        np.testing.assert_array_equal(split.images[:count], part(digits, name).images)
        capitals = split.images[(split.labels >= 10) & (split.labels < 36)]
        alone = part(sample, name)
        np.testing.assert_array_equal(np.unique(capitals, axis=0), np.unique(alone.images[alone.labels >= 10], axis=0))
    images = np.concatenate([part(data, name).images for name in PARTS])
    assert len(np.unique(images, axis=0)) == len(images)


def test_mnist_alone(digits: Dataset, sample: Dataset) -> None:
    assert digits.labels == tuple("0123456789")
    assert (len(digits.train), len(digits.validation), len(digits.test)) == (360, 40, 120)
    np.testing.assert_array_equal(digits.train.images, sample.train.images[:360])


def test_the_hash_is_of_the_content(sample: Dataset, tmp_path: Path, sample_folder: Path) -> None:
    shutil.copytree(sample_folder / "mnist", tmp_path / "data" / "mnist")
    shutil.copytree(sample_folder / "emnist", tmp_path / "data" / "emnist")
    again = load_alphanumeric(tmp_path / "data", tmp_path / "cache")
    assert again.sources == ("MNIST", "EMNIST ByClass capitals")
    assert again.sha256 == sample.sha256
    assert again.sha256 != load_mnist(sample_folder, tmp_path / "cache").sha256


def test_the_second_start_reads_the_cache(tmp_path: Path, sample_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_mnist(sample_folder, tmp_path)
    monkeypatch.delattr(dataset, "assemble_mnist")
    second = load_mnist(sample_folder, tmp_path)
    assert second.sha256 == first.sha256
    assert second.labels == first.labels
    for name in PARTS:
        np.testing.assert_array_equal(part(second, name).images, part(first, name).images)
        np.testing.assert_array_equal(part(second, name).labels, part(first, name).labels)


def test_changed_sources_are_assembled_anew(tmp_path: Path, sample_folder: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(sample_folder / "mnist", data)
    first = load_mnist(data, tmp_path / "cache")
    path = data / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[-1] = 0
    path.write_bytes(content)
    assert load_mnist(data, tmp_path / "cache").sha256 != first.sha256


def test_the_cache_folder_is_the_default(tmp_path: Path, sample_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLYPHVAE_CACHE", str(tmp_path / "cache"))
    load_mnist(sample_folder)
    (file,) = (tmp_path / "cache").iterdir()
    assert file.name.startswith("mnist-")


def test_a_folder_without_letters(tmp_path: Path, sample_folder: Path) -> None:
    shutil.copytree(sample_folder / "mnist", tmp_path / "data")
    with pytest.raises(DataMissingError, match=r"data does not hold the capitals. It may be any of these"):
        load_alphanumeric(tmp_path / "data", tmp_path / "cache")


@pytest.mark.full_data
@pytest.mark.skipif("GLYPHVAE_TEST_DATA" not in os.environ, reason="GLYPHVAE_TEST_DATA does not name the full data")
def test_the_full_set_is_the_one_that_is_written_down(cache: Path) -> None:
    data = load_alphanumeric(Path(os.environ["GLYPHVAE_TEST_DATA"]), cache)
    assert (len(data.train), len(data.validation), len(data.test)) == (79_079, 9_131, 13_136)
    text = (Path(__file__).parents[3] / "docs" / "training.md").read_text(encoding="utf-8")
    for name in PARTS:
        split = part(data, name)
        letters = int((split.labels >= 10).sum())
        assert f"| {name} | {len(split):,} | {len(split) - letters:,} | {letters:,} |" in text
