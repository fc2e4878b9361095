"""Assembly of the data sets: digits from MNIST, letters from NIST Special Database 19, in one convention.

The split is written down in docs/training.md. Assembled sets are kept in the cache folder under a hash of the source
files, so that only the first start parses and normalises them.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.data import sources
from glyphvae_training.data.cache import cache_folder
from glyphvae_training.data.entries import DataFolder
from glyphvae_training.data.pixels import BOX, CENTRE, FAINTEST_INK, NORMALISATION, normalise
from glyphvae_training.data.sources import Source
from glyphvae_training.data.split import split_by_digest
from glyphvae_training.files import replacing
from glyphvae_training.progress import StageProgress, no_stage_progress

# MNIST's training part and its test part.
MnistParts = tuple[Source, Source]

HELD_OUT = 0.1
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """A part of a data set.

    Attributes:
        images: uint8 (n, 28, 28), paper 0, ink 255.
        labels: int64 (n,), indices into the data set's labels.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A data set and the facts that go into every run and manifest.

    Attributes:
        name: "alphanumeric", "byclass" or "mnist".
        labels: the character of each class.
        train, validation, test: disjoint parts.
        sha256: of every image and label in order, parts included: two sets with one hash train the same model.
        sources: what it was assembled from.
    """

    name: str
    labels: tuple[str, ...]
    train: Split
    validation: Split
    test: Split
    sha256: str
    sources: tuple[str, ...]


def load_alphanumeric(folder: Path, cache: Path | None = None, progress: StageProgress = no_stage_progress) -> Dataset:
    """Load the 36 classes 0-9 and A-Z: MNIST digits and capitals at MNIST's size.

    Args:
        folder: holds the source files, at any depth.
        cache: where assembled sets are kept; the platform's cache folder by default.
        progress: called while a set is assembled, with what is being done.

    Raises:
        DataMissingError: a source is not there; the message names its forms, the folder and what was found.
        DataError: a source file is damaged or not the official one.
    """
    found = DataFolder(folder)
    mnist, letters = find_both_parts(found), sources.find_letters(found)
    return cached("alphanumeric", (*mnist, letters), lambda: assemble_alphanumeric(mnist, letters, progress), cache)


def load_byclass(folder: Path, cache: Path | None = None, progress: StageProgress = no_stage_progress) -> Dataset:
    """Load the 62 classes 0-9, A-Z and a-z: MNIST digits and EMNIST ByClass's test part at MNIST's size.

    Digits come from both sources, so that nothing but its shape tells a digit from a letter; arguments and errors as
    for `load_alphanumeric`.
    """
    found = DataFolder(folder)
    mnist, emnist = find_both_parts(found), sources.find_emnist(found)
    return cached("byclass", (*mnist, emnist), lambda: assemble_byclass(mnist, emnist, progress), cache)


def load_mnist(folder: Path, cache: Path | None = None, progress: StageProgress = no_stage_progress) -> Dataset:
    """Load the ten digit classes of MNIST; arguments and errors as for `load_alphanumeric`."""
    mnist = find_both_parts(DataFolder(folder))
    return cached("mnist", mnist, lambda: assemble_mnist(mnist, progress), cache)


def find_both_parts(folder: DataFolder) -> MnistParts:
    """Find the official training and test part of MNIST."""
    return sources.find_mnist(folder, "train"), sources.find_mnist(folder, "test")


def assemble_mnist(mnist: MnistParts, progress: StageProgress) -> Dataset:
    """Assemble MNIST: its official test part, and a tenth of its training part for validation."""
    official, test = (part.read(progress) for part in mnist)
    validation, train = split_by_digest(official.images, official.labels, [HELD_OUT])
    return dataset(
        "mnist",
        sources.DIGITS,
        (pick(official, train), pick(official, validation), Split(test.images, test.labels)),
        ("MNIST",),
    )


def assemble_alphanumeric(mnist: MnistParts, letters: Source, progress: StageProgress) -> Dataset:
    """Assemble MNIST followed, in every part, by the capitals."""
    return append_to_mnist(mnist, letters, "alphanumeric", sources.DIGITS + sources.CAPITALS, progress)


def assemble_byclass(mnist: MnistParts, emnist: Source, progress: StageProgress) -> Dataset:
    """Assemble MNIST followed, in every part, by EMNIST's digits, capitals and small letters."""
    labels = sources.DIGITS + sources.CAPITALS + sources.SMALL_LETTERS
    return append_to_mnist(mnist, emnist, "byclass", labels, progress)


def append_to_mnist(
    mnist: MnistParts, source: Source, name: str, labels: tuple[str, ...], progress: StageProgress
) -> Dataset:
    """Assemble MNIST followed, in every part, by other characters at MNIST's size."""
    digits, others = assemble_mnist(mnist, progress), source.read(progress)
    # The bytes as they were shipped decide the split: it stays if the normalisation ever changes. And each class is
    # split by its own images alone, so that data sets that share a class hold out the same.
    test, validation, train = split_by_digest(others.images, others.labels, [HELD_OUT, HELD_OUT])
    images = normalise(others.images, partial(progress, "normalising"))
    fitted = sources.Characters(others.name, images, others.labels)
    parts = (
        joined(digits.train, pick(fitted, train)),
        joined(digits.validation, pick(fitted, validation)),
        joined(digits.test, pick(fitted, test)),
    )
    return dataset(name, labels, parts, ("MNIST", others.name))


def pick(characters: sources.Characters | Split, index: NDArray[Any]) -> Split:
    """Return the characters at the indices, or where the mask is true."""
    return Split(characters.images[index], characters.labels[index])


def joined(first: Split, second: Split) -> Split:
    """Concatenate two parts."""
    return Split(np.concatenate([first.images, second.images]), np.concatenate([first.labels, second.labels]))


def balanced(split: Split, each: int) -> Split:
    """Select the first `each` characters of every label, or as many as the rarest has."""
    _, counts = np.unique(split.labels, return_counts=True)
    return first_of_each(split, min(each, int(counts.min())))


def first_of_each(split: Split, most: int) -> Split:
    """Select the first `most` characters of every label, or as many as it has."""
    labels = np.unique(split.labels)
    return pick(split, np.concatenate([np.flatnonzero(split.labels == label)[:most] for label in labels]))


def dataset(name: str, labels: tuple[str, ...], parts: tuple[Split, Split, Split], names: tuple[str, ...]) -> Dataset:
    """Build a data set with the hash of its content."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(np.ascontiguousarray(part.images).tobytes())
        digest.update(part.labels.astype("<i8").tobytes())
    return Dataset(name, labels, *parts, digest.hexdigest(), names)


def cached(name: str, found: Iterable[Source], assemble: Callable[[], Dataset], cache: Path | None) -> Dataset:
    """Load the set from the cache if it was assembled from the same files before; else assemble and cache it."""
    folder = cache_folder() if cache is None else cache
    path = folder / f"{name}-{source_key([file for source in found for file in source.files])[:20]}.npz"
    if path.is_file():
        return read_cache(path, name)
    result = assemble()
    write_cache(path, result)
    return result


def source_key(files: Iterable[Path]) -> str:
    """Return a hash of the source files and of everything else that determines the assembled set."""
    convention = f"{NORMALISATION} {BOX} {CENTRE} {FAINTEST_INK} {HELD_OUT}"
    digest = hashlib.sha256(convention.encode())
    for path in files:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def write_cache(path: Path, data: Dataset) -> None:
    """Write the set completely or not at all: a process killed here leaves no partial file."""
    arrays: dict[str, NDArray[np.generic]] = {
        "labels": np.array(data.labels),
        "sources": np.array(data.sources),
        "sha256": np.array(data.sha256),
    }
    for part in PARTS:
        split: Split = getattr(data, part)
        arrays |= {f"{part}_images": split.images, f"{part}_labels": split.labels}
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)


def read_cache(path: Path, name: str) -> Dataset:
    """Read the set in a cache file."""
    with np.load(path) as stored:
        train, validation, test = (Split(stored[f"{part}_images"], stored[f"{part}_labels"]) for part in PARTS)
        texts = {key: tuple(str(text) for text in stored[key]) for key in ("labels", "sources")}
        return Dataset(name, texts["labels"], train, validation, test, str(stored["sha256"]), texts["sources"])
