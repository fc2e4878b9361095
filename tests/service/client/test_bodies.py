import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from glyphvae.client.bodies import body_of
from tests.service.support import grey, image_file, npy

J = image_file(grey(119)[0])


@pytest.mark.parametrize(
    "given",
    [
        lambda _: J,
        bytearray,
        memoryview,
        lambda path: path,
        str,
        lambda path: path.open("rb"),
        lambda path: io.BytesIO(path.read_bytes()),
    ],
    ids=["bytes", "bytearray", "memoryview", "Path", "str", "open file", "file in memory"],
)
def test_a_file_is_sent_as_it_is(given: Callable[[Any], Any], tmp_path: Path) -> None:
    path = tmp_path / "j.png"
    path.write_bytes(J)
    source = J if given in (bytearray, memoryview) else path
    image = given(source)
    body = body_of(image)
    assert body == {"content": J}
    if isinstance(image, io.BufferedReader):
        image.close()


def test_pillow_images_are_sent_as_png_and_arrays_as_npy() -> None:
    sent = Image.open(io.BytesIO(body_of(Image.fromarray(grey(119)[0]))["content"]))
    assert (sent.format, sent.size, sent.getpixel((0, 0))) == ("PNG", (28, 28), 119)
    colours = np.zeros((18, 11, 3), np.int64)
    assert body_of(colours) == {"content": npy(colours)}


def test_a_pillow_image_of_a_photograph_is_sent_upright() -> None:
    """PNG files are saved without the EXIF data that says how the camera was held."""
    photograph = Image.new("RGB", (20, 10), "white")
    photograph.putpixel((0, 0), (0, 0, 0))
    photograph.getexif()[0x0112] = 6
    sent = Image.open(io.BytesIO(body_of(photograph)["content"]))
    assert (sent.size, sent.getpixel((9, 0)), sent.getexif().get(0x0112, 1)) == ((10, 20), (0, 0, 0), 1)
    assert photograph.size == (20, 10)


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV"])
def test_a_pillow_image_of_a_mode_that_png_has_not_is_sent_in_rgb(mode: str) -> None:
    image = Image.new("RGB", (4, 4), (255, 0, 0)).convert(mode)
    sent = Image.open(io.BytesIO(body_of(image)["content"]))
    assert sent.mode == "RGB"
    assert sent.getpixel((0, 0)) == pytest.approx((255, 0, 0), abs=2)


@pytest.mark.parametrize("several", [list, tuple])
def test_several_are_sent_as_files_of_a_form(several: type, tmp_path: Path) -> None:
    path = tmp_path / "j.png"
    path.write_bytes(J)
    body = body_of(several([J, str(path), io.BytesIO(J), grey(120)[0]]))
    assert body == {
        "files": [("file", ("0", J)), ("file", ("1", J)), ("file", ("2", J)), ("file", ("3", npy(grey(120)[0])))]
    }


@pytest.mark.parametrize("image", [None, 7, io.StringIO("text")])
def test_what_is_no_image_is_refused(image: object) -> None:
    with pytest.raises(TypeError, match="is no image; pass bytes, a path, a file opened for reading bytes"):
        body_of(image)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=f"{type(image).__name__} is no image"):
        body_of([J, image])  # type: ignore[list-item]


def test_a_path_to_nothing_is_an_error_of_the_file_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        body_of(str(tmp_path / "j.png"))
