import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image

from glyphvae.formats import png
from glyphvae.formats.colours import BLACK, WHITE, Colour, painted
from glyphvae.formats.png import encode, read, unfilter
from tests.service.support import counted_beats, image_file

PICTURES = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=70))


def decode(file: bytes, max_pixels: int) -> NDArray[np.uint8] | None:
    rows = read(file, max_pixels)
    return None if rows is None else unfilter([rows])[0]


def decoded(file: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(file), formats=["PNG"])
    image.load()
    return image


@given(PICTURES)
def test_black_on_white_is_inverted_greyscale(pixels: NDArray[np.uint8]) -> None:
    image = decoded(encode(pixels))
    assert image.mode == "L"
    assert np.array_equal(np.asarray(image), 255 - pixels)


@given(PICTURES)
def test_white_on_black_is_the_pixels(pixels: NDArray[np.uint8]) -> None:
    assert np.array_equal(np.asarray(decoded(encode(pixels, WHITE, BLACK))), pixels)


@given(PICTURES, st.integers(0, 255), st.integers(0, 255))
def test_greys_are_mixed_linearly(pixels: NDArray[np.uint8], ink: int, paper: int) -> None:
    inks, papers = Colour(ink, ink, ink), Colour(paper, paper, paper)
    image = decoded(encode(pixels, inks, papers))
    assert image.mode == "L"
    assert np.array_equal(np.asarray(image.convert("RGB")), painted(pixels, inks, papers))


@pytest.mark.parametrize("ink", [BLACK, Colour(1, 2, 3)])
def test_a_resolution_is_told_to_programs_that_print(ink: Colour) -> None:
    plain = encode(np.eye(9, dtype=np.uint8), ink)
    image = Image.open(io.BytesIO(png.with_resolution(plain, 300)))
    assert image.info["dpi"] == pytest.approx((300, 300), abs=0.02)
    assert np.array_equal(np.asarray(image), np.asarray(Image.open(io.BytesIO(plain))))


def test_uniform_pictures_are_small() -> None:
    """Larger pictures are worth more effort: there, bytes cost more than time."""
    assert len(encode(np.zeros((28, 28), np.uint8))) < 28 * 28 / 2
    assert len(encode(np.tile(np.arange(256, dtype=np.uint8), (256, 1)))) < 256 * 256 / 50


def test_views_are_encoded_like_copies() -> None:
    pixels = np.arange(60, dtype=np.uint8).reshape(6, 10)
    assert encode(pixels[::2, ::-1]) == encode(pixels[::2, ::-1].copy())


def test_other_dtypes_are_not_cut_to_bytes() -> None:
    with pytest.raises(TypeError):
        encode(np.full((2, 2), 0.5))


@given(PICTURES)
def test_an_encoded_picture_is_decoded_again(pixels: NDArray[np.uint8]) -> None:
    found = decode(encode(pixels, WHITE, BLACK), 70 * 70)
    assert found is not None
    assert found.dtype == np.uint8
    assert np.array_equal(found, pixels)


@given(PICTURES)
def test_filtered_rows_of_other_writers_are_read(pixels: NDArray[np.uint8]) -> None:
    found = decode(image_file(pixels), 70 * 70)
    assert found is not None
    assert found.dtype == np.uint8
    assert np.array_equal(found, pixels)


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 12), st.integers(1, 12))), st.data())
def test_pictures_read_together_are_those_read_alone(pictures: NDArray[np.uint8], data: st.DataObject) -> None:
    writers = [data.draw(st.sampled_from([encode_white, image_file])) for _ in pictures]
    rows = [read(write(picture), 144) for write, picture in zip(writers, pictures, strict=True)]
    assert np.array_equal(unfilter([row for row in rows if row is not None]), pictures)


def encode_white(pixels: NDArray[np.uint8]) -> bytes:
    return encode(pixels, WHITE, BLACK)


@pytest.mark.parametrize(
    ("data", "known"),
    [
        *((zlib.compress(bytes([filtering, 7])), filtering < 5) for filtering in (0, 4, 5, 255)),
        (b"\x78\x9cno stream", False),
        (zlib.compress(b"\0\x07") + b"behind", False),
    ],
)
def test_unknown_filters_and_broken_streams_are_left_to_others(data: bytes, known: bool) -> None:
    head, tail = encode(np.zeros((1, 1), np.uint8))[:33], b"\0\0\0\0IEND\xaeB`\x82"
    block = b"IDAT" + data
    file = head + struct.pack(">I", len(data)) + block + struct.pack(">I", zlib.crc32(block)) + tail
    found = decode(file, 1)
    assert (found is not None and found.tolist() == [[7]]) is known


@given(PICTURES, st.sampled_from([encode, image_file]), st.data())
def test_a_changed_file_is_read_as_others_read_it_or_not_at_all(
    pixels: NDArray[np.uint8], write: Callable[[NDArray[np.uint8]], bytes], data: st.DataObject
) -> None:
    file = bytearray(write(pixels))
    place = data.draw(st.integers(0, len(file) - 1))
    file[place] = data.draw(st.integers(0, 255))
    found = decode(bytes(file), 70 * 70)
    assert found is None or np.array_equal(found, np.asarray(decoded(bytes(file))))


@given(PICTURES, st.data())
def test_a_file_cut_short_or_with_more_behind_it_is_left_to_others(
    pixels: NDArray[np.uint8], data: st.DataObject
) -> None:
    file = encode(pixels)
    assert decode(file[: data.draw(st.integers(0, len(file) - 1))], 70 * 70) is None
    assert decode(file + b"\0", 70 * 70) is None


def test_other_files_are_left_to_pillow() -> None:
    pixels = np.arange(784, dtype=np.uint8).reshape(28, 28)
    assert decode(encode(pixels), 783) is None
    assert decode(encode(pixels, Colour(255, 0, 0)), 784) is None  # a palette
    assert decode(image_file(np.dstack([pixels] * 3)), 784) is None
    assert decode(b"", 784) is None


def test_rows_of_another_length_are_left_to_pillow() -> None:
    pixels = np.zeros((4, 4), np.uint8)
    wide, high = encode(pixels), encode(np.zeros((5, 4), np.uint8))
    # The header of one, with its sum, before the pixels of the other.
    assert decode(wide[:33] + high[33:], 99) is None
    assert decode(high[:33] + wide[33:], 99) is None


@pytest.mark.parametrize(("ink", "paper"), [(BLACK, WHITE), (WHITE, BLACK), (Colour(9, 9, 200), None)])
def test_a_large_picture_is_encoded_strip_by_strip(
    ink: Colour, paper: Colour | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (70, 40), np.uint8)
    whole = np.asarray(decoded(encode(pixels, ink, paper)).convert("RGBA"))
    monkeypatch.setattr(png, "_STRIP", 3 * 40)
    with counted_beats() as beats:
        file = encode(pixels, ink, paper)
    assert len(beats) == 24
    assert np.array_equal(np.asarray(decoded(file).convert("RGBA")), whole)
