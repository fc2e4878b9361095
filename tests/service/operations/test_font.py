import io
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from fontTools.ttLib import TTFont

from glyphvae.application import create_app
from glyphvae.errors import InvalidParameter, NotAcceptable, NotReady
from glyphvae.models.hand_string import write_hand
from tests.known_model import decoder, encoder, strokes, write_model
from tests.service.support import PNG, caller, context_of, expect_problem

TTF, OTF, WOFF2 = ({"accept": f"font/{kind}"} for kind in ("ttf", "otf", "woff2"))
LABELS = ("A", "e", "x", "\u0131", "i", "\u0301", "'", "sch")


def write_pen(folder: Path, *labels: str, hand_size: int = 2, rows: int | None = None) -> None:
    """Write a model that draws strokes, each label a bar; with fewer `rows` than labels it fails for the others."""
    count = len(labels)
    files = {"encoder": encoder(rows=count), "decoder": decoder(rows=count), "strokes": strokes(rows or count)}
    config = {"hand_size": hand_size, "form_size": 6 - hand_size}
    write_model(folder, "pen", files=files, labels=labels, schema=2, config=config)


@pytest.fixture
async def pen(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a model that draws strokes, and of one that does not."""
    write_pen(tmp_path, *LABELS)
    write_model(tmp_path, "pixels")
    async with caller(create_app(context_of(tmp_path, default_model="pen"))) as client:
        yield client


async def made(client: httpx.AsyncClient, accept: dict[str, str] = TTF, /, **body: object) -> bytes:
    response = await client.post("/font", json=body, headers=accept)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == accept["accept"]
    return response.content


@pytest.mark.parametrize(("accept", "begins"), [(TTF, b"\0\1\0\0"), (OTF, b"OTTO"), (WOFF2, b"wOF2")])
async def test_a_hand_becomes_a_font(pen: httpx.AsyncClient, accept: dict[str, str], begins: bytes) -> None:
    response = await pen.post("/font", json={"seed": 7, "family": "Zoë’s Hand"}, headers=accept)
    kind = accept["accept"].removeprefix("font/")
    assert response.headers["content-disposition"] == f'attachment; filename="ZoesHand.{kind}"'
    assert (response.headers["glyphvae-seed"], response.headers["glyphvae-model"]) == ("7", "pen/1")
    assert response.content.startswith(begins)
    assert (await made(pen, accept, seed=7, family="Zoë’s Hand")) == response.content


async def test_a_name_that_is_null_is_as_one_that_is_missing(pen: httpx.AsyncClient) -> None:
    names = dict.fromkeys(("family", "designer", "copyright", "license", "license_url"))
    assert await made(pen, seed=7, **names) == await made(pen, seed=7)


async def test_a_seed_is_drawn_and_told(pen: httpx.AsyncClient) -> None:
    first = await pen.post("/font", json={}, headers=TTF)
    assert first.content == await made(pen, seed=int(first.headers["glyphvae-seed"]))
    assert first.content != await made(pen)


async def test_a_font_is_made_of_a_hand(tmp_path: Path) -> None:
    write_pen(tmp_path, *LABELS)
    context = context_of(tmp_path, default_model="pen")
    hand = write_hand(np.array([0.5, -2], np.float32), context.registry.get("pen").manifest)
    async with caller(create_app(context)) as client:
        assert await made(client, seed=7, hand=hand) == await made(client, seed=7, z=[0.5, -2])
        assert await made(client, seed=7, hand=hand, z=[None, 1]) == await made(client, seed=7, z=[0.5, 1])
        response = await client.post("/font", json={"hand": "none"}, headers=TTF)
        expect_problem(response, InvalidParameter, "POST /hand", "body.hand")


async def test_variation_is_that_of_the_alternates(tmp_path: Path) -> None:
    def heights(content: bytes, *names: str) -> set[int]:
        glyphs = TTFont(io.BytesIO(content))["glyf"]
        return {glyphs[name].yMax for name in names}

    write_pen(tmp_path, *LABELS, hand_size=0)  # whose bars are as high as the first latent says, here one of the form
    names = ("A", "A.alt1", "A.alt2", "A.alt3")
    async with caller(create_app(context_of(tmp_path, default_model="pen"))) as client:
        varied, same = await made(client, seed=1), await made(client, seed=1, variation=0)
    assert len(heights(varied, *names)) > 1
    assert len(heights(same, *names)) == 1
    assert heights(varied, "A") == heights(same, "A")


async def test_names_are_those_of_the_request(pen: httpx.AsyncClient) -> None:
    texts = {"family": "Zoë’s Hand", "designer": "Zoë", "copyright": "© Zoë", "license": "Ask me.\nPlease."}
    names = TTFont(io.BytesIO(await made(pen, seed=7, license_url="https://zoe.example", **texts)))["name"]
    found = [names.getDebugName(number) for number in (0, 1, 2, 4, 6, 9, 13, 14)]
    expected = ["© Zoë", "Zoë’s Hand", "Regular", "Zoë’s Hand Regular", "ZoesHand-Regular", "Zoë", "Ask me.\nPlease."]
    assert found == [*expected, "https://zoe.example"]


async def test_a_font_without_names_is_called_after_its_hand(pen: httpx.AsyncClient) -> None:
    one, other = [TTFont(io.BytesIO(await made(pen, seed=seed)))["name"] for seed in (1, 2)]
    assert one.getDebugName(1).startswith("Pen ")
    assert one.getDebugName(1) != other.getDebugName(1)
    assert one.getDebugName(3) != other.getDebugName(3)
    assert one.getDebugName(13) is None


async def test_a_family_without_latin_letters_has_a_postscript_name(pen: httpx.AsyncClient) -> None:
    names = TTFont(io.BytesIO(await made(pen, seed=1, family="手書き")))["name"]
    assert names.getDebugName(1) == "手書き"
    assert names.getDebugName(6).startswith("Hand")


async def test_the_hand_may_be_given(pen: httpx.AsyncClient) -> None:
    z = [0.5] * 2
    first, other = [await made(pen, seed=1, z=latents, variation=0) for latents in (z, [-0.5] * 2)]
    assert first != other
    assert first == await made(pen, seed=1, z=z, variation=0)
    refused = await pen.post("/font", json={"z": [0] * 7}, headers=TTF)
    expect_problem(refused, InvalidParameter, "at most 6", "body.z")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"family": "A\nB"}, "body.family"),
        ({"family": ""}, "body.family"),
        ({"family": "A" * 32}, "body.family"),
        ({"designer": "\u0007"}, "body.designer"),
        ({"model": "pixels"}, "body.model"),
        ({"seed": -1}, "body.seed"),
    ],
)
async def test_what_is_refused_is_named(pen: httpx.AsyncClient, body: dict[str, object], field: str) -> None:
    response = await pen.post("/font", json=body, headers=TTF)
    expect_problem(response, InvalidParameter, "", field)


@pytest.mark.parametrize("address", ["https://zoe.example/terms?v=1", "http://zoe.example", "", None])
async def test_the_address_of_a_licence_is_one_of_the_web_or_nothing(
    pen: httpx.AsyncClient, address: str | None
) -> None:
    names = TTFont(io.BytesIO(await made(pen, seed=7, license_url=address)))["name"]
    assert names.getDebugName(14) == (address or None)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"family": " Hand"}, "Input should be a name in one line without spaces at its beginning and end"),
        *(
            ({"license_url": text}, "Input should be a web address that begins with https://")
            for text in ("terms", "ftp://zoe.example", "javascript:alert(1)", "https://", "https:///x", "https://a b")
        ),
    ],
)
async def test_texts_of_another_shape_are_refused_in_words(
    pen: httpx.AsyncClient, body: dict[str, object], words: str
) -> None:
    (name,) = body
    problem = expect_problem(await pen.post("/font", json=body, headers=TTF), InvalidParameter, words, f"body.{name}")
    assert "pattern" not in problem.detail
    assert "\\" not in problem.detail


async def test_a_model_without_strokes_says_which_have_some(client: httpx.AsyncClient) -> None:
    response = await client.post("/font", json={}, headers=TTF)
    expect_problem(response, InvalidParameter, "draws no strokes", "body.model")


async def test_a_model_that_fails_is_not_ready(tmp_path: Path) -> None:
    write_pen(tmp_path, *LABELS, rows=len(LABELS) - 1)
    async with caller(create_app(context_of(tmp_path, default_model="pen"))) as client:
        expect_problem(await client.post("/font", json={}, headers=TTF), NotReady, "pen: the model did not run.")


async def test_other_formats_are_not_acceptable(client: httpx.AsyncClient) -> None:
    expect_problem(await client.post("/font", json={}, headers=PNG), NotAcceptable, "font/woff2")


@pytest.mark.parametrize("labels", [("é", "sch", "\U0001f600"), ("\u0301", "'"), ("A", "B")])
async def test_any_labels_make_a_font(tmp_path: Path, labels: tuple[str, ...]) -> None:
    write_pen(tmp_path, *labels)
    async with caller(create_app(context_of(tmp_path, default_model="pen"))) as client:
        for accept in (TTF, OTF):
            font = TTFont(io.BytesIO(await made(client, accept, seed=1)))
            assert set(font.getBestCmap()) == {32, 160, *(ord(label) for label in labels if len(label) == 1)}
