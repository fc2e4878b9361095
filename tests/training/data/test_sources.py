import gzip
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from glyphvae_training.data import sources
from glyphvae_training.data.entries import DataFolder
from glyphvae_training.data.idx import idx_bytes
from glyphvae_training.data.sources import Characters
from glyphvae_training.errors import DataError, DataMissingError

Labels = list[int]


def csv_of(characters: Characters, first_label: int = 0) -> str:
    rows = zip(characters.labels - first_label, characters.images, strict=True)
    return "".join(f"{label},{','.join(map(str, image.ravel().tolist()))}\n" for label, image in rows)


def write_idx(folder: Path, prefix: str, images: int, labels: Labels, separator: str = "-") -> None:
    """IDX files of blank images and these labels."""
    folder.mkdir(parents=True, exist_ok=True)
    names = (f"{prefix}-images{separator}idx3-ubyte", f"{prefix}-labels{separator}idx1-ubyte")
    (folder / names[0]).write_bytes(idx_bytes(np.ones((images, 28, 28), np.uint8)))
    (folder / names[1]).write_bytes(idx_bytes(np.array(labels, np.uint8)))


def write_npz(path: Path, digits: Characters, **replaced: object) -> Path:
    arrays = {"x_train": digits.images, "y_train": digits.labels, "x_test": digits.images, "y_test": digits.labels}
    arrays |= replaced
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="module")
def digits(sample_folder: Path) -> Characters:
    return sources.read_mnist(sample_folder, "test")


@pytest.fixture(scope="module")
def letters(sample_folder: Path) -> Characters:
    return sources.read_letters(sample_folder)


def assert_same(found: Characters, expected: Characters) -> None:
    np.testing.assert_array_equal(found.images, expected.images)
    np.testing.assert_array_equal(found.labels, expected.labels)
    assert found.images.dtype == np.uint8
    assert found.labels.dtype == np.int64


def test_mnist_has_ten_digits_of_its_two_parts(sample_folder: Path) -> None:
    for part, count in (("train", 40), ("test", 12)):
        mnist = sources.read_mnist(sample_folder, part)  # type: ignore[arg-type]
        assert mnist.images.shape == (10 * count, 28, 28)
        assert np.bincount(mnist.labels).tolist() == [count] * 10


@pytest.mark.parametrize("separator", ["-", "."])
@pytest.mark.parametrize("folder", ["", "MNIST/raw"])
def test_mnist_in_idx_files_of_either_name(tmp_path: Path, separator: str, folder: str) -> None:
    write_idx(tmp_path / folder, "t10k", 2, [3, 1], separator)
    assert sources.read_mnist(tmp_path, "test").labels.tolist() == [3, 1]


def test_files_are_found_at_any_depth_gzipped_or_plain(tmp_path: Path) -> None:
    write_idx(tmp_path / "a" / "b", "t10k", 2, [3, 1])
    labels = tmp_path / "a" / "b" / "t10k-labels-idx1-ubyte"
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels.read_bytes()))
    labels.unlink()
    assert sources.read_mnist(tmp_path, "test").labels.tolist() == [3, 1]


def test_mnist_in_the_file_of_keras(tmp_path: Path, digits: Characters) -> None:
    write_npz(tmp_path / "mnist.npz", digits, x_train=np.zeros((1, 28, 28), np.uint8), y_train=np.array([9], np.uint8))
    assert_same(sources.read_mnist(tmp_path, "test"), digits)
    assert sources.read_mnist(tmp_path, "train").labels.tolist() == [9]


@pytest.mark.parametrize("header", ["", "label," + ",".join(f"{y}x{x}" for y in range(28) for x in range(28)) + "\n"])
def test_mnist_in_csv_files(tmp_path: Path, digits: Characters, header: str) -> None:
    (tmp_path / "mnist_test.csv").write_text(header + csv_of(digits))
    assert_same(sources.read_mnist(tmp_path, "test"), digits)
    with pytest.raises(DataMissingError, match="does not hold the training part of MNIST"):
        sources.read_mnist(tmp_path, "train")


@pytest.mark.parametrize("member", ["A_Z Handwritten Data.csv", "A_Z Handwritten Data/A_Z Handwritten Data.csv"])
def test_the_archive_of_kaggle(tmp_path: Path, letters: Characters, member: str) -> None:
    with zipfile.ZipFile(tmp_path / "archive.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, csv_of(letters, 10))
    assert_same(sources.read_letters(tmp_path), letters)
    source = sources.find_letters(DataFolder(tmp_path))
    assert source.files == (tmp_path / "archive.zip",)
    told: list[str] = []
    source.read(lambda stage, _done, _total: told.append(stage))
    assert set(told) == {"A_Z Handwritten Data.csv"}


def test_every_form_may_be_in_an_archive(tmp_path: Path, digits: Characters, letters: Characters) -> None:
    write_npz(tmp_path / "mnist.npz", digits)
    with zipfile.ZipFile(tmp_path / "downloads.zip", "w") as archive:
        archive.write(tmp_path / "mnist.npz", "mnist.npz")
        archive.writestr("az.csv", csv_of(letters, 10))
    (tmp_path / "mnist.npz").unlink()
    assert_same(sources.read_mnist(tmp_path, "test"), digits)
    assert_same(sources.read_letters(tmp_path), letters)


@pytest.mark.parametrize("name", ["A_Z Handwritten Data.csv", "A_Z (1).csv", "az.csv", "az_mine.csv", "az-mine.csv"])
def test_the_csv_of_letters_by_its_names(tmp_path: Path, letters: Characters, name: str) -> None:
    (tmp_path / "azure.csv").write_text("cost\n1\n")
    (tmp_path / name).write_text(csv_of(letters, 10))
    assert_same(sources.read_letters(tmp_path), letters)


def test_a_wrong_row_is_named_with_its_file(tmp_path: Path, letters: Characters) -> None:
    (tmp_path / "az.csv").write_text(csv_of(letters, 9))
    with pytest.raises(DataError, match=rf"{tmp_path / 'az.csv'}: row \d+ has the label '26' instead of .* 0 to 25"):
        sources.read_letters(tmp_path)


def test_another_mnist_of_the_official_length_is_refused(tmp_path: Path) -> None:
    write_idx(tmp_path, "train", 1, [0] * 60_000)
    path = tmp_path / "train-labels-idx1-ubyte"
    with pytest.raises(DataError, match=rf"{path} is not the official MNIST file: its MD5 is not a25bea"):
        sources.read_mnist(tmp_path, "train")


def test_the_official_file_is_preferred_to_others_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_idx(tmp_path / "FashionMNIST" / "raw", "t10k", 1, [1])
    write_idx(tmp_path / "MNIST" / "raw", "t10k", 1, [2])
    assert sources.read_mnist(tmp_path, "test").labels.tolist() == [1]
    monkeypatch.setattr(sources, "is_official", lambda content: content.endswith(b"\2"))
    assert sources.read_mnist(tmp_path, "test").labels.tolist() == [2]


def test_the_error_of_a_missing_source_names_its_forms_and_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataMissingError) as caught:
        sources.read_mnist(tmp_path, "train")
    message = str(caught.value)
    assert message.startswith(f"{tmp_path} does not hold the training part of MNIST. It may be any of these")
    for form in ("train-images-idx3-ubyte", "train-images.idx3-ubyte", "mnist.npz", "mnist_train.csv", "--fetch"):
        assert form in message
    assert "Found: none of the known names among 1 files." in message
    write_idx(tmp_path / "raw", "train", 1, [1])
    (tmp_path / "raw" / "train-labels-idx1-ubyte").unlink()
    (tmp_path / "archive.zip").write_bytes(b"half of it")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("mnist/mnist_test.csv", b"")
    with pytest.raises(DataMissingError) as caught:
        sources.read_letters(tmp_path)
    message = str(caught.value)
    for form in ("archive.zip", "A_Z Handwritten Data.csv", "az_*.csv", "emnist-byclass-test-images-idx3-ubyte"):
        assert form in message
    found = "raw/train-images-idx3-ubyte, mnist_test.csv in other.zip, archive.zip, which is not a complete zip archive"
    assert f"Found: {found}." in message
    assert "\n" not in message
    with pytest.raises(DataMissingError, match="does not hold the test part of EMNIST ByClass"):
        sources.read_emnist(tmp_path)


@pytest.mark.parametrize(("images", "labels"), [(2, [1, 1, 1]), (3, [1])])
def test_images_and_labels_that_do_not_belong_together(tmp_path: Path, images: int, labels: Labels) -> None:
    write_idx(tmp_path, "t10k", images, labels)
    with pytest.raises(DataError, match=rf"{tmp_path / 't10k-images-idx3-ubyte'}: .* do not belong together"):
        sources.read_mnist(tmp_path, "test")


def test_a_label_out_of_range_is_named(tmp_path: Path) -> None:
    write_idx(tmp_path, "t10k", 3, [1, 10, 11])
    with pytest.raises(DataError, match="the label of image 2 is 10 instead of 0 to 9"):
        sources.read_mnist(tmp_path, "test")


@pytest.mark.parametrize(
    ("replaced", "says"),
    [
        ({"y_test": None}, "is not Keras' file of x_train, y_train, x_test and y_test"),
        ({"y_test": np.array([{}])}, "is not Keras' file"),
        ({"x_test": np.zeros((2, 28, 28))}, "images float64"),
        ({"y_test": np.array(3)}, "do not belong together"),
    ],
)
def test_another_npz_is_refused(tmp_path: Path, digits: Characters, replaced: dict[str, object], says: str) -> None:
    path = write_npz(tmp_path / "mnist.npz", digits, **replaced)
    with pytest.raises(DataError, match=f"{path}.*{says}"):
        sources.read_mnist(tmp_path, "test")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\3\4"])
def test_a_damaged_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mnist.npz").write_bytes(content)
    with pytest.raises(DataError, match="is not Keras' file"):
        sources.read_mnist(tmp_path, "test")


def test_emnist_is_turned_upright_and_equals_the_csv(sample_folder: Path, letters: Characters) -> None:
    emnist = sources.read_emnist(sample_folder)
    capital = (emnist.labels >= 10) & (emnist.labels < 36)
    np.testing.assert_array_equal(emnist.images[capital], letters.images)
    np.testing.assert_array_equal(emnist.labels[capital], letters.labels)
    # A capital L has its bar at the bottom; transposed it would be on the right.
    capital_l = letters.images[letters.labels == 21].mean(axis=0)
    assert capital_l[14:].sum() > 1.3 * capital_l[:14].sum()


def test_letters_come_from_the_csv_or_else_from_emnist(
    tmp_path: Path, sample_folder: Path, letters: Characters
) -> None:
    shutil.copytree(sample_folder / "emnist", tmp_path / "emnist")
    without = sources.read_letters(tmp_path)
    assert (letters.name, without.name) == ("A-Z CSV", "EMNIST ByClass capitals")
    assert_same(without, letters)
    (csv,) = sources.find_letters(DataFolder(sample_folder)).files
    assert csv.name == "az_sample.csv.gz"
    assert len(sources.find_letters(DataFolder(tmp_path)).files) == 2


def test_small_letters_are_left_out(tmp_path: Path) -> None:
    labels = np.array([36, 35, 9, 10], np.uint8)
    images = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)
    (tmp_path / "emnist-byclass-test-images-idx3-ubyte").write_bytes(idx_bytes(images))
    (tmp_path / "emnist-byclass-test-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    letters = sources.read_letters(tmp_path)
    assert letters.labels.tolist() == [10, 35]
    assert letters.images[:, 0, 0].tolist() == [3, 1]
