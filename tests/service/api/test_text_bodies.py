from base64 import b64encode, encodebytes, urlsafe_b64encode

import httpx
import numpy as np
import pytest

from glyphvae.api.context import Context
from glyphvae.errors import BodyTooLarge, InvalidParameter, MalformedBody, UnsupportedMedia
from tests.known_model import LABELS
from tests.service.support import expect_problem, grey, image_file, npy

J, K = image_file(grey(119)[0]), image_file(grey(120)[0], "WEBP")
AS_JSON = {"content-type": "application/json"}


def url(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"


async def labels(client: httpx.AsyncClient, path: str = "/encode", **request: object) -> list[str]:
    response = await client.post(f"{path}?preprocess=none", **request)  # type: ignore[arg-type]
    assert response.status_code == 200, response.text
    return [encoding["label"] for encoding in response.json()["encodings"]]


@pytest.mark.parametrize(
    "text",
    [
        url(J),
        url(J).replace("data:", "DATA:"),
        url(J, "application/octet-stream"),
        url(J, ""),
        url(J, "image/png;name=j.png"),
        b64encode(J).decode(),
        b64encode(J).decode().rstrip("="),
        encodebytes(J).decode().replace("\n", "\r\n"),
        urlsafe_b64encode(J).decode(),
        url(npy(grey(119))),
    ],
)
async def test_a_picture_in_json_is_read_as_its_file(client: httpx.AsyncClient, text: str) -> None:
    assert await labels(client, json={"image": text}) == ["J"]
    assert await labels(client, json={"images": [text, url(K)]}) == ["J", "K"]


async def test_base64_of_every_length_and_value_is_read(client: httpx.AsyncClient) -> None:
    """A comment behind the picture changes where the base64 ends."""
    for encode in (b64encode, urlsafe_b64encode):
        for size in range(4):
            content = J + bytes([0xFF, 0xFB, 0xEF][:size])
            assert await labels(client, json={"image": encode(content).decode()}) == ["J"]


async def test_a_data_url_may_be_the_whole_body(client: httpx.AsyncClient) -> None:
    for headers in ({}, {"content-type": "text/plain;charset=UTF-8"}):
        assert await labels(client, content=url(J), headers=headers) == ["J"]


async def test_arrays_in_json_are_several_pictures(client: httpx.AsyncClient) -> None:
    assert await labels(client, json={"images": [url(npy(grey(100, 101))), url(J)]}) == ["0", "1", "J"]


async def test_every_endpoint_that_reads_pictures_reads_json(client: httpx.AsyncClient) -> None:
    headers = {"accept": "application/json"}
    texts = {"images": [url(J), url(K)]}
    response = await client.post("/reconstruct?preprocess=none", json=texts, headers=headers)
    assert [one["label"] for one in response.json()["reconstructions"]] == ["J", "K"]
    response = await client.post("/interpolate?preprocess=none&n=2", json=texts, headers=headers)
    assert [one["label"] for one in response.json()["steps"]] == ["J", "K"]


async def test_a_preview_tells_what_was_read_of_a_text(client: httpx.AsyncClient) -> None:
    response = await client.post("/encode?preprocess=none&preview=true", json={"images": [url(J), url(K)]})
    assert [one["preview"]["pixels"][0][0] for one in response.json()["encodings"]] == [119, 120]


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({}, "body", "it has not just one of image and images"),
        ({"image": url(J), "images": [url(J)]}, "body", "it has not just one of image and images"),
        (
            {"image": url(J), "label": "J"},
            "body",
            "unknown: 'label'; allowed are: image, images; send images in base64",
        ),
        ([url(J)], "body", "Input should be an object; send images in base64"),
        ([[0, 255]], "body", "Input should be an object; send images in base64"),
        (url(J), "body", "Input should be an object; send images in base64"),
        ({"images": []}, "body.images", "at least 1 item"),
        ({"images": url(J)}, "body.images", "valid list"),
        ({"image": [[0, 255]]}, "body.image", "valid string; send images in base64, and parameters in the query"),
        ({"images": [url(J), 7]}, "body.images.1", "valid string"),
        ({"image": "j.png"}, "body.image", "it is not base64"),
        ({"image": "data:image/png,%89PNG"}, "body.image", "in base64, such as `data:image/png;base64,...`"),
        ({"image": "A"}, "body.image", "it is not base64"),
        ({"image": "é"}, "body.image", "it is not base64"),
        ({"images": [url(J), "="]}, "body.images[1]", "is empty"),
        ({"images": [url(J)] * 71}, "body", "at most 70"),
        ({"image": url(image_file(np.zeros((30, 30), np.uint8)))}, "body.image", "must be 28x28"),
        ({"images": [url(J), url(image_file(np.zeros((101, 100), np.uint8)))]}, "body.images[1]", "at most 10000"),
    ],
    ids=str,
)
async def test_what_is_wrong_with_a_text_is_named(
    client: httpx.AsyncClient, body: object, field: str, says: str
) -> None:
    response = await client.post("/encode?preprocess=none", json=body)
    if says == "is empty":
        expect_problem(response, MalformedBody, f"{field} {says}")
    else:
        expect_problem(response, InvalidParameter, says, field)


async def test_what_is_in_a_text_is_refused_as_in_a_file(client: httpx.AsyncClient) -> None:
    response = await client.post("/encode", json={"image": url(b"GIF89a")})
    expect_problem(
        response, UnsupportedMedia, "body.image is a GIF picture, and none of PNG, JPEG, WebP and .npy; save"
    )
    response = await client.post("/encode", json={"images": [url(J), url(J[:40])]})
    expect_problem(response, MalformedBody, "body.images[1]: ")
    expect_problem(await client.post("/encode", content="data:image/png;base64,?"), InvalidParameter, "base64", "body")


async def test_broken_json_and_json_of_another_type_are_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/encode", content=b'{"image": ', headers=AS_JSON)
    expect_problem(response, MalformedBody, "The body is not JSON")
    response = await client.post("/encode", content=b'{"image": ""}', headers={"content-type": "text/plain"})
    expect_problem(response, UnsupportedMedia, "it looks like JSON, so set its type")


async def test_json_has_its_own_limit_and_a_data_url_that_of_files(client: httpx.AsyncClient, context: Context) -> None:
    drawing = np.full((90, 90), 255, np.uint8)
    drawing[20:70, 40:50] = 0
    text = url(image_file(drawing)) + "\n" * context.settings.max_json_bytes
    response = await client.post("/encode", content=f'{{"image": "{text}"}}', headers=AS_JSON)
    expect_problem(response, BodyTooLarge, f"over the limit of {context.settings.max_json_bytes} bytes")
    assert (await client.post("/encode", content=text)).json()["encodings"][0]["label"] in LABELS
