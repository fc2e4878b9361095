"""The small sample of real characters for tests and `--quick` studies, written in the source files' formats.

    python -m glyphvae_training.data.sample DATA tests/data

Of each class the images with the highest SHA-256 are taken: the split (`glyphvae_training.data.split`) puts those into
the training part, so the sample's letters hold none of the full set's held-out ones.
"""

import gzip
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.data import sources
from glyphvae_training.data.idx import idx_bytes
from glyphvae_training.data.split import digests

TRAIN_DIGITS = 40
TEST_DIGITS = 12
EMNIST_CHARACTERS = 36
EMNIST_CLASSES = len(sources.DIGITS + sources.CAPITALS + sources.SMALL_LETTERS)


def write_sample(data: Path, out: Path) -> list[Path]:
    """Write the sample of the source files below `data` into `out`; returns the files.

    Raises:
        DataMissingError: a source file is not there.
        DataError: a source file is damaged.
    """
    train = highest(sources.read_mnist(data, "train"), 10, TRAIN_DIGITS)
    test = highest(sources.read_mnist(data, "test"), 10, TEST_DIGITS)
    emnist = highest(sources.read_emnist(data), EMNIST_CLASSES, EMNIST_CHARACTERS)
    contents = {
        "mnist/train-images-idx3-ubyte.gz": idx_bytes(train.images),
        "mnist/train-labels-idx1-ubyte.gz": idx_bytes(train.labels.astype(np.uint8)),
        "mnist/t10k-images-idx3-ubyte.gz": idx_bytes(test.images),
        "mnist/t10k-labels-idx1-ubyte.gz": idx_bytes(test.labels.astype(np.uint8)),
        # EMNIST is stored transposed.
        "emnist/emnist-byclass-test-images-idx3-ubyte.gz": idx_bytes(emnist.images.swapaxes(1, 2)),
        "emnist/emnist-byclass-test-labels-idx1-ubyte.gz": idx_bytes(emnist.labels.astype(np.uint8)),
        "az/az_sample.csv.gz": az_csv(emnist),
    }
    return [write(out / name, content) for name, content in contents.items()]


def highest(characters: sources.Characters, classes: int, count: int) -> sources.Characters:
    """Select the `count` images with the highest digests of each class, sorted by class and digest."""
    ranks = digests(characters.images)
    order = np.lexsort((ranks, characters.labels))
    chosen = [order[characters.labels[order] == label][-count:] for label in range(classes)]
    index: NDArray[np.int64] = np.concatenate(chosen)
    return sources.Characters(characters.name, characters.images[index], characters.labels[index])


def az_csv(emnist: sources.Characters) -> bytes:
    """Encode the capitals in the Kaggle format: a label 0-25 and 784 pixels a row, upright."""
    capital = (emnist.labels >= sources.FIRST_CAPITAL) & (emnist.labels < sources.FIRST_SMALL_LETTER)
    images, labels = emnist.images[capital], emnist.labels[capital] - sources.FIRST_CAPITAL
    rows = (
        f"{label},{','.join(map(str, image.ravel().tolist()))}\n" for label, image in zip(labels, images, strict=True)
    )
    return "".join(rows).encode()


def write(path: Path, content: bytes) -> Path:
    """Write the content gzipped without a timestamp, so that the file is reproducible."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, mtime=0))
    return path


if __name__ == "__main__":
    write_sample(Path(sys.argv[1]), Path(sys.argv[2]))
