"""What the judges learn from and are tested on: digits of both sources and capitals, in one normalisation.

With MNIST digits and NIST capitals alone, a classifier learns to tell the sources apart and reads a slightly blurred
zero as the letter O. The digits of EMNIST were cut from the same forms as the capitals, so the source tells nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import sources
from training.dataset import HELD_OUT, Dataset, Split, cached, dataset, joined, load_alphanumeric, pick
from training.pixels import normalise
from training.split import split_by_digest


@dataclass(frozen=True)
class JudgeData:
    """Real characters of all sources.

    Attributes:
        labels: the 36 characters.
        train: no image of it is in any test part.
        tests: held-out images by source: "MNIST digits", "EMNIST digits", "capitals".
        sha256: of all of it.
    """

    labels: tuple[str, ...]
    train: Split
    tests: dict[str, Split]
    sha256: str


def load_judge_data(folder: Path, cache: Path | None = None) -> JudgeData:
    """The judges' data from the source files below `folder`; arguments and errors as for `load_alphanumeric`."""
    alphanumeric = load_alphanumeric(folder, cache)
    digits = load_emnist_digits(folder, cache)
    is_digit = alphanumeric.test.labels < len(sources.DIGITS)
    return JudgeData(
        alphanumeric.labels,
        joined(alphanumeric.train, digits.train),
        {
            "MNIST digits": part_of(alphanumeric.test, is_digit),
            "EMNIST digits": digits.test,
            "capitals": part_of(alphanumeric.test, ~is_digit),
        },
        f"{alphanumeric.sha256}{digits.sha256}",
    )


def part_of(split: Split, index: NDArray[Any]) -> Split:
    """The characters at the indices, or where the mask is true."""
    return Split(split.images[index], split.labels[index])


def load_emnist_digits(folder: Path, cache: Path | None = None) -> Dataset:
    """The digits of EMNIST ByClass's test part, split as the letters are; arguments and errors as above."""
    files = sources.emnist_files(folder, "test")
    return cached("emnist-digits", files, lambda: assemble_emnist_digits(folder), cache)


def assemble_emnist_digits(folder: Path) -> Dataset:
    """The same without the cache."""
    emnist = sources.read_emnist(folder, "test")
    digits = pick(emnist, np.flatnonzero(emnist.labels < len(sources.DIGITS)))
    test, validation, train = split_by_digest(digits.images, digits.labels, [HELD_OUT, HELD_OUT])
    fitted = Split(normalise(digits.images), digits.labels)
    parts = (part_of(fitted, train), part_of(fitted, validation), part_of(fitted, test))
    return dataset("emnist-digits", sources.DIGITS, parts, (emnist.name,))
