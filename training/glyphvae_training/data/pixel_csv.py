"""Reader of CSV files of characters: in each row a label, then the 784 pixels of an upright image.

Kaggle's "A-Z Handwritten Alphabets" has 372,450 such rows in 700 MB of text. It is parsed block by block, by array
operations on the bytes, so that it takes seconds and little more memory than its pixels.
"""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from glyphvae_training.errors import DataError
from glyphvae_training.progress import Progress, no_progress

SIDE = 28
COLUMNS = 1 + SIDE * SIDE
# The work arrays of a block take about eleven times its size.
BLOCK_BYTES = 1 << 22
COMMA, NEWLINE, ZERO = b",\n0"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_pixel_csv(
    stream: BinaryIO, name: str, largest_label: int, size: int = 0, progress: Progress = no_progress
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read images and labels; a first line that does not start with a number is taken for a header.

    Args:
        stream: the text.
        name: what to call the file in an error.
        largest_label: labels run from 0 to this.
        size: bytes of the text, for the progress; 0 if unknown.
        progress: called with the bytes read and the bytes in all.

    Returns:
        Images uint8 (n, 28, 28) and labels uint8 (n,).

    Raises:
        DataError: there are no rows, or one is not a label and 784 pixels from 0 to 255; the message gives the row,
            counted from 1 with the header.
    """
    # A bytearray grows in place; a list of arrays would have to be copied to one.
    pixels, labels = bytearray(), bytearray()
    done = 0
    for first_row, block in blocks(stream):
        rows = parse(block)
        if rows is None or rows[:, 0].max() > largest_label:
            row, problem = first_problem(block, largest_label)
            raise DataError(f"{name}: row {first_row + row} {problem}")
        labels += rows[:, 0].tobytes()
        pixels += rows[:, 1:].tobytes()
        done += len(block)
        if done < size:
            progress(done, size)
    if not labels:
        raise DataError(f"{name} has no rows")
    progress(done, done)
    return np.frombuffer(pixels, np.uint8).reshape(-1, SIDE, SIDE), np.frombuffer(labels, np.uint8)


def blocks(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield whole rows of text, each ended by a single newline, and the number of the first of them."""
    first = stream.readline().removeprefix(BYTE_ORDER_MARK)
    header = not first[:1].isdigit()
    row, rest = 1 + header, b"" if header else first
    while block := stream.read(BLOCK_BYTES):
        whole, newline, rest_of_block = block.rpartition(b"\n")
        if newline:
            text = (rest + whole + newline).replace(b"\r", b"")
            yield row, text
            row += text.count(b"\n")
            rest = rest_of_block
        else:
            rest += block
    if rest := rest.strip():
        yield row, rest + b"\n"


def parse(block: bytes) -> NDArray[np.uint8] | None:
    """Return the numbers of a block of rows, uint8 (rows, 785), or None if it is anything else than such rows."""
    text = np.frombuffer(block, np.uint8)
    digits = text - ZERO  # wraps around below "0"
    ends = np.flatnonzero(digits > 9)  # of each number
    if len(ends) % COLUMNS:
        return None
    separators = text[ends].reshape(-1, COLUMNS)
    lengths = np.diff(ends, prepend=-1) - 1
    is_table = (separators[:, :-1] == COMMA).all() and (separators[:, -1] == NEWLINE).all()
    if not is_table or lengths.min() < 1 or lengths.max() > 3:
        return None
    values = digits[ends - 1].astype(np.uint16)
    two = np.flatnonzero(lengths > 1)
    values[two] += 10 * digits[ends[two] - 2].astype(np.uint16)
    three = np.flatnonzero(lengths > 2)
    values[three] += 100 * digits[ends[three] - 3].astype(np.uint16)
    return None if values.max() > 255 else values.astype(np.uint8).reshape(-1, COLUMNS)


def first_problem(block: bytes, largest_label: int) -> tuple[int, str]:
    """Return the index of the first row of a block that is wrong, and what is wrong with it."""
    for row, line in enumerate(block.decode("utf-8", "replace").splitlines()):
        cells = line.split(",")
        if len(cells) != COLUMNS:
            return row, f"has {len(cells)} values instead of a label and {COLUMNS - 1} pixels"
        for column, cell in enumerate(cells):
            largest = 255 if column else largest_label
            if not (cell.isascii() and cell.isdigit() and len(cell) <= 3 and int(cell) <= largest):
                what = f"pixel {column}" if column else "label"
                return row, f"has the {what} {cell[:20]!r} instead of a whole number from 0 to {largest}"
    raise AssertionError("the block is right")
