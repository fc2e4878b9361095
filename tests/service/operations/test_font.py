import hashlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import ots
import pytest
from fontTools.ttLib import TTFont

from glyphvae.application import create_app
from glyphvae.errors import InvalidParameter, NotAcceptable
from glyphvae.settings import SHIPPED_MODELS
from tests.known_model import decoder, encoder, strokes, write_model
from tests.service.fonts.setting import painted, shaped
from tests.service.support import JSON, PNG, caller, context_of, expect_problem, picture

TEXT = "Don't Joe's, back by 11:30? Zoë Müller, café (naïve) AVATAR Typo"
TTF, OTF, WOFF2 = ({"accept": f"font/{kind}"} for kind in ("ttf", "otf", "woff2"))
# The size that the issue allows, in bytes.
LARGEST = 600_000


@pytest.fixture
async def pen() -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the shipped model that draws strokes."""
    context = context_of(SHIPPED_MODELS, default_model="pen", max_output_pixels=1 << 26, request_timeout=120)
    async with caller(create_app(context)) as client:
        yield client


async def made(client: httpx.AsyncClient, accept: dict[str, str] = TTF, /, **body: object) -> bytes:
    response = await client.post("/font", json=body, headers=accept)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == accept["accept"]
    return response.content


@pytest.mark.parametrize(("accept", "begins"), [(TTF, b"\0\1\0\0"), (OTF, b"OTTO"), (WOFF2, b"wOF2")])
async def test_a_hand_becomes_a_font(
    pen: httpx.AsyncClient, tmp_path: Path, accept: dict[str, str], begins: bytes
) -> None:
    response = await pen.post("/font", json={"seed": 7, "family": "Zoë’s Hand"}, headers=accept)
    kind = accept["accept"].removeprefix("font/")
    assert response.headers["content-disposition"] == f'attachment; filename="ZoesHand.{kind}"'
    assert (response.headers["glyphvae-seed"], response.headers["glyphvae-model"]) == ("7", "pen/1")
    assert response.content.startswith(begins)
    assert len(response.content) <= LARGEST
    file = tmp_path / "font"
    file.write_bytes(response.content)
    assert ots.sanitize(str(file), capture_output=True).returncode == 0
    assert (await made(pen, accept, seed=7, family="Zoë’s Hand")) == response.content


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


async def test_a_font_has_all_labels_and_composed_accents(pen: httpx.AsyncClient) -> None:
    font = TTFont(io.BytesIO(await made(pen, seed=7)))
    characters = set(map(chr, font.getBestCmap()))
    labels = json.loads((SHIPPED_MODELS / "pen.json").read_text())["labels"]
    assert characters >= {*labels, *"ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝàáâãäåçèéêëìíîïñòóôõöùúûüýÿŸćŵĴ", " ", "\u00a0"}
    assert all(font["hmtx"][name][0] == 420 for name in ("space", "uni00A0"))
    assert font["hmtx"]["acutecomb"][0] == 0
    # As `offsets` of a text: the mark is over the middle of its letter, without touching it.
    parts = font["glyf"]["eacute"].components
    assert [part.glyphName for part in parts] == ["e", "acutecomb"]
    letter, mark = (font["glyf"][part.glyphName] for part in parts)
    assert mark.yMin + parts[1].y > letter.yMax


async def test_lines_are_as_far_apart_everywhere_and_nothing_is_clipped(pen: httpx.AsyncClient) -> None:
    font = TTFont(io.BytesIO(await made(pen, seed=7)))
    head, hhea, os2 = font["head"], font["hhea"], font["OS/2"]
    assert (hhea.ascent, hhea.descent, hhea.lineGap) == (os2.sTypoAscender, os2.sTypoDescender, os2.sTypoLineGap)
    assert os2.fsSelection == 0xC0
    assert (os2.usWinAscent, os2.usWinDescent) >= (head.yMax, -head.yMin)
    assert hhea.ascent > font["glyf"]["Aring"].yMax


@pytest.mark.parametrize("accept", [TTF, OTF])
async def test_neighbours_have_different_forms(pen: httpx.AsyncClient, accept: dict[str, str]) -> None:
    content = await made(pen, accept, seed=7)
    assert [glyph.name for glyph in shaped(content, "oooo o")] == ["o", "o.alt1", "o.alt2", "o.alt3", "space", "o"]
    assert [glyph.name for glyph in shaped(content, "é é")] == ["eacute", "space", "eacute.alt1"]
    assert [glyph.name for glyph in shaped(content, "oo", calt=False)] == ["o", "o"]
    glyphs = TTFont(io.BytesIO(content)).getGlyphSet()
    assert len({glyphs[name].width for name in ("o", "o.alt1", "o.alt2", "o.alt3")}) > 1


@pytest.mark.parametrize("accept", [TTF, OTF])
@pytest.mark.parametrize("seed", [1, 7])
async def test_a_text_in_the_font_is_that_of_render_text(
    pen: httpx.AsyncClient, accept: dict[str, str], seed: int
) -> None:
    body = {"text": TEXT, "seed": seed, "variation": 0, "scale": 8}
    wanted = 255 - picture((await pen.post("/render-text", json=body, headers=PNG)).content)
    facts = (await pen.post("/render-text", json=body, headers=JSON)).json()
    content = await made(pen, accept, seed=seed)
    found = painted(content, shaped(content, TEXT, calt=False), wanted, facts["baselines"][0] * 8, 8 * 8)
    assert np.abs(found.astype(int) - wanted).mean() < 0.02 * 255


async def test_the_hand_may_be_given(pen: httpx.AsyncClient) -> None:
    z = [0.5] * 12
    first, other = [await made(pen, seed=1, z=latents, variation=0) for latents in (z, [-0.5] * 12)]
    assert hashlib.sha256(first).digest() != hashlib.sha256(other).digest()
    assert first == await made(pen, seed=1, z=z, variation=0)
    refused = await pen.post("/font", json={"z": [0] * 25}, headers=TTF)
    expect_problem(refused, InvalidParameter, "at most 24", "body.z")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"family": "A\nB"}, "body.family"),
        ({"family": ""}, "body.family"),
        ({"family": "A" * 32}, "body.family"),
        ({"designer": "\u0007"}, "body.designer"),
        ({"model": "cvae-62"}, "body.model"),
        ({"seed": -1}, "body.seed"),
    ],
)
async def test_what_is_refused_is_named(pen: httpx.AsyncClient, body: dict[str, object], field: str) -> None:
    response = await pen.post("/font", json=body, headers=TTF)
    expect_problem(response, InvalidParameter, "", field)


async def test_a_model_without_strokes_says_which_have_some(client: httpx.AsyncClient) -> None:
    response = await client.post("/font", json={}, headers=TTF)
    expect_problem(response, InvalidParameter, "draws no strokes", "body.model")


async def test_other_formats_are_not_acceptable(client: httpx.AsyncClient) -> None:
    expect_problem(await client.post("/font", json={}, headers=PNG), NotAcceptable, "font/woff2")


@pytest.mark.parametrize("labels", [("é", "sch", "\U0001f600"), ("\u0301", "'"), ("A", "B")])
async def test_any_labels_make_a_font(tmp_path: Path, labels: tuple[str, ...]) -> None:
    count = len(labels)
    files = {"encoder": encoder(rows=count), "decoder": decoder(rows=count), "strokes": strokes(count)}
    config = {"hand_size": 2, "form_size": 4}
    write_model(tmp_path, "pen", files=files, labels=labels, schema=2, config=config)
    async with caller(create_app(context_of(tmp_path, default_model="pen"))) as client:
        for accept in (TTF, OTF):
            font = TTFont(io.BytesIO(await made(client, accept, seed=1)))
            assert set(font.getBestCmap()) == {32, 160, *(ord(label) for label in labels if len(label) == 1)}
