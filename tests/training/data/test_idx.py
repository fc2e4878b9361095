import numpy as np
import pytest

from glyphvae_training.data.idx import idx_bytes, parse_idx
from glyphvae_training.errors import DataError

# Two images of 2x3, written out by hand from the format's description.
CONTENT = bytes.fromhex("00000803 00000002 00000002 00000003") + bytes(range(12))
ARRAY = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)


def test_the_header_gives_the_shape() -> None:
    array = parse_idx(CONTENT, "hand")
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(array, ARRAY)


def test_writing_is_the_inverse_of_reading() -> None:
    assert idx_bytes(ARRAY) == CONTENT


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"P5 28", "not an IDX file: it starts with '50352032'"),
        (CONTENT[:2] + b"\x0d" + CONTENT[3:], "type 0x0d; only unsigned bytes"),
        (CONTENT[:10], "ends within its IDX header"),
        (CONTENT[:-1], r"holds 11 bytes where its header \(2, 2, 3\) asks for 12"),
        (CONTENT + b"\0", "holds 13 bytes"),
    ],
)
def test_what_is_not_idx_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=f"letters.*{message}"):
        parse_idx(content, "letters")
