"""What strangers send, over HTTP: the right picture or a clear refusal, never a fault."""

import io
import json
import pickle
import socket
import struct
import zlib
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from glyphvae.errors import MEDIA_TYPE
from glyphvae.imaging.decode import Picture
from tests.service.imaging.test_decode import chunk, png
from tests.service.support import JSON, caller, image_file, npy

DRAWING = np.full((40, 40), 255, np.uint8)
DRAWING[10:30, 17:22] = 0


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401 (Pillow's own)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


INK = Image.fromarray(DRAWING)
TEXT = zlib.compress(bytes(2_000_000))

PICTURES: dict[str, tuple[bytes, int]] = {
    "png": (saved(INK), 200),
    "truncated png": (saved(INK)[:-30], 400),
    "head alone": (saved(INK)[:33], 400),
    "eight bytes": (b"\x89PNG\r\n\x1a\n", 400),
    "zero wide": (png(0, 4, 8, 0, bytes(4)), 400),
    "2 billion wide": (png(2**31 - 1, 1, 8, 0, b""), 422),
    "a bomb": (png(20_000, 20_000, 1, 0, bytes(2501)), 422),
    "a bomb within its size": (png(4, 4, 8, 0, bytes(10_000_000)), 200),
    "1 x 100,000": (saved(Image.new("L", (1, 100_000), 255)), 422),
    "100,000 x 1": (saved(Image.new("L", (100_000, 1), 255)), 422),
    "text that unfolds": (png(4, 4, 8, 0, bytes(20), chunk(b"zTXt", b"a\0\0" + TEXT)), 400),
    "international text that unfolds": (png(4, 4, 8, 0, bytes(20), chunk(b"iTXt", b"a\0\1\0\0\0" + TEXT)), 400),
    "a profile that unfolds": (png(4, 4, 8, 0, bytes(20), chunk(b"iCCP", b"a\0\0" + TEXT)), 400),
    "a second size": (
        png(4, 4, 8, 0, bytes(20), chunk(b"IHDR", struct.pack(">IIBBBBB", 9999, 9999, 8, 0, 0, 0, 0))),
        422,
    ),
    "animated png": (saved(INK, save_all=True, append_images=[INK.rotate(90)]), 422),
    "animated webp": (saved(INK, "WEBP", save_all=True, append_images=[INK.rotate(90)]), 422),
    "gif": (saved(INK, "GIF"), 415),
    "tiff": (saved(INK, "TIFF"), 415),
    "pdf": (saved(INK.convert("RGB"), "PDF"), 415),
    "psd": (b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 1, 40, 40, 8, 1) + bytes(2000), 415),
    "fits": (b"SIMPLE  =                    T" + bytes(2880), 415),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><image href='http://glyphvae/livez'/></svg>", 415),
    "a gif behind a png's signature": (b"\x89PNG\r\n\x1a\n" + saved(INK, "GIF"), 400),
    "a bmp behind a jpeg's signature": (b"\xff\xd8\xff" + saved(INK, "BMP"), 400),
    "pickle": (pickle.dumps(DRAWING), 415),
    "npy of objects": (npy(np.array([[{}]], dtype=object)), 422),
    "npz": (b"PK\x03\x04" + bytes(100), 415),
}


@pytest.mark.parametrize(("content", "status"), PICTURES.values(), ids=PICTURES)
async def test_a_picture_is_read_or_refused(client: httpx.AsyncClient, content: bytes, status: int) -> None:
    """Whatever the name and the type that it is sent under."""
    for body in (
        {"content": content},
        {"content": content, "headers": {"content-type": "image/png"}},
        {"files": [("file", ("drawing.jpg", content, "image/jpeg"))]},
    ):
        response = await client.post("/encode?label=J", **body)
        # An image without ink is named as such, once it has been read.
        blank = status == 200 and "ink" in response.text
        assert blank or response.status_code == status, response.text
        if status != 200:
            assert response.headers["content-type"] == MEDIA_TYPE
            assert "body" in response.json()["detail"]


WORDS = {
    "combining marks": "E\u0301\u0327\u20dd",
    "right to left": "\u202e\u05d0\u0628",
    "NUL": "\0",
    "beyond the plane": "\U0001f58b",
    "private use": "\ue000\U0010ffff",
    "digits of another script": "\u0661",
    "percent": "%00%",
    "quotes": "'\"`<script>",
}
IN_QUERY = (
    ("/generate", "label", "query.label"),
    ("/generate", "z", "query.z"),
    ("/generate", "ink", "query.ink"),
    ("/generate", "paper", "query.paper"),
    ("/generate", "seed", "query.seed"),
    ("/generate", "n", "query.n"),
    ("/generate", "temperature", "query.temperature"),
    ("/encode", "preprocess", "query.preprocess"),
    ("/interpolate", "method", "query.method"),
    ("/traverse", "latent", "query.latent"),
)


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
async def test_strange_words_in_a_query_are_named(client: httpx.AsyncClient, word: str) -> None:
    for path, name, field in IN_QUERY:
        label = "" if name == "label" else "&label=J"
        response = await client.post(f"{path}?{name}={quote(word, safe='')}{label}")
        assert response.status_code == 422, response.text
        assert field in response.json()["errors"][0]["field"]
    response = await client.post(f"/generate?label=J&model={quote(word, safe='')}")
    assert response.status_code == 404
    assert "There is no model" in response.json()["detail"]
    assert (await client.get(f"/models/{quote(word, safe='')}")).status_code == 404
    response = await client.post(f"/generate?label=J&{quote(word, safe='')}=1")
    assert response.status_code == 422
    assert "unknown: " in response.json()["detail"]


@pytest.mark.parametrize("word", [*WORDS.values(), "\ud800", "\udfff\ud800"], ids=[*WORDS, "surrogate", "surrogates"])
async def test_strange_words_in_json_are_named(client: httpx.AsyncClient, word: str) -> None:
    for name in ("text", "ink", "paper", "align", "case", "unknown", "width", "z", "seed", word):
        body = json.dumps({"text": "A", name: word}).encode()
        response = await client.post("/render-text", content=body, headers={"content-type": "application/json"})
        assert response.status_code in {400, 422}, response.text
        assert response.status_code == 400 or "body" in response.json()["errors"][0]["field"]


@pytest.mark.parametrize("name", ["accept", "content-type", "x-request-id", "x-request-timeout", "range", "cookie"])
@pytest.mark.parametrize("value", [b"\xff\xfe", b"\xd7\x90", b"a\tb", b"," * 500, b'"', b"*/*;q=\xc2\xb2"])
async def test_strange_words_in_headers_are_answered(client: httpx.AsyncClient, name: str, value: bytes) -> None:
    for path in ("/generate?label=J", "/encode", "/render-text"):
        response = await client.post(path, headers=[(name.encode(), value)])
        assert response.status_code < 500
        assert response.status_code == 200 or response.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
async def test_numbers_that_are_none_are_refused(client: httpx.AsyncClient, number: str) -> None:
    headers = {"content-type": "application/json"}
    for name in ("temperature", "variation", "seed", "width", "scale"):
        body = f'{{"text": "A", "{name}": {number}}}'
        response = await client.post("/render-text", content=body.encode(), headers=headers)
        assert response.status_code in {400, 422}, (name, response.text)
    response = await client.post("/render-text", content=f'{{"text": "A", "z": [{number}]}}'.encode(), headers=headers)
    assert response.status_code in {400, 422}, response.text
    for name in ("temperature", "z", "seed", "n", "scale"):
        response = await client.post(f"/generate?label=J&{name}={number.replace('Infinity', 'inf')}")
        assert response.status_code == 422, (name, response.text)


async def test_ranges_are_ignored(client: httpx.AsyncClient) -> None:
    """CVE-2025-62727: Starlette took time that grows with the square of the number of ranges."""
    whole = await client.get("/playground/app.js")
    ranges = "bytes=" + ",".join(f"{start}-{start}" for start in range(3000))
    response = await client.get("/playground/app.js", headers={"range": ranges})
    assert (response.status_code, response.content) == (200, whole.content)


async def test_the_fields_of_a_form_are_no_way_to_fill_memory(client: httpx.AsyncClient) -> None:
    """CVE-2024-47874: Starlette kept form fields of any size."""
    field = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + bytes(150_000) + b"\r\n--x--\r\n"
    for path in ("/encode", "/reconstruct", "/interpolate?label=J"):
        response = await client.post(path, content=field, headers={"content-type": "multipart/form-data; boundary=x"})
        assert response.status_code == 422
        assert "is a text field; only files are read" in response.json()["detail"]


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data; boundary=" + "x" * 3000,
        "multipart/form-data; !=" + '"' + "\\" * 3000,
        "multipart/form-data; boundary=\xff",
        "multipart/form-data;" + ";" * 3000,
        "multipart/form-data; boundary=x; boundary=y",
    ],
)
async def test_a_strange_form_is_refused(client: httpx.AsyncClient, kind: str) -> None:
    """CVE-2024-24762: python-multipart took exponential time for some of these."""
    headers = [(b"content-type", kind.encode("latin-1"))]
    response = await client.post("/encode", content=b"--x\r\n\r\n", headers=headers)
    assert response.status_code == 400, response.text
    assert response.headers["content-type"] == MEDIA_TYPE


async def test_no_request_makes_the_service_open_a_socket(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never fetches an address, whoever names one and wherever."""
    opened: list[object] = []

    def refuse(*arguments: object) -> None:
        opened.append(arguments)
        raise OSError("no socket may be opened")

    address = "http://169.254.169.254/latest"
    async with caller(app) as client:
        await client.get("/livez")  # what the event loop itself needs is there
        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket.socket, "connect_ex", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        await client.post("/generate", params={"label": "J", "model": address, "ink": address}, headers=JSON)
        await client.post(
            "/generate?label=J", headers={"referer": address, "origin": address, "host": "169.254.169.254"}
        )
        await client.post("/render-text", json={"text": address})
        await client.post("/render-text", json={"text": "A", "model": address})
        for path in ("/encode", "/reconstruct", "/interpolate?label=J"):
            for content in (address.encode(), PICTURES["svg"][0], image_file(DRAWING), npy(DRAWING[None])):
                await client.post(path, content=content)
                await client.post(path, files=[("file", (address, content, address))])
        for path in ("/", "/docs", "/openapi.json", "/models", f"/models/{quote(address, safe='')}", "/readyz"):
            await client.get(path)
        await client.post("/traverse?latent=1&label=J")
        await client.post("/dataset?n=2")
    assert not opened


def chunked(count: int) -> bytes:
    """A PNG file of a drawing with empty chunks."""
    data = saved(INK)
    return data[:33] + chunk(b"abCd", b"") * count + data[33:]


def flipped(data: bytes, place: int) -> bytes:
    """A file with a wrong bit."""
    broken = bytearray(data)
    broken[place] ^= 1
    return bytes(broken)


def rescanned(count: int) -> bytes:
    """A progressive JPEG file whose last scan is there many times."""
    data = saved(INK, "JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + data[-2:]


GLYPH = image_file(DRAWING[6:34, 6:34])

COSTLY: dict[str, tuple[bytes, int, str]] = {
    "chunks": (chunked(10_000), 422, "chunks that are allowed"),
    "scans": (rescanned(5000), 422, "scans that are allowed"),
    "long and thin": (png(1, 70_000, 8, 6, b""), 422, "on a side"),
    "a wrong checksum": (flipped(saved(INK), -14), 400, "wrong checksum"),
    "a glyph with a wrong checksum": (flipped(GLYPH, -14), 400, "wrong checksum"),
    "a glyph with a wrong pixel": (flipped(GLYPH, -30), 400, "wrong checksum"),
    "cut after the pixels": (saved(INK)[:-12], 400, "not a complete PNG"),
    "a glyph cut after the pixels": (GLYPH[:-12], 400, "not a complete PNG"),
    "a glyph cut in its last checksum": (GLYPH[:-1], 400, "not a complete PNG"),
}


@pytest.mark.parametrize(("content", "status", "says"), COSTLY.values(), ids=COSTLY)
async def test_a_costly_or_damaged_picture_is_refused_unread(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, content: bytes, status: int, says: str
) -> None:
    monkeypatch.setattr(Picture, "decode", None)
    for body in ({"content": content}, {"files": [("file", content)]}):
        response = await client.post("/encode?label=J", **body)
        assert (response.status_code, says in response.json()["detail"]) == (status, True), response.text


MANY = {
    "numbers": {"count": 1, "labels": [1] * 70_000},
    "strings": {"count": 1, "labels": ["no label"] * 1000},
    "weights": {"count": 1, "labels": {str(i): "x" for i in range(9000)}},
    "latents": {"count": 1, "z": ["x"] * 30_000},
    "names": {str(i): 1 for i in range(10_000)},
    "a long name": {"x" * 100_000: 1},
    "items": [1] * 10_000,
}


@pytest.mark.parametrize("body", MANY.values(), ids=MANY)
async def test_a_refusal_is_short_however_much_is_wrong(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    for path in ("/dataset", "/render-text"):
        response = await client.post(path, json=body)
        assert response.status_code == 422
        assert len(response.json()["errors"]) <= 10
        assert len(response.content) < 5000


@pytest.mark.parametrize("empty", ["[]", "{}", '"[["'])
async def test_more_lists_than_python_makes_in_a_moment_are_refused_unread(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, empty: str
) -> None:
    monkeypatch.setattr("glyphvae.web.body_limits.MAX_LISTS", 1000)
    content = "[" + ",".join([empty] * 1000) + "]"
    for path in ("/dataset", "/render-text", "/v2/models/cvae-decoder/infer"):
        response = await client.post(path, content=content, headers={"content-type": "application/json"})
        assert response.status_code == 400
        assert "lists and objects; at most 1000 are allowed" in response.text


@pytest.mark.parametrize(
    "tensor",
    [
        {"data": ["a" * 20_000, *["b"] * 2000]},
        {"data": [[["c"] * 500] * 10]},
        {"datatype": "F" * 100_000},
        {"name": "n" * 100_000},
        {"shape": [10**300] * 8},
        {"shape": [1] * 5000},
    ],
)
async def test_a_wrong_tensor_is_a_short_refusal(client: httpx.AsyncClient, tensor: dict[str, Any]) -> None:
    asked = {"name": "z", "datatype": "FP32", "shape": [1, 6], "data": [0] * 6} | tensor
    response = await client.post("/v2/models/cvae-decoder/infer", json={"inputs": [asked]})
    assert response.status_code == 400
    assert len(response.content) < 1000
