import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from glyphvae_training.data import sources
from glyphvae_training.data.idx import idx_bytes
from glyphvae_training.errors import DataError, DataMissingError


def write_az(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def row(label: int, *pixels: int) -> str:
    return ",".join(map(str, [label, *pixels, *[0] * (784 - len(pixels))]))


def test_mnist_has_ten_digits_of_its_two_parts(sample_folder: Path) -> None:
    for part, count in (("train", 40), ("test", 12)):
        mnist = sources.read_mnist(sample_folder, part)  # type: ignore[arg-type]
        assert mnist.images.shape == (10 * count, 28, 28)
        assert np.bincount(mnist.labels).tolist() == [count] * 10


def test_another_mnist_of_the_official_length_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros((1, 28, 28), np.uint8)))
    path = tmp_path / "train-labels-idx1-ubyte"
    path.write_bytes(idx_bytes(np.zeros(60_000, np.uint8)))
    with pytest.raises(DataError, match=rf"{path} is not the official MNIST file: its MD5 is \w+ instead of a25bea"):
        sources.read_mnist(tmp_path, "train")


def test_a_missing_file_is_named_with_the_folder(tmp_path: Path, sample_folder: Path) -> None:
    shutil.copy(sample_folder / "mnist" / "train-images-idx3-ubyte.gz", tmp_path)
    with pytest.raises(DataMissingError, match=rf"train-labels-idx1-ubyte.gz is not in {tmp_path}: put it there"):
        sources.read_mnist(tmp_path, "train")


def test_files_are_found_at_any_depth_gzipped_or_plain(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(np.ones((2, 28, 28), np.uint8)))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(np.array([3, 1], np.uint8))))
    mnist = sources.read_mnist(tmp_path, "test")
    assert mnist.labels.tolist() == [3, 1]
    assert mnist.labels.dtype == np.int64


def test_images_and_labels_that_do_not_belong_together(tmp_path: Path) -> None:
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(np.ones((2, 28, 28), np.uint8)))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx_bytes(np.ones(3, np.uint8)))
    with pytest.raises(DataError, match="do not belong together"):
        sources.read_mnist(tmp_path, "test")


def test_emnist_is_turned_upright_and_equals_the_csv(sample_folder: Path) -> None:
    emnist = sources.read_emnist(sample_folder)
    path = sources.az_file(sample_folder)
    assert path is not None
    csv = sources.read_az(path)
    capital = (emnist.labels >= 10) & (emnist.labels < 36)
    np.testing.assert_array_equal(emnist.images[capital], csv.images)
    np.testing.assert_array_equal(emnist.labels[capital], csv.labels)
    # A capital L has its bar at the bottom; transposed it would be on the right.
    capital_l = csv.images[csv.labels == 21].mean(axis=0)
    assert capital_l[14:].sum() > 1.3 * capital_l[:14].sum()


def test_letters_come_from_the_csv_or_else_from_emnist(tmp_path: Path, sample_folder: Path) -> None:
    with_csv = sources.read_letters(sample_folder)
    shutil.copytree(sample_folder / "emnist", tmp_path / "emnist")
    without = sources.read_letters(tmp_path)
    assert (with_csv.name, without.name) == ("A-Z CSV", "EMNIST ByClass capitals")
    np.testing.assert_array_equal(with_csv.images, without.images)
    np.testing.assert_array_equal(with_csv.labels, without.labels)
    assert [path.name for path in sources.letter_files(sample_folder)] == ["az_sample.csv.gz"]
    assert len(sources.letter_files(tmp_path)) == 2


def test_small_letters_are_left_out(tmp_path: Path) -> None:
    labels = np.array([36, 35, 9, 10], np.uint8)
    images = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)
    (tmp_path / "emnist-byclass-test-images-idx3-ubyte").write_bytes(idx_bytes(images))
    (tmp_path / "emnist-byclass-test-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    letters = sources.read_letters(tmp_path)
    assert letters.labels.tolist() == [10, 35]
    assert letters.images[:, 0, 0].tolist() == [3, 1]


def test_the_csv_has_a_label_and_784_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Chunks shorter than a row still hold whole rows.
    monkeypatch.setattr(sources, "CHUNK_BYTES", 100)
    path = write_az(tmp_path / "A_Z Handwritten Data.csv", row(0, 7), row(25, 0, 255), row(3))
    az = sources.read_az(path)
    assert sources.az_file(tmp_path) == path
    assert az.labels.tolist() == [10, 35, 13]
    assert az.images[0, 0, 0] == 7
    assert az.images[1, 0, 1] == 255


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row(0), "1,2,3"], "is not an A-Z CSV file, after row 0"),
        (["label,pixel0"], "is not an A-Z CSV file, after row 0"),
        ([row(26)], "label 0-25 and 784 pixels 0-255"),
        ([row(-1)], "label 0-25 and 784 pixels 0-255"),
        ([row(1, 256)], "label 0-25 and 784 pixels 0-255"),
        (["1,2,3"], "label 0-25 and 784 pixels 0-255"),
    ],
)
def test_another_csv_is_refused(tmp_path: Path, rows: list[str], message: str) -> None:
    path = write_az(tmp_path / "az.csv", *rows)
    with pytest.raises(DataError, match=f"{path} .*{message}"):
        sources.read_az(path)


def test_an_empty_csv_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "az.csv"
    path.touch()
    with pytest.raises(DataError, match="is empty"):
        sources.read_az(path)
