import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from glyphvae.kserve.tensors import TYPES, InvalidTensorError, Spec

PIXELS, LABEL, Z = Spec("pixels", "UINT8", (-1, 2, 3)), Spec("label", "INT64", (-1, 1)), Spec("z", "FP32", (-1, 2))


@given(values=nps.arrays(np.uint8, st.tuples(st.integers(1, 4), st.just(2), st.just(3))), flat=st.booleans())
def test_json_and_bytes_say_the_same(values: np.typing.NDArray[np.uint8], flat: bool) -> None:
    data = values.ravel().tolist() if flat else values.tolist()
    assert (PIXELS.from_json("UINT8", values.shape, data) == values).all()
    assert (PIXELS.from_bytes("UINT8", values.shape, values.tobytes()) == values).all()


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_one_value_a_row_may_have_an_axis_of_its_own(shape: tuple[int, ...]) -> None:
    tensor = LABEL.from_json("INT64", shape, [1, 2, 3])
    assert (tensor.shape, str(tensor.dtype)) == (shape, "int64")


def test_whole_numbers_are_floats_too() -> None:
    assert Z.from_json("FP32", (1, 2), [1, 2.5]).tolist() == [[1, 2.5]]
    assert Z.from_bytes("FP32", (1, 2), np.array([1, 2.5], "<f4").tobytes()).tolist() == [[1, 2.5]]


@pytest.mark.parametrize(
    ("datatype", "shape", "data", "says"),
    [
        ("FP32", (1, 2, 3), [0] * 6, "the datatype is 'FP32', but the model takes UINT8"),
        ("UINT8", (1, 6), [0] * 6, r"the shape is \[1, 6\], but the model takes \[-1, 2, 3\]"),
        ("UINT8", (0, 2, 3), [], "the shape is"),
        ("UINT8", (-1, 2, 3), [0] * 6, "the shape is"),
        ("UINT8", (), [0], "the shape is"),
        ("UINT8", (1, 2, 3), [0] * 5, "data holds 5 values, but the shape needs 6"),
        ("UINT8", (1, 2, 3), [0] * 5 + [256], "not UINT8"),
        ("UINT8", (1, 2, 3), [0] * 5 + [-1], "not UINT8"),
        ("UINT8", (1, 2, 3), [0] * 5 + [0.5], "not UINT8"),
        ("UINT8", (1, 2, 3), [0] * 5 + ["0"], "not UINT8"),
        ("UINT8", (1, 2, 3), [True] * 6, "not UINT8"),
        ("UINT8", (1, 2, 3), [None] * 6, "not UINT8"),
        ("UINT8", (1, 2, 3), [{}] * 6, "not UINT8"),
        ("UINT8", (1, 2, 3), [[0, 0], [0, 0, 0, 0]], "no common shape"),
        ("UINT8", (1, 2, 3), [[0, 0], 0, 0, 0, 0], "no common shape"),
        ("F" * 500, (1, 2, 3), [0] * 6, r"the datatype is 'F{40}'\.\.\., but"),
    ],
)
def test_an_invalid_tensor_is_named(datatype: str, shape: tuple[int, ...], data: list[object], says: str) -> None:
    with pytest.raises(InvalidTensorError, match=f"pixels: .*{says}"):
        PIXELS.from_json(datatype, shape, data)


@pytest.mark.parametrize("size", [0, 5, 7])
def test_bytes_have_to_fill_the_shape(size: int) -> None:
    with pytest.raises(InvalidTensorError, match=f"pixels: the binary data has {size} bytes, but the shape needs 6"):
        PIXELS.from_bytes("UINT8", (1, 2, 3), bytes(size))


def test_integers_beyond_64_bits_are_refused() -> None:
    with pytest.raises(InvalidTensorError, match="label: data holds values that are not INT64"):
        LABEL.from_json("INT64", (1,), [2**64])


def test_types_are_little_endian() -> None:
    assert all(dtype.newbyteorder("<") == dtype for dtype in TYPES.values())


@pytest.mark.parametrize("count", [2, 2000])
def test_no_array_is_made_of_what_are_no_numbers(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy would make room for the longest string at each place."""
    made: list[object] = []
    monkeypatch.setattr(np, "array", lambda *arguments: made.append(arguments))
    with pytest.raises(InvalidTensorError, match="z: data holds"):
        Z.from_json("FP32", (1, 2), ["a" * 200_000, *["b"] * (count - 1)])
    assert not made


def test_a_number_too_large_for_the_type_is_infinite() -> None:
    assert Z.from_json("FP32", (1, 2), [1e300, 0]).tolist() == [[np.inf, 0]]
