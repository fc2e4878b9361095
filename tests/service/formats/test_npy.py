import io
import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from glyphvae.formats.npy import ArrayNotAllowedError, MalformedArrayError, npy_bytes, npy_header, open_images

# Of arrays, and of the levels that they are read as.
SHAPES: dict[tuple[int, ...], tuple[int, ...]] = {
    (28, 28): (1, 28, 28),
    (18, 11): (1, 18, 11),
    (784, 1): (1, 784, 1),
    (1, 784): (1, 28, 28),
    (5, 784): (5, 28, 28),
    (3, 28, 28): (3, 28, 28),
    (2, 7, 11): (2, 7, 11),
    (1, 1, 1): (1, 1, 1),
    (18, 11, 1): (1, 18, 11),
    (18, 11, 3): (1, 18, 11, 3),
    (28, 28, 4): (1, 28, 28, 4),
    (1, 784, 1): (1, 1, 784),
    (5, 7, 3, 1): (5, 7, 3),
    (5, 7, 11, 3): (5, 7, 11, 3),
    (1, 784, 1, 4): (1, 784, 1, 4),
}


def saved(array: ArrayLike) -> bytes:
    file = io.BytesIO()
    np.save(file, np.asanyarray(array), allow_pickle=True)
    return file.getvalue()


def read(data: bytes, max_images: int = 10, max_pixels: int = 1000) -> NDArray[np.uint8]:
    return open_images(data, max_images=max_images, max_pixels=max_pixels).levels()


def with_header(text: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(text))
    return b"\x93NUMPY" + version + length + text.encode("latin-1") + data


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fortran", [False, True])
def test_uint8_is_read_as_it_is(shape: tuple[int, ...], fortran: bool) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    images = read(saved(np.asfortranarray(array) if fortran else array))
    assert images.dtype == np.uint8
    assert images.flags.c_contiguous
    assert np.array_equal(images, array.reshape(SHAPES[shape]))


@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8"])
@pytest.mark.parametrize("fortran", [False, True])
def test_floats_are_ink_from_0_to_1(dtype: str, fortran: bool) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (3, 5, 7), np.uint8)
    array = (levels / 255).astype(dtype)
    assert np.array_equal(read(saved(np.asfortranarray(array) if fortran else array)), levels)


@pytest.mark.parametrize("dtype", ["|i1", *(f"{order}{kind}" for order in "<>" for kind in ("i2", "u4", "i8", "u8"))])
def test_integers_are_levels_from_0_to_255(dtype: str) -> None:
    levels = np.random.default_rng(0).integers(0, 128 if dtype == "|i1" else 256, (3, 5, 7), np.uint8)
    assert np.array_equal(read(saved(levels.astype(dtype))), levels)


@pytest.mark.parametrize(("value", "dtype"), [(-1, "i1"), (256, "i8"), (-1, "i8"), (65535, "u2"), (2**64 - 1, "u8")])
def test_integers_outside_0_to_255_are_refused(value: int, dtype: str) -> None:
    array = np.zeros((28, 28), dtype)
    array[3, 4] = value
    with pytest.raises(ArrayNotAllowedError, match="outside 0-255, which is the range for integers"):
        read(saved(array))


def test_bool_is_ink_or_paper() -> None:
    array = np.random.default_rng(0).random((2, 28, 28)) < 0.3
    assert np.array_equal(read(saved(array)), array * np.uint8(255))
    assert read(saved(array)[:-1] + b"\x07")[-1, -1, -1] == 255


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.01, 1.01, 255.0, 1e300])
def test_values_outside_0_to_1_are_refused(value: float) -> None:
    array = np.zeros((28, 28))
    array[3, 4] = value
    with pytest.raises(ArrayNotAllowedError, match=r"\[0, 1\]"):
        read(saved(array))


@pytest.mark.parametrize("dtype", ["c8", "U1", "S1", "M8[s]", "O"])
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(ArrayNotAllowedError, match=r"dtype.*allowed is uint8"):
        read(saved(np.zeros((28, 28), dtype)))


def test_pickles_are_refused_unread() -> None:
    with pytest.raises(ArrayNotAllowedError, match=r"'\|O'"):
        read(saved(np.array([{}], object)))
    with pytest.raises(MalformedArrayError):
        read(b"\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00\x8c\x05hello\x94.")


@pytest.mark.parametrize(
    "shape",
    [
        (),
        (784,),
        (784, 784),
        (28, 27, 2),
        (0, 784),
        (0, 28, 28),
        (1, 0, 5),
        (28, 0),
        (3, 1, 28, 28),
        (28, 28, 28, 2),
        (1, 1, 28, 28, 1),
    ],
)
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        ArrayNotAllowedError, match=r"shape.*allowed is \(height, width\) for one.* channels, which come last"
    ):
        read(saved(np.zeros(shape, np.uint8)))


def test_limits_hold_at_the_limit_and_beyond() -> None:
    array = np.zeros((4, 30, 20), np.uint8)
    assert read(saved(array), 4, 600).shape == array.shape
    with pytest.raises(ArrayNotAllowedError, match="holds 4 images; at most 3"):
        read(saved(array), 3, 600)
    with pytest.raises(ArrayNotAllowedError, match="have 600 pixels; at most 599"):
        read(saved(array), 4, 599)


def test_announced_size_is_not_believed() -> None:
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (999999999, 28, 28), }"
    with pytest.raises(MalformedArrayError, match="holds 0"):
        read(with_header(header), max_images=10**9)
    with pytest.raises(ArrayNotAllowedError, match="at most 10"):
        read(with_header(header.replace("999999999", "9" * 900)))


@pytest.mark.parametrize("cut", [0, 5, 6, 7, 8, 9, 10, 60, 127, 128, 500, 911])
def test_truncated_files_are_refused(cut: int) -> None:
    file = saved(np.zeros((28, 28), np.uint8))
    assert len(file) == 912
    with pytest.raises(MalformedArrayError):
        read(file[:cut])


def test_bytes_left_over_are_refused() -> None:
    with pytest.raises(MalformedArrayError, match="declares 784 bytes of values but holds 785"):
        read(saved(np.zeros((28, 28), np.uint8)) + b"\0")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "{}",
        "__import__('os').abort()",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (28, 28), 'x': 1}",
        "{'descr': '|u1', 'fortran_order': False}",
        "{'descr': '|u1', 'descr': False, 'shape': (28, 28)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (28, -28)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': '(28, 28)'}",
        "{'descr': '|u1', 'fortran_order': 'True', 'shape': (28, 28)}",
        "{'descr': True, 'fortran_order': True, 'shape': (28, 28)}",
        "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (28, 28)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (28L, 28L)}",
        "(" * 1000,
        " " * 1025,
    ],
)
def test_strange_headers_are_refused(header: str) -> None:
    with pytest.raises(MalformedArrayError):
        read(with_header(header, bytes(784)))


@pytest.mark.parametrize(
    "header",
    [
        '{"shape":(28,28),"descr":"|u1","fortran_order":False}',
        "{'descr': '|u1', 'fortran_order': False, 'shape': (28, 28), }" + " " * 40 + "\n",
    ],
)
@pytest.mark.parametrize("version", [b"\x01\x00", b"\x02\x00"])
def test_headers_of_other_writers_are_read(header: str, version: bytes) -> None:
    assert read(with_header(header, bytes(784), version)).shape == (1, 28, 28)


@pytest.mark.parametrize("version", [b"\x03\x00", b"\x00\x00", b"\x01\x01"])
def test_other_versions_are_refused(version: bytes) -> None:
    with pytest.raises(MalformedArrayError, match=r"1\.0 or 2\.0"):
        read(with_header("{'descr': '|u1', 'fortran_order': False, 'shape': (28, 28), }", bytes(784), version))


@given(st.binary(max_size=200), st.integers(0, 127))
def test_damaged_files_are_read_or_refused(patch: bytes, place: int) -> None:
    file = bytearray(saved(np.zeros((28, 28), np.float32)))
    file[place : place + len(patch)] = patch
    with suppress(MalformedArrayError, ArrayNotAllowedError):
        assert read(bytes(file)).dtype == np.uint8


@pytest.mark.parametrize("array", [np.zeros((2, 28, 28), np.uint8), np.arange(6.0, dtype=np.float32), np.array(5)])
def test_numpy_reads_what_is_written(array: NDArray[np.generic]) -> None:
    loaded = np.load(io.BytesIO(npy_bytes(array)))
    assert loaded.dtype == array.dtype
    assert np.array_equal(loaded, array)
    assert npy_bytes(array) == saved(array)


def test_header_and_chunks_make_a_file() -> None:
    array = np.arange(3 * 784, dtype=np.uint8).reshape(3, 28, 28)
    file = npy_header((3, 28, 28), np.uint8) + b"".join(glyph.tobytes() for glyph in array)
    assert np.array_equal(np.load(io.BytesIO(file)), array)


def test_written_arrays_are_in_c_order() -> None:
    array = np.asfortranarray(np.arange(6).reshape(2, 3))
    assert np.array_equal(np.load(io.BytesIO(npy_bytes(array))), array)
