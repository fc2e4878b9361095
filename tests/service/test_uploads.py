import httpx
import numpy as np
import pytest

from service.errors import InvalidParameter, MalformedBody, UnsupportedMedia
from service.uploads import INLINE_BYTES
from tests.service.support import expect_problem, grey, image_file, npy

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
    expect_problem(response, MalformedBody, "The multipart body has no file.")


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
    expect_problem(await encode(client, files=files), UnsupportedMedia, "body.file[1] is none of PNG, JPEG, WebP")
    files[1] = ("file", b"")
    expect_problem(await encode(client, files=files), MalformedBody, "body.file[1] is empty")
    files[1] = ("file", J[:40])
    expect_problem(await encode(client, files=files), MalformedBody, "body.file[1]: ")
    files[1] = ("file", image_file(np.zeros((30, 30), np.uint8)))
    expect_problem(await encode(client, files=files), InvalidParameter, "28", "body.file[1]")


async def test_the_image_of_an_array_that_is_wrong_is_named(client: httpx.AsyncClient) -> None:
    drawings = np.full((3, 40, 40), 255, dtype=np.uint8)
    drawings[:2, 10:30, 15:25] = 0
    expect_problem(await client.post("/encode", content=npy(drawings)), InvalidParameter, "ink", "body[2]")
    expect_problem(await client.post("/encode", content=npy(drawings[::-1])), InvalidParameter, "ink", "body[0]")
    expect_problem(await client.post("/encode", content=npy(drawings[2:])), InvalidParameter, "ink", "body")
    files = [("file", npy(drawings))]
    expect_problem(await client.post("/encode", files=files), InvalidParameter, "ink", "body.file[0][2]")


async def test_large_bodies_are_read_as_small_ones(client: httpx.AsyncClient) -> None:
    small, large = npy(grey(119)), npy(grey(*[119] * 40))
    assert len(small) <= INLINE_BYTES < len(large)
    (one,) = (await encode(client, content=small)).json()["encodings"]
    assert (await encode(client, content=large)).json()["encodings"] == [one] * 40
