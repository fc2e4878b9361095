"""The three sources of characters, found in a folder and read into upright 28x28 images.

Every reader looks for the public file names anywhere below the folder, so that `mnist/`, `emnist/` and `az/` are a
convenience and not a rule.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.data.idx import parse_idx, read_bytes, read_idx
from glyphvae_training.errors import DataError, DataMissingError

Part = Literal["train", "test"]

DIGITS = tuple("0123456789")
CAPITALS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
SMALL_LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")

MNIST_FILES: dict[Part, tuple[str, str]] = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


class Content(NamedTuple):
    """Length in bytes and MD5 of an uncompressed file: the gzip wrapping differs between mirrors."""

    length: int
    md5: str


MNIST_CONTENT = {
    "train-images-idx3-ubyte": Content(47_040_016, "6bbc9ace898e44ae57da46a324031adb"),
    "train-labels-idx1-ubyte": Content(60_008, "a25bea736e30d166cdddb491f175f624"),
    "t10k-images-idx3-ubyte": Content(7_840_016, "2646ac647ad5339dbf082846283269ea"),
    "t10k-labels-idx1-ubyte": Content(10_008, "27ae3e4e09519cfbb04c329615203637"),
}
AZ_PATTERNS = ("A_Z Handwritten Data.csv*", "A_Z*.csv*", "az*.csv*")
# EMNIST ByClass numbers its classes 0-9, A-Z, a-z.
FIRST_CAPITAL = 10
FIRST_SMALL_LETTER = FIRST_CAPITAL + len(CAPITALS)
SIDE = 28
# A chunk of 16 MiB keeps the parsed rows of the full Kaggle file (372,450) from being in memory twice.
CHUNK_BYTES = 1 << 24


@dataclass(frozen=True)
class Characters:
    """Images of one source.

    Attributes:
        name: what the manifest calls the source.
        images: uint8 (n, 28, 28), upright, paper 0, ink 255, in the size and place in which the source ships them.
        labels: int64 (n,), indices into the 62 classes 0-9, A-Z, a-z.
    """

    name: str
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def find(folder: Path, *patterns: str) -> Path | None:
    """Return the first file below `folder` that matches the earliest of the glob patterns, or None."""
    for pattern in patterns:
        matches = sorted(path for path in folder.rglob(pattern) if path.is_file())
        if matches:
            return matches[0]
    return None


def find_idx(folder: Path, name: str) -> Path:
    """Find the IDX file `name`, gzipped or plain, below `folder`.

    Raises:
        DataMissingError: it is not there; the message names the file and the folder.
    """
    path = find(folder, name, f"{name}.gz")
    if path is None:
        raise DataMissingError(f"{name}.gz is not in {folder}: put it there, or add --fetch to download it")
    return path


def mnist_files(folder: Path, part: Part) -> tuple[Path, Path]:
    """Return paths of the images and the labels of one part of MNIST."""
    images, labels = MNIST_FILES[part]
    return find_idx(folder, images), find_idx(folder, labels)


def read_mnist(folder: Path, part: Part) -> Characters:
    """Read one part of MNIST.

    A file of the official length must have the official MD5. A shorter one is taken for a subset, such as the sample
    that the tests use: the hash of the data set tells it apart.

    Args:
        folder: searched recursively for the official file names.
        part: the official training or test part.

    Raises:
        DataMissingError: a file is not there.
        DataError: a file is damaged or is not the official one.
    """
    arrays = []
    for path in mnist_files(folder, part):
        content = read_bytes(path)
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        expected = MNIST_CONTENT[path.name.removesuffix(".gz")]
        if len(content) == expected.length and md5 != expected.md5:
            raise DataError(f"{path} is not the official MNIST file: its MD5 is {md5} instead of {expected.md5}")
        arrays.append(parse_idx(content, str(path)))
    return characters("MNIST", arrays[0], arrays[1])


def emnist_files(folder: Path, part: Part) -> tuple[Path, Path]:
    """Return paths of the images and the labels of one part of EMNIST ByClass."""
    return (
        find_idx(folder, f"emnist-byclass-{part}-images-idx3-ubyte"),
        find_idx(folder, f"emnist-byclass-{part}-labels-idx1-ubyte"),
    )


def read_emnist(folder: Path, part: Part = "test") -> Characters:
    """Read one part of EMNIST ByClass (Cohen et al. 2017, arXiv:1702.05373), upright: NIST stores it transposed."""
    images, labels = (read_idx(path) for path in emnist_files(folder, part))
    return characters("EMNIST ByClass", np.ascontiguousarray(images.swapaxes(1, -1)), labels)


def az_file(folder: Path) -> Path | None:
    """Return the A-Z CSV below `folder`, or None."""
    return find(folder, *AZ_PATTERNS)


def read_az(path: Path) -> Characters:
    """Read the Kaggle "A-Z Handwritten Alphabets" CSV: no header, a label 0-25, then 784 pixels, upright.

    Raises:
        DataError: a row does not have 785 numbers in range; the message gives the row.
    """
    rows = np.concatenate(list(parse_rows(read_bytes(path), path)))
    labels = rows[:, 0].astype(np.int64) + FIRST_CAPITAL
    return Characters("A-Z CSV", rows[:, 1:].reshape(-1, SIDE, SIDE), labels)


def parse_rows(content: bytes, path: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield arrays uint8 (rows, 785), about `CHUNK_BYTES` of text at a time."""
    stream, done = io.BytesIO(content), 0
    while lines := stream.readlines(CHUNK_BYTES):
        try:
            rows = np.loadtxt(lines, np.int64, delimiter=",", ndmin=2)
        except ValueError as error:
            raise DataError(f"{path} is not an A-Z CSV file, after row {done}: {error}") from error
        if rows.shape[1] != 1 + SIDE * SIDE or rows.min() < 0 or rows.max() > 255 or rows[:, 0].max() > 25:
            raise DataError(
                f"{path} has rows after row {done} that are not a label 0-25 and 784 pixels 0-255 without a header"
            )
        done += len(rows)
        yield rows.astype(np.uint8)
    if not done:
        raise DataError(f"{path} is empty")


def letter_files(folder: Path) -> tuple[Path, ...]:
    """Return the files that `read_letters` reads: the CSV if present, else the test part of EMNIST ByClass."""
    path = az_file(folder)
    return emnist_files(folder, "test") if path is None else (path,)


def read_letters(folder: Path) -> Characters:
    """Read the capitals A-Z: from the CSV if present, else from the test part of EMNIST ByClass.

    Both are cut from NIST Special Database 19 and hold the same kind of image. The test part is used alone so that the
    set is the same with either file.
    """
    path = az_file(folder)
    if path is not None:
        return read_az(path)
    emnist = read_emnist(folder, "test")
    capital = (emnist.labels >= FIRST_CAPITAL) & (emnist.labels < FIRST_SMALL_LETTER)
    # Sorted by label, as the CSV is, so that both files give the same array.
    order = np.flatnonzero(capital)[np.argsort(emnist.labels[capital], kind="stable")]
    return Characters("EMNIST ByClass capitals", emnist.images[order], emnist.labels[order])


def characters(name: str, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Characters:
    """Check that images and labels belong together.

    Raises:
        DataError: the shapes do not fit.
    """
    if images.shape[1:] != (SIDE, SIDE) or labels.shape != images.shape[:1]:
        raise DataError(f"{name}: images {images.shape} and labels {labels.shape} do not belong together")
    return Characters(name, images, labels.astype(np.int64))
