import io
from dataclasses import asdict
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from glyphvae.errors import InvalidParameter
from glyphvae.models.latents import draw_latents
from glyphvae.operations.render_text import RenderedText, draw_style
from glyphvae.text.layout import Setting, layout
from glyphvae.text.symbols import fold
from tests.known_model import LABELS
from tests.service.support import JSON, NPY, PNG, array, expect_problem, picture

DRAWN = (None,) * 6


async def post(client: httpx.AsyncClient, accept: dict[str, str] = PNG, /, **body: object) -> httpx.Response:
    return await client.post("/render-text", json=body, headers=accept)


async def rendered(client: httpx.AsyncClient, **body: object) -> RenderedText:
    response = await post(client, JSON, **body)
    assert response.status_code == 200, response.text
    return RenderedText.model_validate_json(response.content)


def written(answer: RenderedText) -> str:
    return "".join(glyph.label for glyph in answer.glyphs)


def drawn(answer: RenderedText) -> NDArray[np.uint8]:
    """The picture that the JSON describes: every glyph in its place, the stronger ink where they overlap."""
    canvas = np.zeros((answer.height + 56, answer.width + 56), np.uint8)
    for glyph in answer.glyphs:
        cell = canvas[glyph.y + 28 : glyph.y + 56, glyph.x + 28 : glyph.x + 56]
        np.maximum(cell, np.array(glyph.pixels, np.uint8), out=cell)
    return canvas[28:-28, 28:-28]


async def test_a_text_becomes_a_picture(client: httpx.AsyncClient) -> None:
    response = await post(client, text="HELLO", seed=7)
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
    assert response.headers["glyphvae-seed"] == "7"
    assert not {"glyphvae-folded", "glyphvae-unknown"} & set(response.headers)
    assert picture(response.content).any()


@pytest.mark.parametrize("text", ["HI 5", "TWO\nLINES", "A LONGER TEXT " * 7])
@pytest.mark.parametrize("scale", [1, 2])
async def test_every_format_shows_the_same_text(client: httpx.AsyncClient, text: str, scale: int) -> None:
    body = {"text": text, "seed": 7, "scale": scale, "width": 300}
    answer = await rendered(client, **body)
    pixels = array(await post(client, NPY, **body))
    assert pixels.dtype == np.uint8
    assert pixels.shape == (scale * answer.height, scale * answer.width)
    assert np.array_equal(picture((await post(client, **body)).content), pixels)
    if scale == 1:
        assert np.array_equal(pixels, drawn(answer))


async def test_glyphs_are_named_and_placed(client: httpx.AsyncClient) -> None:
    answer = await rendered(client, text="AB 1\nC", seed=7)
    named = [(glyph.label, glyph.position, glyph.line) for glyph in answer.glyphs]
    assert named == [("A", 0, 0), ("B", 1, 0), ("1", 3, 0), ("C", 5, 1)]
    a, b, one, c = answer.glyphs
    assert a.x < b.x < one.x
    assert c.x == a.x
    assert a.y == b.y == one.y < c.y
    assert len(answer.baselines) == 2
    assert answer.folded == answer.unknown == []
    # Known glyphs are all ink: they fill their cells and stand on the baseline.
    assert [a.y + 28, c.y + 28] == answer.baselines


async def test_without_a_seed_each_answer_is_new_and_its_header_reproduces_it(client: httpx.AsyncClient) -> None:
    new = [await post(client, JSON, text="HELLO") for _ in range(4)]
    assert len({response.headers["glyphvae-seed"] for response in new}) == 4
    for response in new:
        seed = int(response.headers["glyphvae-seed"])
        assert response.json()["seed"] == seed
        assert (await post(client, JSON, text="HELLO", seed=seed)).content == response.content


async def test_glyphs_vary_around_one_style(client: httpx.AsyncClient) -> None:
    answer = await rendered(client, text="AAAA", seed=7, temperature=0.5, variation=0.1)
    style = 0.5 * draw_latents(7, 1, DRAWN, 1.0)[0]
    assert answer.z == pytest.approx(style)
    z = np.array([glyph.z for glyph in answer.glyphs])
    assert z == pytest.approx(style + 0.1 * draw_latents(7, 5, DRAWN, 1.0)[1:], abs=1e-6)
    assert len(np.unique(z, axis=0)) == 4


async def test_a_longer_text_keeps_the_hand_of_a_shorter_one(client: httpx.AsyncClient) -> None:
    short = await rendered(client, text="HELLO", seed=7)
    long = await rendered(client, text="HELLO WORLD", seed=7)
    assert long.z == short.z
    assert [glyph.z for glyph in long.glyphs[:5]] == [glyph.z for glyph in short.glyphs]


async def test_without_variation_a_letter_repeats(client: httpx.AsyncClient) -> None:
    answer = await rendered(client, text="AAA", variation=0)
    assert answer.glyphs[0].z == answer.glyphs[1].z == answer.glyphs[2].z == answer.z


async def test_a_style_can_be_given(client: httpx.AsyncClient) -> None:
    answer = await rendered(client, text="A", seed=7, z=[0.5, None, -1], temperature=2, variation=0)
    assert answer.z == pytest.approx([0.5, *(2 * draw_latents(7, 1, DRAWN, 1.0)[0, 1:2]), -1, *answer.z[3:]])
    assert answer.glyphs[0].pixels[0][0] == 100 + 5 + 10


async def test_small_letters_are_set_as_capitals_and_the_answer_says_so(client: httpx.AsyncClient) -> None:
    answer = await rendered(client, text="Hello")
    assert written(answer) == "HELLO"
    assert answer.folded == [1, 2, 3, 4]
    assert (await post(client, text="Hello")).headers["glyphvae-folded"] == "4"


@pytest.mark.parametrize("unknown", ["skip", "blank"])
async def test_other_characters_are_left_out_on_request(client: httpx.AsyncClient, unknown: str) -> None:
    answer = await rendered(client, text="A!B?", unknown=unknown)
    assert written(answer) == "AB"
    assert [glyph.position for glyph in answer.glyphs] == [0, 2]
    assert answer.unknown == [1, 3]
    assert (await post(client, text="A!B?", unknown=unknown)).headers["glyphvae-unknown"] == "2"


@pytest.mark.parametrize("text", [" ", "\n", " \n\t ", "?!"])
async def test_a_text_without_a_glyph_is_paper(client: httpx.AsyncClient, text: str) -> None:
    answer = await rendered(client, text=text, unknown="skip")
    assert answer.glyphs == []
    for unknown in ("skip", "blank"):
        assert not picture((await post(client, text=text, unknown=unknown)).content).any()


async def test_the_setting_is_the_callers(client: httpx.AsyncClient) -> None:
    setting = Setting(width=160, align="right", letter_gap=13, word_space=32, line_height=50, margin=20)
    script = fold("ONE TWO\nSIX TEN", LABELS)
    answer = await rendered(client, text="ONE TWO\nSIX TEN", seed=1, **asdict(setting))
    placed = layout(script, np.array([glyph.pixels for glyph in answer.glyphs], np.uint8), LABELS, setting)
    assert [glyph.x for glyph in answer.glyphs] == placed.x.tolist()
    assert [glyph.y for glyph in answer.glyphs] == placed.y.tolist()
    assert [glyph.line for glyph in answer.glyphs] == placed.line.tolist()
    assert (answer.width, answer.height, answer.baselines) == (160, placed.height, placed.baselines.tolist())


async def test_a_picture_is_coloured(client: httpx.AsyncClient) -> None:
    response = await post(client, text="A", temperature=0, variation=0, scale=1, ink="#ff0000", paper="transparent")
    image = Image.open(io.BytesIO(response.content)).convert("RGBA")
    assert image.getpixel((0, 0)) == (255, 0, 0, 0)
    assert image.getpixel((image.width // 2, image.height // 2)) == (255, 0, 0, 110)


async def test_a_long_text_is_set_as_a_short_one(client: httpx.AsyncClient) -> None:
    """Long texts are set in a thread, which must not show."""
    text = "AB" * 32
    at, over = await rendered(client, text=text, seed=1), await rendered(client, text=f"{text}A", seed=1)
    assert at.glyphs == over.glyphs[:-1]


async def test_as_many_characters_as_the_limit_are_allowed(client: httpx.AsyncClient) -> None:
    assert len((await rendered(client, text="A" * 100)).glyphs) == 100


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({"text": ""}, "body.text", "at least 1 character"),
        ({"text": None}, "body.text", "valid string"),
        ({"text": "A" * 101}, "body.text", "it has 101 characters at most 100"),
        ({"text": "AB!"}, "body.text", "The character '!' (U+0021 EXCLAMATION MARK) at position 2 cannot be written"),
        ({"text": "a", "case": "keep"}, "body.text", "U+0061 LATIN SMALL LETTER A"),
        ({"text": "A", "align": "middle"}, "body.align", "'left', 'centre', 'right' or 'justify'"),
        ({"text": "A", "z": [0] * 7}, "body.z", "7 latents were given at most 6"),
        ({"text": "A", "z": [0, 11]}, "body.z.1", "less than or equal to 10"),
        ({"text": "A", "z": "0"}, "body.z", "valid list"),
        ({"text": "A", "temperature": -1}, "body.temperature", "greater than or equal to 0"),
        ({"text": "A", "width": 27}, "body.width", "greater than or equal to 28"),
        ({"text": "A", "width": 40}, "body.width", "leaves no room for a glyph"),
        ({"text": "A", "scale": 64}, "body.scale", "at most 802816 pixels"),
        ({"text": "A", "ink": "shiny"}, "body.ink", "'shiny' is not a colour"),
        ({"text": "A", "paper": "shiny"}, "body.paper", "transparent, a colour name"),
        ({"text": "A", "model": "vae"}, "body.model", "model 'vae' has no labels, so it cannot write text"),
    ],
)
async def test_what_is_not_allowed_is_named_with_what_is(
    client: httpx.AsyncClient, body: dict[str, Any], field: str, says: str
) -> None:
    expect_problem(await client.post("/render-text", json=body), InvalidParameter, says, field)


async def test_the_size_of_a_picture_does_not_limit_json(client: httpx.AsyncClient) -> None:
    assert (await post(client, JSON, text="A", scale=64)).status_code == 200
    expect_problem(await post(client, NPY, text="A", scale=64), InvalidParameter, "", "body.scale")


def test_a_text_without_a_glyph_has_a_style_all_the_same() -> None:
    style, z = draw_style(3, 0, DRAWN, temperature=1.0, variation=1.0)
    assert np.array_equal(style, draw_latents(3, 1, DRAWN, 1.0)[0])
    assert z.shape == (0, 6)
