import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from glyphvae.imaging import decode as decoding
from glyphvae.imaging.decode import (
    MAX_CHUNKS,
    MAX_SCANS,
    MAX_SIDE,
    ImageTooLargeError,
    MalformedImageError,
    open_image,
)
from glyphvae.scheduling.deadline import ClientGoneError, Deadline, current
from tests.service.support import counted_beats

GREY = np.random.default_rng(0).integers(0, 256, (9, 13), np.uint8)


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401 (Pillow's own)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def decode(data: bytes, max_pixels: int = 10_000, max_frames: int = 1) -> NDArray[np.uint8]:
    return open_image(data, max_pixels=max_pixels, max_frames=max_frames).decode().levels


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


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (6, 3), (3, 2), (8, 1), (9, 0)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_image_is_turned_upright(orientation: int, turns: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode(saved(Image.fromarray(smooth()), kind, exif=exif, quality=95))
    upright = np.rot90(smooth(), turns)
    assert decoded.shape == upright.shape
    assert np.abs(decoded.astype(int) - upright).mean() < 5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_as_pillow_does(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(smooth()), exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert np.array_equal(decode(data), np.asarray(upright))


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


def with_chunks(*chunks: bytes) -> bytes:
    return png(2, 1, 8, 0, bytes([0, 7, 9]), *chunks)


def test_a_wrong_checksum_is_refused_wherever_it_is() -> None:
    data = with_chunks(chunk(b"abCd", b"text"))
    assert decode(data).tolist() == [[7, 9]]
    place = 8
    while place < len(data):
        end = place + 12 + int.from_bytes(data[place : place + 4], "big")
        broken = bytearray(data)
        broken[end - 1] ^= 1
        with pytest.raises(MalformedImageError, match="wrong checksum"):
            decode(bytes(broken))
        place = end


def test_a_png_that_is_cut_off_anywhere_is_refused() -> None:
    data = with_chunks()
    for end in range(len(data)):
        with pytest.raises(MalformedImageError):
            decode(data[:end])
    assert decode(data + b"more").tolist() == [[7, 9]]


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    whole = saved(Image.fromarray(smooth()), "WEBP")
    more = b"".join(name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(whole) + len(more) - 8) + whole[8:] + more


def jpeg(**options: Any) -> bytes:  # noqa: ANN401 (Pillow's own)
    return saved(Image.fromarray(smooth()), "JPEG", **options)


def commented(count: int, between: bytes = b"") -> bytes:
    data = jpeg()
    return data[:2] + (between + b"\xff\xfe\0\2") * count + data[2:]


def rescanned(count: int) -> bytes:
    """A progressive JPEG whose last scan is there `count` times more."""
    data = jpeg(progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + data[-2:]


@pytest.mark.parametrize(
    ("many", "own", "limit", "says"),
    [
        (lambda count: with_chunks(*[chunk(b"abCd", b"")] * count), 3, MAX_CHUNKS, "chunks"),
        (lambda count: webp(*[(b"abcd", b"a")] * count), 1, MAX_CHUNKS, "chunks"),
        (commented, 7, MAX_CHUNKS, "segments"),
        (rescanned, 6, MAX_SCANS, "scans"),
    ],
)
def test_what_a_file_repeats_is_limited(many: Callable[[int], bytes], own: int, limit: int, says: str) -> None:
    assert decode(many(limit - own)).ndim == 2
    with pytest.raises(ImageTooLargeError, match=f"more than the {limit} {says} that are allowed"):
        decode(many(limit - own + 1))


def test_what_is_between_the_segments_of_a_jpegs_head_is_limited() -> None:
    """Pillow reads it byte by byte."""
    assert decode(commented(2, b"\xff" * (MAX_CHUNKS // 2))).ndim == 2
    with pytest.raises(ImageTooLargeError, match="segments"):
        decode(commented(2, b"\xff" * (MAX_CHUNKS // 2 + 1)))


def test_the_scans_of_a_preview_do_not_count() -> None:
    preview = rescanned(MAX_SCANS - 6)
    data = jpeg()
    assert decode(data[:2] + b"\xff\xe5" + struct.pack(">H", len(preview) + 2) + preview + data[2:]).ndim == 2
    assert decode(data + preview * 3).ndim == 2


def test_encoders_write_fewer_scans_than_are_allowed() -> None:
    drawing = Image.fromarray(smooth()).convert("CMYK")
    assert decode(saved(drawing, "JPEG", progressive=True)).ndim == 2


@pytest.mark.parametrize("size", [(MAX_SIDE + 1, 1), (1, MAX_SIDE + 1)])
def test_the_sides_are_limited(size: tuple[int, int]) -> None:
    """A row costs as much as several pixels."""
    longest = Image.new("L", (MAX_SIDE, 1), 7)
    assert decode(saved(longest), max_pixels=10**6).shape == (1, MAX_SIDE)
    with pytest.raises(ImageTooLargeError, match=f"at most {MAX_SIDE} are allowed on a side"):
        decode(saved(Image.new("L", size)), max_pixels=10**6)


@pytest.mark.parametrize(
    "image",
    [Image.fromarray(smooth()).convert(mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")]
    + [Image.fromarray(smooth().astype(np.uint16) * 257), Image.new("RGBA", (30, 20), (255, 255, 255, 0))],
    ids=lambda image: f"{image.mode} {image.width}",
)
def test_an_image_in_strips_is_the_same(image: Image.Image, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = decode(saved(image))
    monkeypatch.setattr(decoding, "STRIP", 7 * image.width)
    with counted_beats() as beats:
        assert np.array_equal(decode(saved(image)), whole)
    assert len(beats) >= -(-image.height // 7)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_decoding_stops_when_the_response_is_no_longer_wanted(kind: str) -> None:
    """Between blocks of 64 kB at the latest, whatever they unfold to."""
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1000), np.uint8)
    options = {"quality": 95, "progressive": True} if kind == "JPEG" else {}
    picture = open_image(saved(Image.fromarray(noise), kind, **options), max_pixels=10**6)
    left = iter([False] * 4)
    token = current.set(Deadline(60, lambda: next(left, True)))
    with counted_beats() as beats, pytest.raises(ClientGoneError):
        picture.decode()
    current.reset(token)
    assert len(beats) == 5


@pytest.mark.parametrize(
    ("image", "kind", "options", "per_pixel"),
    [
        (Image.new("L", (100, 100)), "PNG", {}, 1),
        (Image.new("1", (100, 100)), "PNG", {}, 1),
        (Image.new("P", (100, 100)), "PNG", {}, 1),
        (Image.new("I;16", (100, 100)), "PNG", {}, 2),
        (Image.new("RGB", (100, 100)), "PNG", {}, 4),
        (Image.new("RGBA", (100, 100)), "PNG", {}, 4),
        (Image.new("RGB", (100, 100)), "JPEG", {}, 4),
        (Image.new("L", (100, 100)), "JPEG", {}, 1),
        (Image.new("CMYK", (100, 100)), "JPEG", {}, 4),
        (Image.new("RGB", (100, 100)), "JPEG", {"progressive": True}, 12),
        (Image.new("RGB", (100, 100)), "WEBP", {}, 16),
    ],
)
def test_memory_is_counted_by_mode_and_format(
    image: Image.Image, kind: str, options: dict[str, Any], per_pixel: int
) -> None:
    cost = open_image(saved(image, kind, **options), max_pixels=10_000).cost
    assert cost.held == 10_000 * (per_pixel + 2 + 64)


def test_bytes_and_scans_are_work() -> None:
    plain, padded, scanned = (
        open_image(data, max_pixels=10_000).cost.work for data in (jpeg(), commented(1000), rescanned(20))
    )
    assert padded - plain == 4000
    assert scanned - len(rescanned(20)) > plain - len(jpeg())


def levels_of(image: Image.Image, kind: str = "PNG", **options: Any) -> decoding.Decoded:  # noqa: ANN401 (Pillow's own)
    data = saved(image, kind, **options)
    return open_image(data, max_pixels=10_000_000).decode()


PINK = Image.new("RGB", (300, 200), (230, 120, 140))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_colours_are_kept_where_the_paper_is_not_clean(kind: str) -> None:
    levels = levels_of(PINK, kind).levels
    assert levels.shape == (200, 300, 3)
    assert np.abs(levels[100, 150].astype(int) - (230, 120, 140)).max() <= 6


def test_a_drawing_on_clean_paper_has_grey_levels() -> None:
    drawing = Image.new("RGB", (300, 200), "white")
    drawing.paste((200, 0, 0), (100, 50, 120, 150))
    assert levels_of(drawing).levels.shape == (200, 300)


def test_small_and_grey_images_have_grey_levels() -> None:
    assert levels_of(PINK.resize((64, 40))).levels.shape == (40, 64)
    assert levels_of(PINK.resize((64, 40)), "JPEG").levels.shape == (40, 64)
    assert levels_of(PINK.convert("L")).levels.shape == (200, 300)
    assert levels_of(PINK.convert("L"), "JPEG").levels.shape == (200, 300)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_large_colours_are_reduced(kind: str) -> None:
    found = levels_of(PINK.resize((3000, 1500)), kind)
    assert found.levels.shape[2] == 3
    assert max(found.levels.shape) <= decoding.MAX_COLOURED
    assert found.reduction == pytest.approx(3000 / found.levels.shape[1])


def test_colours_behind_transparency_are_on_white() -> None:
    image = Image.new("RGBA", (300, 200), (230, 120, 140, 128))
    assert np.abs(levels_of(image).levels[100, 150].astype(int) - (242, 187, 197)).max() <= 2


def test_a_large_jpeg_is_decoded_smaller_in_less_memory() -> None:
    cost = open_image(saved(PINK.resize((2000, 1000)), "JPEG"), max_pixels=10_000_000).cost
    assert cost.held == 2_000_000 * 3 + 512 * 512 * 64
