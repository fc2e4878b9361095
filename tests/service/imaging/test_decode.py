import io
import struct
import subprocess
import sys
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from glyphvae.imaging.decode import ImageTooLargeError, MalformedImageError, open_image

GREY = np.random.default_rng(0).integers(0, 256, (9, 13), np.uint8)


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401 (Pillow's own)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def decode(data: bytes, max_pixels: int = 10_000, max_frames: int = 1) -> NDArray[np.uint8]:
    return open_image(data, max_pixels=max_pixels, max_frames=max_frames).grey()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, depth: int, kind: int, rows: bytes, *chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    parts = (chunk(b"IHDR", header), *chunks, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def smooth(height: int = 40, width: int = 56) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    levels: NDArray[np.float64] = 127 + 100 * np.sin(x / 9) * np.cos(y / 7)
    return levels.astype(np.uint8)


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("PNG", {"optimize": True}), ("WEBP", {"lossless": True, "exact": True})]
)
def test_lossless_grey_comes_back_exactly(kind: str, options: dict[str, Any]) -> None:
    decoded = decode(saved(Image.fromarray(GREY), kind, **options))
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, GREY)


@pytest.mark.parametrize(("kind", "options"), [("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {})])
def test_lossy_grey_comes_back_nearly(kind: str, options: dict[str, Any]) -> None:
    decoded = decode(saved(Image.fromarray(smooth()), kind, quality=95, **options))
    assert np.abs(decoded.astype(int) - smooth()).max() < 12


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_mode_of_png_is_read(mode: str) -> None:
    original = np.where(GREY > 127, 255, 0).astype(np.uint8)
    assert np.array_equal(decode(saved(Image.fromarray(original).convert(mode))), original)


def test_colour_becomes_luma() -> None:
    image = Image.new("RGB", (3, 1))
    image.putdata([(255, 0, 0), (0, 255, 0), (0, 0, 255)])
    assert decode(saved(image)).tolist() == [[76, 150, 29]]


def test_cmyk_is_read() -> None:
    image = Image.fromarray(smooth()).convert("RGB").convert("CMYK")
    assert np.abs(decode(saved(image, "JPEG", quality=95)).astype(int) - smooth()).max() < 12


def test_16_bit_grey_is_scaled_and_not_clipped() -> None:
    levels = GREY.astype(np.uint16) * 257
    assert np.array_equal(decode(saved(Image.fromarray(levels))), GREY)


def test_transparent_level_of_16_bit_grey_shows_paper() -> None:
    rows = b"\0" + struct.pack(">HHH", 0, 257 * 9, 65535)
    assert decode(png(3, 1, 16, 0, rows, chunk(b"tRNS", struct.pack(">H", 257 * 9)))).tolist() == [[0, 255, 255]]
    assert decode(png(3, 1, 16, 0, rows)).tolist() == [[0, 9, 255]]


def test_16_bit_colour_is_read() -> None:
    rows = b"\0" + struct.pack(">HHH", 0, 0, 0) + struct.pack(">HHH", 65535, 65535, 65535)
    assert decode(png(2, 1, 16, 2, rows)).tolist() == [[0, 255]]


def test_transparency_shows_white_paper() -> None:
    image = Image.new("RGBA", (3, 1))
    image.putdata([(0, 0, 0, 0), (0, 0, 0, 255), (0, 0, 0, 127)])
    assert decode(saved(image)).tolist() == [[255, 0, 128]]
    assert decode(saved(image, "WEBP", lossless=True, exact=True)).tolist() == [[255, 0, 128]]


def test_white_ink_on_transparency_shows_black_paper() -> None:
    image = Image.new("RGBA", (2, 1))
    image.putdata([(255, 255, 255, 0), (255, 255, 255, 255)])
    assert decode(saved(image)).tolist() == [[0, 255]]


def test_transparent_colour_of_a_palette_shows_paper() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 10, 10, 10])
    image.putdata([0, 1])
    assert decode(saved(image, transparency=0)).tolist() == [[255, 10]]


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (6, 3), (3, 2), (8, 1)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_image_is_turned_upright(orientation: int, turns: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(saved(Image.fromarray(smooth()), kind, exif=exif, quality=95))
    upright = np.rot90(smooth(), turns)
    assert decoded.shape == upright.shape
    assert np.abs(decoded.astype(int) - upright).mean() < 5


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_frames_are_limited_and_the_first_is_read(kind: str) -> None:
    frames = [Image.new("L", (8, 8), level) for level in (10, 250)]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    with pytest.raises(ImageTooLargeError, match="2 frames; at most 1"):
        decode(data)
    assert (decode(data, max_frames=2) == 10).all()


def test_further_pictures_behind_a_jpeg_do_not_count() -> None:
    frames = [Image.new("L", (8, 8), level) for level in (10, 250)]
    assert (decode(saved(frames[0], "MPO", save_all=True, append_images=frames[1:])) == 10).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pixels_are_limited(kind: str) -> None:
    data = saved(Image.new("L", (20, 30)), kind)
    assert decode(data, max_pixels=600).shape == (30, 20)
    with pytest.raises(ImageTooLargeError, match="20x30 pixels; at most 599"):
        decode(data, max_pixels=599)


def test_long_thin_image_is_read() -> None:
    assert decode(saved(Image.new("L", (9000, 1), 7))).shape == (1, 9000)


def test_bomb_is_refused_by_its_header() -> None:
    for side in (9_500, 30_000):
        with pytest.raises(ImageTooLargeError, match="10000"):
            decode(png(side, side, 8, 0, b""))
    webp = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (16_382).to_bytes(3, "little") * 2
    with pytest.raises((ImageTooLargeError, MalformedImageError)):
        decode(b"RIFF" + struct.pack("<I", 4 + len(webp)) + b"WEBP" + webp)


def test_colour_profiles_are_read_once_and_not_by_the_hundred() -> None:
    """Pillow inflates each."""
    profile = chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(60_000), 9))
    rows = bytes([0, 7])
    assert decode(png(1, 1, 8, 0, rows, profile)).tolist() == [[7]]
    with pytest.raises(MalformedImageError, match="more colour profiles than a PNG file may have"):
        decode(png(1, 1, 8, 0, rows, *[profile] * 9))


def test_bomb_is_refused_outside_of_tests_too() -> None:
    # Under pytest every warning is an error already, so what the module does about it shows only in another process.
    code = (
        "import sys; from glyphvae.imaging.decode import open_image, ImageTooLargeError\n"
        "try: open_image(sys.stdin.buffer.read(), max_pixels=10**9)\n"
        "except ImageTooLargeError as error: print(error)"
    )
    bomb = png(9_500, 9_500, 8, 0, b"")
    done = subprocess.run([sys.executable, "-c", code], input=bomb, capture_output=True, check=True, timeout=60)
    assert done.stdout.startswith(b"The image has more than")
    assert b"DecompressionBombWarning" not in done.stderr


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_truncated_image_is_refused(kind: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 60), np.uint8)
    data = saved(Image.fromarray(noise), kind)
    with pytest.raises(MalformedImageError, match="complete PNG, JPEG or WebP"):
        decode(data[: int(share * len(data))])


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM", "ICO", "JPEG2000"])
def test_other_formats_are_refused(kind: str) -> None:
    with pytest.raises(MalformedImageError):
        decode(saved(Image.new("RGB", (16, 16)), kind))


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_image_without_pixels_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(MalformedImageError):
        decode(png(*size, 8, 0, b""))


@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_damaged_image_is_read_or_refused(kind: str, place: int, patch: bytes) -> None:
    data = bytearray(saved(Image.fromarray(smooth()), kind))
    data[place : place + len(patch)] = patch
    with suppress(MalformedImageError, ImageTooLargeError):
        assert decode(bytes(data)).ndim == 2


@given(st.binary(max_size=100))
def test_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedImageError):
        decode(data)
