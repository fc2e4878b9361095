import hashlib
import io
import json
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote
from xml.etree import ElementTree as ET

import httpx
import numpy as np
import pypdfium2
import pytest
from numpy.typing import NDArray
from PIL import Image

from glyphvae.application import create_app
from glyphvae.errors import InvalidParameter, MissingParameter, NotAcceptable, UnknownModel
from glyphvae.models.latents import draw_latents
from glyphvae.operations.render_text import RenderedText
from glyphvae.text.alternates import apart
from glyphvae.text.layout import Setting, layout
from glyphvae.text.symbols import fold
from tests.known_model import LABELS, decoder, encoder, strokes, write_model, write_more
from tests.service.support import (
    JSON,
    NPY,
    PDF,
    PNG,
    SVG,
    array,
    caller,
    context_of,
    expect_problem,
    known_hand,
    percent_apart,
    picture,
)

DRAWN = (None,) * 6
ACUTE, CEDILLA = "\u0301", "\u0327"
GOLDEN_PLACES = [
    *((8, 12), (44, 8), (80, 8), (8, 40), (44, 40), (8, 72), (44, 72), (80, 72)),
    *((8, 104), (44, 104), (20, 136), (56, 136), (92, 136)),
]
GOLDEN_PIXELS = "40a952415be2e4cc6db0c4732f14e821e0e7b65131eb82b1c258696bd6fa45fa"
# The label number k is a bar from 3 to 25 units that stands 18 - k / 2 units above the baseline and is 2 units high.
PEN_LABELS = ("A", "C", "e", "ı", "i", "ê", "'", "sch", ACUTE, CEDILLA)
HAND_SIZE = 2


@pytest.fixture
async def pen(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a model that draws strokes, in a hand of two latents."""
    count = len(PEN_LABELS)
    files = {"encoder": encoder(rows=count), "decoder": decoder(rows=count), "strokes": strokes(count)}
    config = {"hand_size": HAND_SIZE, "form_size": 4}
    write_model(tmp_path, "pen", files=files, labels=PEN_LABELS, schema=2, config=config)
    async with caller(create_app(context_of(tmp_path, default_model="pen", max_output_pixels=1 << 20))) as client:
        yield client


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
        pixels = np.array(glyph.pixels, np.uint8)
        height, width = pixels.shape
        cell = canvas[glyph.y + 28 : glyph.y + 28 + height, glyph.x + 28 : glyph.x + 28 + width]
        np.maximum(cell, pixels, out=cell)
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
    deviations = 0.1 * draw_latents(7, 5, DRAWN, 1.0)[1:]
    assert z == pytest.approx(style + apart(deviations, fold("AAAA", LABELS), 0.1), abs=1e-6)
    assert len(np.unique(z, axis=0)) == 4
    words = await rendered(client, text="A A A A", seed=7, temperature=0.5, variation=0.1)
    assert np.array([glyph.z for glyph in words.glyphs]) == pytest.approx(style + deviations, abs=1e-6)


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
        ({"text": "A", "case": "lower"}, "body.case", "'keep' or 'upper'"),
        ({"text": "A", "drift": -1}, "body.drift", "greater than or equal to 0"),
        ({"text": "AB!"}, "body.text", "unknown=skip leaves out what cannot be written"),
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


async def test_a_text_without_a_glyph_has_a_style_all_the_same(client: httpx.AsyncClient) -> None:
    answer = await rendered(client, text=" ", seed=3, temperature=1)
    assert answer.z == pytest.approx(draw_latents(3, 1, DRAWN, 1.0)[0])


async def test_the_hand_is_drawn_once_and_forms_vary_around_what_is_given(pen: httpx.AsyncClient) -> None:
    z = [None, 0.5, None, 1.5]
    answer = await rendered(pen, text="A A", seed=3, z=z, temperature=0.7, variation=0.25)
    stream = draw_latents(3, 3, DRAWN, 1.0)
    assert answer.z == pytest.approx([0.7 * stream[0, 0], 0.5, 0, 1.5, 0, 0])
    for glyph, deviation in zip(answer.glyphs, stream[1:], strict=True):
        assert glyph.z[:2] == answer.z[:2]
        assert glyph.z[2:] == pytest.approx(answer.z[2:] + 0.25 * deviation[2:], abs=1e-6)


async def test_texts_of_pixels_are_what_they_were(client: httpx.AsyncClient) -> None:
    body = {"text": "Quick AVA 17\n\tjig", "seed": 7, "width": 140, "align": "justify", "scale": 1}
    answer = await rendered(client, **body)
    assert [(glyph.x, glyph.y) for glyph in answer.glyphs] == GOLDEN_PLACES
    pixels = array(await post(client, NPY, **body))
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == GOLDEN_PIXELS


async def test_letters_of_strokes_stand_at_their_height(pen: httpx.AsyncClient) -> None:
    answer = await rendered(pen, text="Ae'", z=[0, 0], drift=0, margin=0)
    assert [(glyph.label, glyph.position, glyph.line) for glyph in answer.glyphs] == [
        ("A", 0, 0),
        ("e", 1, 0),
        ("'", 2, 0),
    ]
    assert answer.baselines == [20]
    assert [glyph.y for glyph in answer.glyphs] == [0, 1, 3]
    # Ink of 22, bearings of 4 and 2, and for letters the two that the bars would look too far apart by.
    assert [glyph.x for glyph in answer.glyphs] == [0, 22 + 4, 22 + 4 + 22 + 6]
    for glyph in answer.glyphs:
        assert np.array(glyph.pixels).shape == (2, 22)
        assert (np.array(glyph.pixels)[:, 1:-1] == 255).all()


@pytest.mark.parametrize("scale", [1, 2, 8])
async def test_strokes_are_painted_at_every_scale(pen: httpx.AsyncClient, scale: int) -> None:
    body = {"text": "Aé sch\nê", "z": [0.5], "seed": 7, "scale": scale, "drift": 0}
    answer = await rendered(pen, **body)
    pixels = np.asarray(array(await post(pen, NPY, **body)), np.uint8)
    assert pixels.shape == (scale * answer.height, scale * answer.width)
    assert np.array_equal(picture((await post(pen, **body)).content), pixels)
    if scale == 1:
        assert np.abs(pixels.astype(int) - drawn(answer)).max() <= 4
    else:
        # The edges of the first bar lie on pixels of the picture, so that only its round ends are grey.
        (first, *_), grey = answer.glyphs, (pixels > 0) & (pixels < 255)
        assert not grey[: scale * 28, scale * (first.x + 2) : scale * (first.x + 20)].any()


@pytest.mark.parametrize("form", ["NFC", "NFD"])
async def test_an_accented_letter_is_a_letter_and_its_mark(pen: httpx.AsyncClient, form: Literal["NFC", "NFD"]) -> None:
    answer = await rendered(pen, text=unicodedata.normalize(form, "Áéíê"), z=[0, 0], seed=7, drift=0)
    assert [glyph.label for glyph in answer.glyphs] == ["A", ACUTE, "e", ACUTE, "ı", ACUTE, "ê"]
    places = {"NFC": [0, 0, 1, 1, 2, 2, 3], "NFD": [0, 1, 2, 3, 4, 5, 6]}
    assert [glyph.position for glyph in answer.glyphs] == places[form]
    a, over_a, e, over_e, i, over_i, _ = answer.glyphs
    # In its cell the mark is from 16 to 14 above the baseline, for a letter of 19, as e has it; A has 20 and ı 18.5.
    (baseline,) = answer.baselines
    assert [over_a.y, over_e.y, over_i.y] == [baseline - 17, baseline - 16, baseline - 16]
    assert [over_a.x, over_e.x, over_i.x] == [a.x, e.x, i.x]
    assert len(over_a.pixels) == len(over_e.pixels) == 2
    assert len(over_i.pixels) == 3


async def test_all_letters_are_capitals_on_request(pen: httpx.AsyncClient) -> None:
    answer = await rendered(pen, text="Ac\u00a0’", case="upper")
    assert [glyph.label for glyph in answer.glyphs] == ["A", "C", "'"]
    assert answer.folded == [1, 3]


async def test_lines_drift_unless_they_shall_not(pen: httpx.AsyncClient) -> None:
    straight, drifting, more = [
        await rendered(pen, text="AAAA\nAAAA", seed=7, drift=drift, variation=0) for drift in (0, 1, 10)
    ]
    assert straight.baselines[1] - straight.baselines[0] == drifting.baselines[1] - drifting.baselines[0] == 32
    heights = [
        {glyph.y - answer.baselines[glyph.line] for glyph in answer.glyphs} for answer in (straight, drifting, more)
    ]
    assert len(heights[0]) == 1
    assert len(heights[2]) > 2
    assert (await rendered(pen, text="AAAA\nAAAA", seed=7, variation=0)).glyphs == drifting.glyphs
    assert (await rendered(pen, text="AAAA\nAA", seed=7, variation=0)).glyphs == drifting.glyphs[:6]


async def test_pixels_do_not_drift(client: httpx.AsyncClient) -> None:
    none, much = [await rendered(client, text="AB\nC", seed=7, drift=drift) for drift in (0, 10)]
    assert none == much


async def test_normalisation_does_not_change_the_picture(pen: httpx.AsyncClient) -> None:
    composed = await post(pen, text=unicodedata.normalize("NFC", "Çé 'íê"), seed=7)
    decomposed = await post(pen, text=unicodedata.normalize("NFD", "Çé 'íê"), seed=7)
    assert composed.status_code == 200
    assert composed.content == decomposed.content


async def test_a_text_is_written_with_one_pen(pen: httpx.AsyncClient) -> None:
    answer = await rendered(pen, text="AAeé" * 40, seed=7, variation=0.5)
    z = np.array([glyph.z for glyph in answer.glyphs])
    assert (z[:, :HAND_SIZE] == answer.z[:HAND_SIZE]).all()
    assert len(np.unique(z[:, HAND_SIZE:], axis=0)) == len(z) == 200
    assert answer.z[HAND_SIZE:] == [0, 0, 0, 0]
    again = await rendered(pen, text="A", seed=8, z=answer.z, variation=0)
    assert again.glyphs[0].z == answer.z


async def test_names_of_several_characters_are_written(pen: httpx.AsyncClient) -> None:
    answer = await rendered(pen, text="schA")
    assert [(glyph.label, glyph.position) for glyph in answer.glyphs] == [("sch", 0), ("A", 3)]


async def test_what_strokes_cannot_write_is_left_out_or_a_capital(pen: httpx.AsyncClient) -> None:
    answer = await rendered(pen, text="áñÑ\u0323A", unknown="skip")
    assert "".join(glyph.label for glyph in answer.glyphs) == f"A{ACUTE}A"
    assert (answer.folded, answer.unknown) == ([0], [1, 2, 3])
    blank = await rendered(pen, text="AñA", unknown="blank", seed=7)
    wide, near = ([glyph.x for glyph in each.glyphs] for each in (blank, await rendered(pen, text="AA", seed=7)))
    assert wide[1] > near[1]


async def test_a_mark_alone_is_written_as_it_is(pen: httpx.AsyncClient) -> None:
    answer = await rendered(pen, text=f"{ACUTE} {CEDILLA}")
    assert [glyph.label for glyph in answer.glyphs] == [ACUTE, CEDILLA]
    assert answer.glyphs[1].x > answer.glyphs[0].x + 22


@pytest.mark.parametrize("text", [" ", "\n", "?"])
async def test_a_text_without_strokes_is_paper(pen: httpx.AsyncClient, text: str) -> None:
    assert (await rendered(pen, text=text, unknown="skip")).glyphs == []
    assert not picture((await post(pen, text=text, unknown="skip")).content).any()


async def test_extreme_styles_can_be_set(pen: httpx.AsyncClient) -> None:
    for z in ([10] * 6, [-10] * 6):
        assert (await post(pen, text="Aé\nê", z=z, variation=10)).status_code == 200


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({"text": "Añ"}, "body.text", "The character 'ñ' (U+00F1 LATIN SMALL LETTER N WITH TILDE) at position 1"),
        ({"text": "An\u0303"}, "body.text", "U+006E LATIN SMALL LETTER N) at position 1"),
        ({"text": "Ae\u0303"}, "body.text", "allowed are A, C, e, ı, i, ê, ', sch, ◌\u0301, ◌\u0327, spaces"),
        ({"text": "A", "width": 43}, "body.width", "at least 44 is needed"),
        ({"text": "A" * 60, "scale": 64}, "body.scale", "at most 1048576 pixels"),
        ({"text": "A", "z": [0] * 7}, "body.z", "at most 6"),
    ],
)
async def test_what_strokes_do_not_allow_is_named(
    pen: httpx.AsyncClient, body: dict[str, Any], field: str, says: str
) -> None:
    expect_problem(await pen.post("/render-text", json=body), InvalidParameter, says, field)


async def test_a_text_is_written_in_a_hand(handed: httpx.AsyncClient) -> None:
    """The hand is that of all glyphs, and the seed draws their forms."""
    hand = known_hand(0.5, -2)
    answers = [await rendered(handed, text="ABA", seed=seed, hand=hand) for seed in (7, 7, 8)]
    for answer in answers:
        assert answer.z == pytest.approx([0.5, -2, 0, 0, 0, 0])
        assert [glyph.z[:2] for glyph in answer.glyphs] == [pytest.approx([0.5, -2])] * 3
    first, again, other = ([glyph.z for glyph in answer.glyphs] for answer in answers)
    assert first == again != other
    over = await rendered(handed, text="A", hand=hand, z=[None, 1.0, 2.0])
    assert over.z == pytest.approx([0.5, 1, 2, 0, 0, 0])


async def test_the_words_of_an_svg_can_be_selected(pen: httpx.AsyncClient) -> None:
    response = await post(pen, SVG, text="A Ce\n'<x>", seed=7, unknown="skip")
    root = ET.fromstring(response.content)  # noqa: S314 (our own)
    lines = ["".join(line.itertext()) for line in root.iter("{http://www.w3.org/2000/svg}text")]
    assert lines == ["A Ce", "'<x>"]
    assert root.get("aria-label") == "A Ce '<x>"  # XML reads line breaks in attributes as spaces
    placed = (await rendered(pen, text="A Ce\n'<x>", seed=7, unknown="skip")).glyphs
    spans = [span.get("x") for span in root.iter("{http://www.w3.org/2000/svg}tspan")]
    assert spans == [str(placed[number].x) for number in (0, 1, 3)]


async def test_a_character_that_xml_lacks_is_replaced(pen: httpx.AsyncClient) -> None:
    content = b'{"text": "A\\u0000\\u001f", "unknown": "skip"}'
    headers = SVG | {"content-type": "application/json"}
    response = await pen.post("/render-text", content=content, headers=headers)
    assert response.status_code == 200
    assert ET.fromstring(response.content).get("aria-label") == "A\ufffd\ufffd"  # noqa: S314 (as above)


PAGE = {"size": [100, 60], "margin": [10, 20, 6, 30], "line_height": 10, "letter_height": 4}


def pdf_of(response: httpx.Response) -> pypdfium2.PdfDocument:
    assert (response.status_code, response.headers["content-type"]) == (200, "application/pdf"), response.text
    return pypdfium2.PdfDocument(response.content)


def millimetres(page: pypdfium2.PdfPage) -> tuple[float, float]:
    width, height = page.get_size()
    return width / 72 * 25.4, height / 72 * 25.4


async def test_a_text_is_written_on_pages(pen: httpx.AsyncClient) -> None:
    response = await post(pen, PDF, text="Aé\n" * 7, seed=7, page=PAGE)
    file = pdf_of(response)
    assert len(file) == 2
    assert {name: response.headers[f"glyphvae-{name}"] for name in ("pages", "seed")} == {"pages": "2", "seed": "7"}
    assert millimetres(file[0]) == pytest.approx((100, 60), abs=0.001)
    assert file[0].get_textpage().get_text_range() == "\r\n".join(["Aé"] * 5)
    assert file[1].get_textpage().get_text_range() == "\r\n".join(["Aé"] * 2)
    assert file.get_metadata_dict(skip_empty=True) == {"Title": "Aé Aé Aé Aé Aé Aé Aé"}
    assert (await post(pen, PDF, text="Aé\n" * 7, seed=7, page=PAGE)).content == response.content


@pytest.mark.parametrize("lines", ["plain", "ruled", "squared"])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("accept", [PNG, {"accept": "image/webp"}])
async def test_a_picture_shows_a_page_of_the_pdf(
    pen: httpx.AsyncClient, lines: str, number: int, accept: dict[str, str]
) -> None:
    body = {"text": "A e sch " * 20, "seed": 7, "ink": "#803020", "paper": "#fffae0"}
    page = PAGE | {"lines": lines, "place": "middle"}
    response = await post(pen, accept, **body, page=page | {"number": number}, dpi=254)
    assert (response.status_code, response.headers.get("glyphvae-pages")) == (200, "2")
    image = Image.open(io.BytesIO(response.content))
    assert image.size == (1000, 600)
    found = np.asarray(image.convert("RGB"))
    file = pdf_of(await post(pen, PDF, **body, page=page))
    painted = file[number - 1].render(scale=254 / 72).to_pil().convert("RGB").resize(image.size)
    assert percent_apart(found, np.asarray(painted)) < 2
    assert found[0, 0].tolist() == [255, 250, 224]
    assert found.min(axis=(0, 1)).tolist() == [128, 48, 32]


async def test_a_picture_of_a_page_has_150_dpi_unless_told_and_tells_it(pen: httpx.AsyncClient) -> None:
    for dpi, size in ((None, (591, 354)), (72, (283, 170)), (300, (1181, 709))):
        image = Image.open(io.BytesIO((await post(pen, text="A", page=PAGE, dpi=dpi)).content))
        assert image.size == size
        assert image.info["dpi"] == pytest.approx((dpi or 150,) * 2, abs=0.02)


async def test_colours_of_rules_are_chosen(pen: httpx.AsyncClient) -> None:
    body = {"text": "A", "drift": 0, "paper": "transparent", "page": PAGE | {"lines": "ruled", "rule": "#f00"}}
    image = Image.open(io.BytesIO((await post(pen, **body, dpi=254)).content)).convert("RGBA")
    assert np.asarray(image)[239, 900].tolist() == [255, 0, 0, 255]
    assert np.asarray(image)[230, 900].tolist()[3] == 0


async def test_a_hand_keeps_to_rules(pen: httpx.AsyncClient) -> None:
    """Without rules it leaves its lines by more, with the same seed."""
    off = {}
    for lines in ("plain", "ruled"):
        page = {"size": [400, 60], "margin": 10, "line_height": 10, "lines": lines, "rule": "white"}
        image = Image.open(io.BytesIO((await post(pen, text="A" * 60, seed=9, page=page, dpi=100)).content))
        ink = np.asarray(image.convert("L")) < 128
        columns = np.flatnonzero(ink.any(axis=0))
        off[lines] = np.ptp(ink.argmax(axis=0)[columns])
    assert off["ruled"] < off["plain"]


async def test_without_a_page_a_pdf_is_as_large_as_the_svg(pen: httpx.AsyncClient) -> None:
    body = {"text": "Aé sch\nê", "seed": 7, "scale": 4, "margin": 0}
    answer = await rendered(pen, **body)
    response = await post(pen, PDF, **body)
    file = pdf_of(response)
    assert "glyphvae-pages" not in response.headers
    assert len(file) == 1
    # A pixel of CSS is three quarters of a point.
    assert file[0].get_size() == pytest.approx((3 * answer.width, 3 * answer.height))
    assert file[0].get_textpage().get_text_range() == "Aé sch\r\nê"
    pixels = np.asarray(file[0].render(scale=4 / 3).to_pil().convert("L"))
    assert percent_apart(255 - pixels, picture((await post(pen, **body)).content)) < 2


async def test_a_text_of_nothing_is_an_empty_page(pen: httpx.AsyncClient) -> None:
    file = pdf_of(await post(pen, PDF, text=" ", page=PAGE))
    assert (len(file), file[0].get_textpage().get_text_range()) == (1, "")


async def test_who_accepts_any_application_gets_json(pen: httpx.AsyncClient) -> None:
    response = await post(pen, {"accept": "application/*"}, text="A")
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("accept", "body", "field", "says"),
    [
        *((PDF, {name: 20, "page": {}}, f"body.{name}", "`page` tells it") for name in ("margin", "line_height")),
        (PDF, {"width": 200, "page": {}}, "body.width", "not besides `page`"),
        (PNG, {"scale": 2, "page": {}}, "body.scale", "not besides `page`"),
        (PNG, {"dpi": 150}, "body.dpi", "with `page` only; else use `scale`"),
        (PDF, {"dpi": 150, "page": {}}, "body.dpi", "image/png, image/webp only; see `Accept`"),
        (PDF, {"page": {"number": 1}}, "body.page.number", "image/png, image/webp only; see `Accept`"),
        (JSON, {"page": {}}, "body.page", "application/pdf, image/png, image/webp only"),
        (NPY, {"page": {}}, "body.page", "application/pdf, image/png, image/webp only"),
        (SVG, {"page": {}}, "body.page", "application/pdf, image/png, image/webp only"),
        (PNG, {"page": PAGE | {"number": 2}}, "body.page.number", "page 2 of 1 is asked for"),
        (PNG, {"page": {}, "dpi": 71}, "body.dpi", "greater than or equal to 72"),
        (PNG, {"page": {}, "dpi": 601}, "body.dpi", "less than or equal to 600"),
        (PNG, {"page": {}, "dpi": 150}, "body.dpi", "at most 1048576 pixels; a smaller dpi, or less to show"),
        (PDF, {"page": {"rule": "transparent"}}, "body.page.rule", "is not a colour"),
        (PDF, {"page": {"size": [30, 20], "margin": 10}}, "body.page", "leaves no room for capitals of 4.05 mm"),
        (PDF, {"page": {"size": [40, 90], "letter_height": 40}}, "body.page", "no room for capitals of 40 mm"),
        (PDF, {"page": {"colour": "red"}}, "body.page", "unknown: 'colour'; allowed are: size, landscape, margin"),
        (PDF, {"text": "A\n" * 500, "page": PAGE | {"size": [100, 20]}}, "body.page", "the text would have 500 pages"),
        (PDF, {"text": "A" * 200, "scale": 64}, "body.scale", "at most 14400; a smaller scale, or less to show"),
        (PDF, {"animate": True}, "body.animate", "image/svg+xml only"),
    ],
)
async def test_what_no_page_can_show_is_refused(
    pen: httpx.AsyncClient, accept: dict[str, str], body: dict[str, object], field: str, says: str
) -> None:
    problem = expect_problem(await post(pen, accept, **{"text": "A"} | body), InvalidParameter, says, field)
    assert len(problem.errors) == 1


async def test_a_letter_wider_than_its_column_is_refused(pen: httpx.AsyncClient) -> None:
    page = {"size": [40, 90], "margin": 5, "letter_height": 22}
    response = await post(pen, PDF, text="A", page=page)
    says = "A page of 40 x 90 mm with these margins leaves no room for capitals of 22 mm."
    expect_problem(response, InvalidParameter, says, "body.page")


async def test_pages_are_for_models_that_draw_strokes(client: httpx.AsyncClient, tmp_path: Path) -> None:
    expect_problem(await post(client, PDF, text="HI"), NotAcceptable, "Models that draw strokes: none here")
    response = await post(client, text="HI", page={})
    expect_problem(response, InvalidParameter, "models with strokes: none here", "body.page")
    write_model(tmp_path)
    write_more(tmp_path)
    async with caller(create_app(context_of(tmp_path, default_model="cvae"))) as other:
        response = await post(other, text="HI", page={})
    expect_problem(response, InvalidParameter, "models with strokes: more", "body.page")


RULED = '{"size": "A6", "lines": "ruled"}'


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("text=HI&seed=7", {"text": "HI", "seed": 7}),
        (
            "text=H%20I&seed=7&z=1,,-0.5&scale=3&ink=navy",
            {"text": "H I", "seed": 7, "z": [1, None, -0.5], "scale": 3, "ink": "navy"},
        ),
        (f"text=HI&seed=7&page={quote(RULED)}&dpi=72", {"text": "HI", "seed": 7, "page": json.loads(RULED), "dpi": 72}),
    ],
)
async def test_get_does_what_post_does(handed: httpx.AsyncClient, query: str, body: dict[str, object]) -> None:
    posted, got = await handed.post("/render-text", json=body), await handed.get(f"/render-text?{query}")
    assert (got.status_code, got.content) == (posted.status_code, posted.content) == (200, posted.content)
    assert got.headers["cache-control"].startswith("public, ")
    known = {"if-none-match": got.headers["etag"]}
    assert (await handed.get(f"/render-text?{query}", headers=known)).status_code == 304
    assert "etag" not in posted.headers


async def test_a_get_without_a_seed_is_another_each_time(client: httpx.AsyncClient) -> None:
    response = await client.get("/render-text?text=HI")
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ("seed=1", "query.text", "Field required"),
        ("text=HI&z=x", "query.z", "'x'"),
        ("text=HI&page=A4", "query.page", "unexpected character"),
        ('text=HI&page={"size":"A99"}', "query.page.size", ""),
        ("text=HI&colour=red", "query", "unknown: 'colour'"),
        ("text=%E2%98%83", "query.text", ""),
        ("text=HI&dpi=72", "query.dpi", "there is no `page`"),
        ("text=HI&model=gan&seed=1", None, "gan"),
    ],
)
async def test_what_a_query_has_wrong_is_named_as_of_the_query(
    client: httpx.AsyncClient, query: str, field: str | None, says: str
) -> None:
    response = await client.get(f"/render-text?{query}")
    problem = UnknownModel if field is None else MissingParameter if says == "Field required" else InvalidParameter
    body = expect_problem(response, problem, says, response.json().get("errors", [{}])[0].get("field"))
    assert "body" not in body.detail
    if field is not None:
        assert body.errors[0].field.startswith(field)
