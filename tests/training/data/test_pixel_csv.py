import io

import numpy as np
import pytest

from glyphvae_training.data import pixel_csv
from glyphvae_training.data.pixel_csv import read_pixel_csv
from glyphvae_training.errors import DataError


def row(label: object, *pixels: object) -> str:
    return ",".join(map(str, [label, *pixels, *[0] * (784 - len(pixels))]))


def read(*rows: str, end: str = "\n") -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.uint8]], list[int]]:
    images, labels = read_pixel_csv(io.BytesIO((end.join(rows) + end).encode()), "letters.csv", 25)
    return images, labels.tolist()


@pytest.mark.parametrize("block", [1, 100, 1571, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_are_read_whatever_the_block(monkeypatch: pytest.MonkeyPatch, block: int, end: str) -> None:
    monkeypatch.setattr(pixel_csv, "BLOCK_BYTES", block)
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (5, 28, 28)), [0, 25, 3, 10, 9]
    images, found = read(*(row(label, *image.ravel()) for label, image in zip(labels, pixels, strict=True)), end=end)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, pixels)
    assert found == labels


@pytest.mark.parametrize("header", ["label,1x1,1x2", '"label"', ",0,1", "\ufefflabel,pixel1"])
def test_a_header_is_passed_over(header: str) -> None:
    images, labels = read(header, row(7, 255))
    assert labels == [7]
    assert images[0, 0, 0] == 255


def test_a_byte_order_mark_and_a_missing_last_newline_do_not_matter() -> None:
    content = f"\ufeff{row(4)}\n{row(5)}".encode()
    assert read_pixel_csv(io.BytesIO(content), "a", 25)[1].tolist() == [4, 5]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([row(0), "1,2,3"], "row 2 has 3 values instead of a label and 784 pixels"),
        (["label", row(0), row(0) + ",1"], "row 3 has 786 values"),
        ([row(0), "", row(1)], "row 2 has 1 values"),
        ([row(0), row(1), row(26)], "row 3 has the label '26' instead of a whole number from 0 to 25"),
        ([row(0), row(-1)], "row 2 has the label '-1'"),
        ([row(1, 2, 256)], "row 1 has the pixel 2 '256' instead of a whole number from 0 to 255"),
        ([row(1, "0.5")], "row 1 has the pixel 1 '0.5'"),
        ([row(1, "")], "row 1 has the pixel 1 ''"),
        ([row(1, "0001")], "row 1 has the pixel 1 '0001'"),
        ([row(1, "²")], "row 1 has the pixel 1 '²'"),
        ([row(1).replace(",", ";", 1)], "row 1 has 784 values"),
        ([row(1).replace(",", "\n", 1)], "row 1 has 1 values"),
        (["label,pixel0"], "letters.csv has no rows"),
        ([], "letters.csv has no rows"),
    ],
)
@pytest.mark.parametrize("block", [100, 1 << 20])
def test_the_first_wrong_row_is_named(
    monkeypatch: pytest.MonkeyPatch, rows: list[str], problem: str, block: int
) -> None:
    monkeypatch.setattr(pixel_csv, "BLOCK_BYTES", block)
    with pytest.raises(DataError, match=problem):
        read(*rows)


def test_progress_is_told_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_csv, "BLOCK_BYTES", 3000)
    content = "".join(row(1) + "\n" for _ in range(10)).encode()
    told: list[tuple[int, int]] = []
    read_pixel_csv(io.BytesIO(content), "a", 25, len(content), lambda done, total: told.append((done, total)))
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1] == (len(content), len(content))
    assert {total for _, total in told} == {len(content)}
