"""Training and test data of the judges: digits of both sources and letters, in one normalisation.

With MNIST digits and NIST capitals alone, a classifier learns to tell the sources apart and reads a slightly blurred
zero as the letter O. The digits of EMNIST were cut from the same forms as the capitals, so the source tells nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from glyphvae_training.data import sources
from glyphvae_training.data.dataset import (
    HELD_OUT,
    Dataset,
    Split,
    cached,
    dataset,
    joined,
    load_alphanumeric,
    load_byclass,
    load_mnist,
    pick,
)
from glyphvae_training.data.entries import DataFolder
from glyphvae_training.data.lettering import load_lettering
from glyphvae_training.data.pen import boxed_marks, load_pen
from glyphvae_training.data.pixels import normalise
from glyphvae_training.data.split import split_by_digest
from glyphvae_training.errors import DataMissingError
from glyphvae_training.judges.foreign_letters import find_foreign_fonts
from glyphvae_training.progress import no_stage_progress


@dataclass(frozen=True)
class JudgeData:
    """Real characters of all sources.

    Attributes:
        labels: the 36 characters, or 62 with small letters, or ten digits.
        train: no image of it is in any test part.
        tests: held-out images by source: "MNIST digits", and if there are any "EMNIST digits", "capitals" and "small
            letters".
        sha256: of all of it.
        foreign_fonts: fonts by name, of whose letters a classifier learns that they are none of the labels.
    """

    labels: tuple[str, ...]
    train: Split
    tests: dict[str, Split]
    sha256: str
    foreign_fonts: Mapping[str, bytes] = field(default_factory=dict)


def load_judge_data(folder: Path, cache: Path | None = None, *, name: str = "alphanumeric") -> JudgeData:
    """Load the data for judges of models that were trained on a data set.

    Args:
        folder: as for `load_alphanumeric`, errors likewise.
        cache: as for `load_alphanumeric`.
        name: of the data set. Small letters are among the labels for "byclass" alone: a judge that knows them would
            call half of all capitals small.
    """
    return load_cased(folder, cache) if name == "byclass" else load_uncased(folder, cache)


def load_cased(folder: Path, cache: Path | None) -> JudgeData:
    """Load 62 labels: the data set itself, which has the digits of both sources."""
    data, mnist = load_byclass(folder, cache), load_mnist(folder, cache).test
    emnist = pick(data.test, np.arange(len(mnist), len(data.test)))
    letter, small = emnist.labels >= sources.FIRST_CAPITAL, emnist.labels >= sources.FIRST_SMALL_LETTER
    return JudgeData(
        data.labels,
        data.train,
        {
            "MNIST digits": mnist,
            "EMNIST digits": pick(emnist, ~letter),
            "capitals": pick(emnist, letter & ~small),
            "small letters": pick(emnist, small),
        },
        data.sha256,
    )


def load_uncased(folder: Path, cache: Path | None) -> JudgeData:
    """Load 36 labels: digits of both sources and capitals.

    Without EMNIST the digits are MNIST's alone, with the weakness that the module describes.
    """
    data = load_alphanumeric(folder, cache)
    is_digit = data.test.labels < len(sources.DIGITS)
    mnist, capitals = pick(data.test, is_digit), pick(data.test, ~is_digit)
    try:
        digits = load_emnist_digits(folder, cache)
    except DataMissingError:
        return JudgeData(data.labels, data.train, {"MNIST digits": mnist, "capitals": capitals}, data.sha256)
    return JudgeData(
        data.labels,
        joined(data.train, digits.train),
        {"MNIST digits": mnist, "EMNIST digits": digits.test, "capitals": capitals},
        f"{data.sha256}{digits.sha256}",
    )


def load_classifier_data(folder: Path, name: str, cache: Path | None = None) -> JudgeData:
    """Load the data for the classifier of a model that was trained on a data set; it has the labels of the set.

    Args:
        folder: as for `load_alphanumeric`, errors likewise; and any of the fonts of `find_foreign_fonts`.
        name: of the data set. With "pen", marks are there as in lettering and as in pictures of their own.
        cache: as for `load_alphanumeric`.
    """
    return replace(_load_characters(folder, name, cache), foreign_fonts=find_foreign_fonts(folder))


def _load_characters(folder: Path, name: str, cache: Path | None) -> JudgeData:
    if name == "mnist":
        digits = load_mnist(folder, cache)
        return JudgeData(digits.labels, digits.train, {"MNIST digits": digits.test}, digits.sha256)
    if name == "pen":
        data = load_pen(folder, cache)
        train = joined(data.train, boxed_marks(load_lettering(folder, "train", cache=cache)))
        return JudgeData(data.labels, train, {"characters and lettering": data.test}, f"{data.sha256} fine boxed marks")
    return load_judge_data(folder, cache, name=name)


def load_emnist_digits(folder: Path, cache: Path | None = None) -> Dataset:
    """Load the digits of EMNIST ByClass's test part, split as the letters are; arguments and errors as above."""
    source = sources.find_emnist(DataFolder(folder))
    return cached("emnist-digits", [source], lambda: assemble_emnist_digits(source), cache)


def assemble_emnist_digits(source: sources.Source) -> Dataset:
    """Assemble them without the cache."""
    emnist = source.read(no_stage_progress)
    digits = pick(emnist, np.flatnonzero(emnist.labels < len(sources.DIGITS)))
    test, validation, train = split_by_digest(digits.images, digits.labels, [HELD_OUT, HELD_OUT])
    fitted = Split(normalise(digits.images), digits.labels)
    parts = (pick(fitted, train), pick(fitted, validation), pick(fitted, test))
    return dataset("emnist-digits", sources.DIGITS, parts, (emnist.name,))
