"""The three sources of characters, found in a folder in any of their public forms and read into upright images.

| source | forms |
|---|---|
| MNIST | the four official IDX files; Keras' `mnist.npz`; `mnist_train.csv` and `mnist_test.csv` |
| A-Z | the CSV of Kaggle's "A-Z Handwritten Alphabets", or others of that layout |
| EMNIST ByClass | its official IDX files |

A form may lie at any depth of the folder, gzipped or not, and inside a zip archive, as Kaggle's `archive.zip` is.
"""

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.data.entries import DataFolder, Entry
from glyphvae_training.data.idx import parse_idx
from glyphvae_training.data.pixel_csv import SIDE, read_pixel_csv
from glyphvae_training.errors import DataError, DataMissingError
from glyphvae_training.progress import StageProgress, no_stage_progress

Part = Literal["train", "test"]

DIGITS = tuple("0123456789")
CAPITALS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
SMALL_LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
# EMNIST ByClass numbers its classes 0-9, A-Z, a-z.
FIRST_CAPITAL = 10
FIRST_SMALL_LETTER = FIRST_CAPITAL + len(CAPITALS)
BYCLASS_LABELS = FIRST_SMALL_LETTER + len(SMALL_LETTERS)

MNIST_PREFIX: dict[Part, str] = {"train": "train", "test": "t10k"}
# Images and labels of an IDX pair, after the prefix; some copies have a dot in place of the second hyphen.
IDX_PAIR = (r"-images[-.]idx3-ubyte", r"-labels[-.]idx1-ubyte")
NPZ = r"mnist\.npz"
AZ_CSV = (r"A_Z Handwritten Data\.csv", r"A_Z.*\.csv", r"az([_-].*)?\.csv")

MNIST_FORMS = (
    "the IDX files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte "
    "(or train-images.idx3-ubyte and so on), mnist.npz, or mnist_train.csv and mnist_test.csv"
)
EMNIST_FORMS = "emnist-byclass-test-images-idx3-ubyte and emnist-byclass-test-labels-idx1-ubyte"
LETTER_FORMS = (
    'Kaggle\'s "A-Z Handwritten Alphabets" as archive.zip or as A_Z Handwritten Data.csv, another CSV of that layout '
    f"named az.csv or az_*.csv, or the test part of EMNIST ByClass, {EMNIST_FORMS}"
)


def mnist_csv(part: Part) -> str:
    """Return the pattern of the CSV file of one part of MNIST."""
    return rf"mnist_{part}\.csv"


# Every name that a form goes by, for what an error says was found.
KNOWN = "|".join(
    [
        *(prefix + suffix for prefix in (*MNIST_PREFIX.values(), "emnist-byclass-test") for suffix in IDX_PAIR),
        *(NPZ, mnist_csv("train"), mnist_csv("test"), *AZ_CSV),
    ]
)
# More names than these would hide the rest of the message.
FOUND_SHOWN = 8

# MD5 by the length in bytes of MNIST's official files, uncompressed: the gzip wrapping differs between mirrors.
OFFICIAL_MD5 = {
    47_040_016: "6bbc9ace898e44ae57da46a324031adb",
    60_008: "a25bea736e30d166cdddb491f175f624",
    7_840_016: "2646ac647ad5339dbf082846283269ea",
    10_008: "27ae3e4e09519cfbb04c329615203637",
}


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


@dataclass(frozen=True)
class Source:
    """Characters in the form that was found.

    Attributes:
        entries: the files that hold them.
        read: reads them; its argument is called with what is read, the bytes done and the bytes in all. Raises
            `DataError` where a file is damaged or not what its name says.
    """

    entries: tuple[Entry, ...]
    read: Callable[[StageProgress], Characters]

    @property
    def files(self) -> tuple[Path, ...]:
        """Paths of the files, or of the archives that hold them."""
        return tuple(entry.path for entry in self.entries)


def find_mnist(folder: DataFolder, part: Part) -> Source:
    """Find one part of MNIST.

    Raises:
        DataMissingError: it is there in no form; the message names those that are read, and what was found.
    """
    prefix = MNIST_PREFIX[part]
    pair = [official_first(folder.all(prefix + suffix)) for suffix in IDX_PAIR]
    if all(pair):
        images, labels = (entries[0] for entries in pair)
        return Source((images, labels), lambda _: idx_characters("MNIST", images, labels, len(DIGITS), official=True))
    if npz := folder.first(NPZ):
        return Source((npz,), lambda _: npz_characters(npz, part))
    if csv := folder.first(mnist_csv(part)):
        return Source((csv,), lambda progress: csv_characters("MNIST", csv, 0, len(DIGITS), progress))
    raise missing(folder, f"{'training' if part == 'train' else 'test'} part of MNIST", MNIST_FORMS)


def official_first(entries: list[Entry]) -> list[Entry]:
    """Move MNIST's official file to the front: Fashion-MNIST and others have files of the same names."""
    return sorted(entries, key=lambda entry: not is_official(entry.read())) if len(entries) > 1 else entries


def is_official(content: bytes) -> bool:
    """Return whether these are the bytes of an official file of MNIST, decompressed."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest() == OFFICIAL_MD5.get(len(content))


def find_emnist(folder: DataFolder) -> Source:
    """Find the test part of EMNIST ByClass (Cohen et al. 2017, arXiv:1702.05373).

    Raises:
        DataMissingError: as for `find_mnist`.
    """
    images, labels = (folder.first("emnist-byclass-test" + suffix) for suffix in IDX_PAIR)
    if images is None or labels is None:
        raise missing(folder, "test part of EMNIST ByClass", EMNIST_FORMS)

    def read(_: StageProgress) -> Characters:
        emnist = idx_characters("EMNIST ByClass", images, labels, BYCLASS_LABELS)
        # NIST stores it transposed.
        return Characters(emnist.name, np.ascontiguousarray(emnist.images.swapaxes(1, 2)), emnist.labels)

    return Source((images, labels), read)


def find_letters(folder: DataFolder) -> Source:
    """Find the capitals A-Z: a CSV of them if present, else those in the test part of EMNIST ByClass.

    Both are cut from NIST Special Database 19 and hold the same kind of image. The test part is used alone so that the
    set is the same with either file.

    Raises:
        DataMissingError: as for `find_mnist`.
    """
    if csv := folder.first(*AZ_CSV):
        return Source((csv,), lambda progress: csv_characters("A-Z CSV", csv, FIRST_CAPITAL, len(CAPITALS), progress))
    try:
        emnist = find_emnist(folder)
    except DataMissingError:
        raise missing(folder, "capitals", LETTER_FORMS) from None
    return Source(emnist.entries, lambda progress: capitals(emnist.read(progress)))


def capitals(emnist: Characters) -> Characters:
    """Select the capitals of EMNIST, sorted by label, as the CSV is, so that both give the same array."""
    capital = (emnist.labels >= FIRST_CAPITAL) & (emnist.labels < FIRST_SMALL_LETTER)
    order = np.flatnonzero(capital)[np.argsort(emnist.labels[capital], kind="stable")]
    return Characters("EMNIST ByClass capitals", emnist.images[order], emnist.labels[order])


def read_mnist(folder: Path, part: Part) -> Characters:
    """Read one part of MNIST; raises as `find_mnist` and `Source.read` do."""
    return find_mnist(DataFolder(folder), part).read(no_stage_progress)


def read_emnist(folder: Path) -> Characters:
    """Read the test part of EMNIST ByClass; raises as `find_emnist` and `Source.read` do."""
    return find_emnist(DataFolder(folder)).read(no_stage_progress)


def read_letters(folder: Path) -> Characters:
    """Read the capitals A-Z; raises as `find_letters` and `Source.read` do."""
    return find_letters(DataFolder(folder)).read(no_stage_progress)


def missing(folder: DataFolder, what: str, forms: str) -> DataMissingError:
    """Return the error that a source is missing, with its forms and what was found instead."""
    names = [str(entry.path.relative_to(folder.path)) for entry in folder.all(f"({KNOWN})") if not entry.member]
    names += [f"{entry.name} in {entry.path.name}" for entry in folder.all(f"({KNOWN})") if entry.member]
    names += [f"{path.name}, which is not a complete zip archive" for path in folder.broken]
    found = ", ".join(names[:FOUND_SHOWN]) or f"none of the known names among {len(folder.entries)} files"
    return DataMissingError(
        f"{folder.path} does not hold the {what}. It may be any of these, in any sub-folder, gzipped, or in a zip "
        f"archive: {forms}. Found: {found}. --fetch downloads MNIST and EMNIST."
    )


def idx_characters(name: str, images: Entry, labels: Entry, label_count: int, *, official: bool = False) -> Characters:
    """Read a pair of IDX files.

    Args:
        name: of the source.
        images: file of the images.
        labels: file of the labels.
        label_count: labels are below this.
        official: refuse a file of the length of an official one with another MD5. One of another length is taken for a
            subset, such as the sample that the tests use: the hash of the data set tells it apart.

    Raises:
        DataError: a file is damaged or is not the official one.
    """
    arrays = []
    for entry in (images, labels):
        content = entry.read()
        if official and len(content) in OFFICIAL_MD5 and not is_official(content):
            raise DataError(f"{entry} is not the official MNIST file: its MD5 is not {OFFICIAL_MD5[len(content)]}")
        arrays.append(parse_idx(content, str(entry)))
    return characters(name, str(images), arrays[0], arrays[1], label_count)


def npz_characters(entry: Entry, part: Part) -> Characters:
    """Read one part of the `mnist.npz` of Keras.

    Raises:
        DataError: it is no such file.
    """
    try:
        with np.load(io.BytesIO(entry.read()), allow_pickle=False) as arrays:
            images, labels = arrays[f"x_{part}"], arrays[f"y_{part}"]
    except (KeyError, ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{entry} is not Keras' file of x_train, y_train, x_test and y_test: {error}") from error
    return characters("MNIST", str(entry), images, labels, len(DIGITS))


def csv_characters(
    name: str, entry: Entry, first_label: int, label_count: int, progress: StageProgress = no_stage_progress
) -> Characters:
    """Read a CSV file of a label and 784 pixels a row.

    Args:
        name: of the source.
        entry: the file.
        first_label: class of the label 0.
        label_count: labels are below this.
        progress: called with the file's name, the bytes read and the bytes in all.

    Raises:
        DataError: it is no such file; the message gives the row.
    """
    with entry.open() as stream:
        images, labels = read_pixel_csv(
            stream, str(entry), label_count - 1, entry.size, lambda done, size: progress(entry.name, done, size)
        )
    return Characters(name, images, labels.astype(np.int64) + first_label)


def characters(
    name: str, file: str, images: NDArray[np.generic], labels: NDArray[np.generic], label_count: int
) -> Characters:
    """Check that images and labels belong together.

    Raises:
        DataError: types, shapes or labels do not fit.
    """
    if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE) or labels.shape != images.shape[:1]:
        raise DataError(
            f"{file}: images {images.dtype} {images.shape} and labels {labels.shape} do not belong together; expected "
            f"are uint8 (n, {SIDE}, {SIDE}) and (n,)"
        )
    wrong: Iterable[int] = np.flatnonzero((labels < 0) | (labels >= label_count))  # type: ignore[operator]
    for row in wrong:
        raise DataError(f"{file}: the label of image {row + 1} is {labels[row]} instead of 0 to {label_count - 1}")
    return Characters(name, images.astype(np.uint8, copy=False), labels.astype(np.int64))
