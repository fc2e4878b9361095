"""Training and test data of the judges: digits of both sources and letters, in one normalisation.

With MNIST digits and NIST capitals alone, a classifier learns to tell the sources apart and reads a slightly blurred
zero as the letter O. The digits of EMNIST were cut from the same forms as the capitals, so the source tells nothing.
"""

from dataclasses import dataclass
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
from glyphvae_training.data.pixels import normalise
from glyphvae_training.data.split import split_by_digest


@dataclass(frozen=True)
class JudgeData:
    """Real characters of all sources.

    Attributes:
        labels: the 36 characters, or 62 with small letters.
        train: no image of it is in any test part.
        tests: held-out images by source: "MNIST digits", "EMNIST digits", "capitals", and "small letters" if there are
            any.
        sha256: of all of it.
    """

    labels: tuple[str, ...]
    train: Split
    tests: dict[str, Split]
    sha256: str


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
    """Load 36 labels: digits of both sources and capitals."""
    alphanumeric = load_alphanumeric(folder, cache)
    digits = load_emnist_digits(folder, cache)
    is_digit = alphanumeric.test.labels < len(sources.DIGITS)
    return JudgeData(
        alphanumeric.labels,
        joined(alphanumeric.train, digits.train),
        {
            "MNIST digits": pick(alphanumeric.test, is_digit),
            "EMNIST digits": digits.test,
            "capitals": pick(alphanumeric.test, ~is_digit),
        },
        f"{alphanumeric.sha256}{digits.sha256}",
    )


def load_emnist_digits(folder: Path, cache: Path | None = None) -> Dataset:
    """Load the digits of EMNIST ByClass's test part, split as the letters are; arguments and errors as above."""
    files = sources.emnist_files(folder, "test")
    return cached("emnist-digits", files, lambda: assemble_emnist_digits(folder), cache)


def assemble_emnist_digits(folder: Path) -> Dataset:
    """Assemble them without the cache."""
    emnist = sources.read_emnist(folder, "test")
    digits = pick(emnist, np.flatnonzero(emnist.labels < len(sources.DIGITS)))
    test, validation, train = split_by_digest(digits.images, digits.labels, [HELD_OUT, HELD_OUT])
    fitted = Split(normalise(digits.images), digits.labels)
    parts = (pick(fitted, train), pick(fitted, validation), pick(fitted, test))
    return dataset("emnist-digits", sources.DIGITS, parts, (emnist.name,))
