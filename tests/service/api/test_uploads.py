from threading import get_ident

import httpx
import numpy as np
import pytest

from glyphvae.api.context import Context
from glyphvae.api.responses import Body
from glyphvae.api.uploads import MAX_FIELDS, TOGETHER, read_glyphs, read_placed_glyphs
from glyphvae.application import create_app
from glyphvae.errors import InvalidParameter, MalformedBody, UnsupportedMedia
from glyphvae.imaging import decode
from glyphvae.imaging.preprocess import Mode, preprocess
from glyphvae.models.registry import Pixels
from glyphvae.scheduling.cost import INLINE
from glyphvae.scheduling.steps import run_now
from glyphvae.settings import Settings
from tests.service.support import caller, expect_problem, grey, image_file, npy

J = image_file(grey(119)[0])
FORM = {"content-type": "multipart/form-data; boundary=limit"}


def form(*parts: str) -> str:
    return "".join(f"--limit\r\n{part}\r\n" for part in parts) + "--limit--\r\n"


FILE = 'Content-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
FIELD = 'Content-Disposition: form-data; name="label"\r\n\r\nJ'


async def encode(client: httpx.AsyncClient, **request: object) -> httpx.Response:
    return await client.post("/encode?preprocess=none", **request)  # type: ignore[arg-type]


async def test_a_form_without_a_file_is_malformed(client: httpx.AsyncClient) -> None:
    response = await encode(client, content="--limit--\r\n", headers=FORM)
    expect_problem(response, MalformedBody, "The multipart body has no file, or is cut off.")


async def test_a_png_that_curl_has_taken_the_line_ends_from_says_so(client: httpx.AsyncClient) -> None:
    response = await encode(client, content=J.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b""))
    expect_problem(response, MalformedBody, "body is a PNG image whose line ends were removed; curl sends it by ")


async def test_a_text_field_is_refused_by_name(client: httpx.AsyncClient) -> None:
    response = await encode(client, content=form(FIELD), headers=FORM)
    expect_problem(response, InvalidParameter, "'label' is a text field; only files are read", "body")


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (form(FILE), {"content-type": "multipart/form-data"}),
        (form("no header"), FORM),
        (form("Content-Disposition: form-data\r\n\r\nJ"), FORM),
        ("--another\r\n\r\n", FORM),
    ],
)
async def test_a_broken_form_is_malformed(client: httpx.AsyncClient, content: str, headers: dict[str, str]) -> None:
    expect_problem(await encode(client, content=content, headers=headers), MalformedBody, "")


async def test_the_piece_that_is_wrong_is_named(client: httpx.AsyncClient) -> None:
    files = [("file", J), ("file", b"GIF89a")]
    expect_problem(
        await encode(client, files=files), UnsupportedMedia, "body.file[1] is a GIF picture, and none of PNG"
    )
    files[1] = ("file", b"")
    expect_problem(await encode(client, files=files), MalformedBody, "body.file[1] is empty")
    files[1] = ("file", J[:40])
    expect_problem(await encode(client, files=files), MalformedBody, "body.file[1]: ")
    files[1] = ("file", image_file(np.zeros((30, 30), np.uint8)))
    expect_problem(await encode(client, files=files), InvalidParameter, "28", "body.file[1]")
    files[1] = ("file", image_file(np.zeros((101, 100), np.uint8)))
    expect_problem(await encode(client, files=files), InvalidParameter, "at most 10000", "body.file[1]")


async def test_the_image_of_an_array_that_is_wrong_is_named(client: httpx.AsyncClient) -> None:
    drawings = np.full((3, 40, 40), 255, dtype=np.uint8)
    drawings[:2, 10:30, 15:25] = 0
    expect_problem(await client.post("/encode", content=npy(drawings)), InvalidParameter, "ink", "body[2]")
    expect_problem(await client.post("/encode", content=npy(drawings[::-1])), InvalidParameter, "ink", "body[0]")
    expect_problem(await client.post("/encode", content=npy(drawings[2:])), InvalidParameter, "ink", "body")
    files = [("file", npy(drawings))]
    expect_problem(await client.post("/encode", files=files), InvalidParameter, "ink", "body.file[0][2]")


async def test_the_pixels_of_all_images_together_are_limited(client: httpx.AsyncClient, context: Context) -> None:
    """Before the first of them is decoded: the last is broken, and that is not what the answer is about."""
    limit = context.settings.max_total_pixels
    drawing = np.full((100, 100), 255, np.uint8)
    drawing[30:70, 45:55] = 0
    assert limit == 6 * drawing.size
    whole = image_file(drawing)
    files = [("file", whole)] * 5 + [("file", npy(drawing[None]))]
    assert len((await client.post("/encode", files=files)).json()["encodings"]) == 6
    response = await client.post("/encode", files=[*files, ("file", image_file(np.zeros((1, 1), np.uint8)))])
    expect_problem(response, InvalidParameter, f"at most {limit}", "body")
    response = await client.post("/encode", files=[("file", image_file(drawing, "JPEG")[:-40]), *files])
    expect_problem(response, InvalidParameter, f"at most {limit}", "body")


async def test_the_images_of_all_files_together_are_limited(client: httpx.AsyncClient, context: Context) -> None:
    limit = context.settings.max_images
    full = ("file", npy(grey(*[119] * limit)))
    tiny = ("file", npy(np.zeros((limit - 1, 28, 28), np.uint8)))
    assert len((await encode(client, files=[tiny, ("file", J)])).json()["encodings"]) == limit
    expect_problem(await encode(client, files=[full, ("file", J)]), InvalidParameter, f"at most {limit}", "body")


async def test_the_files_of_a_form_are_limited(client: httpx.AsyncClient, context: Context) -> None:
    limit = context.settings.max_images
    assert (await encode(client, files=[("file", J)] * limit)).status_code == 200
    response = await encode(client, files=[("file", J)] * (limit + 1))
    expect_problem(response, InvalidParameter, f"more than {limit} files", "body")


async def test_the_fields_of_a_form_are_limited(client: httpx.AsyncClient) -> None:
    response = await encode(client, content=form(*[FIELD] * MAX_FIELDS), headers=FORM)
    expect_problem(response, InvalidParameter, "'label' is a text field; only files are read", "body")
    response = await encode(client, content=form(*[FIELD] * (MAX_FIELDS + 1)), headers=FORM)
    expect_problem(response, MalformedBody, f"Too many fields. Maximum number of fields is {MAX_FIELDS}")


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The threads that have decoded a picture."""
    found: set[int] = set()
    decoded = decode.Picture.decode

    def remembered(self: decode.Picture, side: int) -> decode.Decoded:
        found.add(get_ident())
        return decoded(self, side)

    monkeypatch.setattr(decode.Picture, "decode", remembered)
    return found


async def test_what_unfolds_to_many_pixels_is_decoded_in_a_thread(context: Context, threads: set[int]) -> None:
    """Decode a file of a few kilobytes that would keep the event loop for a second."""
    drawing = np.full((1000, 1000), 255, np.uint8)
    drawing[300:700, 450:550] = 0
    content = image_file(drawing)
    assert len(content) < INLINE < drawing.size // 4
    settings = context.settings.model_copy(update={"max_image_pixels": drawing.size, "max_total_pixels": drawing.size})
    async with caller(create_app(Context(settings, context.registry))) as client:
        assert (await client.post("/encode", content=content)).status_code == 200
        assert threads
        assert get_ident() not in threads
        small = image_file(grey(119)[0], "WEBP")
        assert (await client.post("/encode?preprocess=none", content=small)).status_code == 200
        assert get_ident() in threads


DRAWING = np.full((40, 40), 255, np.uint8)
DRAWING[8:32, 18:22] = 0
SMALL, LARGE = DRAWING[6:34, 6:34], np.repeat(np.repeat(DRAWING, 3, axis=0), 3, axis=1)


@pytest.mark.parametrize("mode", ["auto", "none"])
@pytest.mark.parametrize(
    ("content", "pictures"),
    [
        *((image_file(picture), [picture]) for picture in (SMALL, DRAWING, LARGE)),
        *((npy(picture[None]), [picture]) for picture in (SMALL, DRAWING, LARGE)),
        (image_file(SMALL, "WEBP"), [SMALL]),
        (image_file(np.dstack([SMALL] * 3)), [SMALL]),
        (npy(LARGE), [LARGE]),
        *((npy(np.dstack([picture] * 3)), [picture]) for picture in (SMALL, LARGE)),
        (npy(np.dstack([DRAWING // 2] * 3 + [255 - DRAWING])), [np.where(DRAWING == 0, DRAWING, 255)]),
        (npy(np.stack([np.dstack([DRAWING.astype(np.int64)] * 3)] * 2)), [DRAWING] * 2),
        (npy(np.stack([SMALL, SMALL[::-1]])), [SMALL, SMALL[::-1]]),
        (npy(np.repeat(SMALL[None], TOGETHER + 2, axis=0)), [SMALL] * (TOGETHER + 2)),
    ],
)
def test_a_body_is_read_the_same_whatever_it_is_written_in(content: bytes, pictures: list[Pixels], mode: Mode) -> None:
    program = read_glyphs(Body(content, "application/octet-stream"), Settings(max_images=200), mode)
    if mode == "none" and pictures[0].shape != (28, 28):
        with pytest.raises(InvalidParameter, match="28"):
            run_now(program)
    else:
        assert np.array_equal(run_now(program).pixels, np.stack([preprocess(picture, mode) for picture in pictures]))


def test_a_colour_photograph_as_an_array_is_one_picture_that_is_read_as_its_file() -> None:
    """With a side of more than is read by its luma alone, and paper that is not clean."""
    photograph = np.random.default_rng(0).integers(190, 230, (180, 117, 3), np.uint8)
    photograph[40:140, 50:64] = [20, 30, 120]
    large = np.repeat(np.repeat(photograph, 6, axis=0), 6, axis=1)
    for picture, scale in ((photograph, 1), (large, 6)):
        settings = Settings(max_image_pixels=picture.size, max_total_pixels=picture.size)
        found = run_now(read_placed_glyphs(Body(image_file(picture), ""), settings, "auto", None))
        assert found.pixels.shape == (1, 28, 28)
        assert np.abs(np.array(found.boxes) / scale - [50, 40, 64, 140]).max() < 4
        for array in (picture, picture.astype(np.int64), picture[None], np.asfortranarray(picture)):
            again = run_now(read_placed_glyphs(Body(npy(array), ""), settings, "auto", None))
            assert np.array_equal(again.pixels, found.pixels)
            assert again.boxes == found.boxes
            assert np.array_equal(run_now(read_glyphs(Body(npy(array), ""), settings, "auto")).pixels, found.pixels)


async def test_of_several_wrong_pictures_the_first_is_told(client: httpx.AsyncClient) -> None:
    """Those of a glyph's size are converted together, later than one behind them is decoded."""
    blank, cut = image_file(np.full((28, 28), 255, np.uint8)), image_file(DRAWING, "JPEG")[:-30]
    response = await client.post("/encode", files=[("file", image_file(SMALL)), ("file", blank), ("file", cut)])
    expect_problem(response, InvalidParameter, "ink", "body.file[1]")
    response = await client.post("/encode", files=[("file", image_file(SMALL)), ("file", cut), ("file", blank)])
    expect_problem(response, MalformedBody, "body.file[1]: ")


async def test_an_image_that_would_take_too_much_memory_is_refused(context: Context) -> None:
    """By its format and mode, before it is decoded."""
    drawing = np.full((120, 120), 255, np.uint8)
    drawing[30:90, 55:65] = 0
    settings = context.settings.model_copy(
        update={"max_image_pixels": 20_000, "max_total_pixels": 60_000, "max_held_bytes": 1 << 20}
    )
    async with caller(create_app(Context(settings, context.registry))) as client:
        for kind, files in (("PNG", 4), ("JPEG", 4)):
            sent = [("file", image_file(drawing, kind))] * files
            assert (await client.post("/encode", files=sent)).status_code == 200
        sent = [("file", image_file(drawing)), ("file", image_file(drawing, "WEBP"))]
        says = "decoding it would take 1180800 bytes of memory"
        expect_problem(await client.post("/encode", files=sent), InvalidParameter, says, "body.file[1]")


async def test_a_small_image_in_a_large_file_is_decoded_in_a_thread(
    client: httpx.AsyncClient, threads: set[int]
) -> None:
    """The bytes are work too, though the pixels are few."""
    small = image_file(SMALL, "JPEG")
    for comment in (bytes(INLINE), bytes(100)):
        content = small[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + small[2:]
        assert (await client.post("/encode", content=content)).status_code == 200
        assert (get_ident() in threads) is (len(comment) < INLINE)
