import asyncio
import io

import numpy as np
import orjson
import pytest
from PIL import Image
from starlette.responses import Response, StreamingResponse

from glyphvae.api import responses
from glyphvae.api.responses import Style
from glyphvae.errors import InvalidParameter
from glyphvae.formats.colours import BLACK, WHITE, Colour
from tests.service.support import grey, picture

PLAIN = Style(1, BLACK, WHITE)


def test_a_style_is_read_from_words() -> None:
    assert Style.parse("query", 2, "navy", "transparent") == Style(2, Colour(0, 0, 128), None)


@pytest.mark.parametrize(("ink", "paper", "field"), [("?", "white", "body.ink"), ("black", "?", "body.paper")])
def test_a_colour_that_is_none_is_named(ink: str, paper: str, field: str) -> None:
    with pytest.raises(InvalidParameter, match=f"{field}: '\\?' is not a colour"):
        Style.parse("body", 1, ink, paper)


def test_every_answer_names_its_model_and_is_never_stored() -> None:
    plain = {"Glyphvae-Model": "cvae/1", "Vary": "Accept", "Cache-Control": "no-store"}
    assert responses.headers("cvae/1") == plain
    more = {"Glyphvae-Seed": "0", "Glyphvae-Reconstruction-Error": "1.5"}
    assert responses.headers("cvae/1", seed=0, reconstruction_error=1.5, label=None) == plain | more


def test_a_picture_at_the_limit_is_allowed() -> None:
    responses.check_picture("query.scale", 100, 50, 5000)
    with pytest.raises(InvalidParameter, match="the picture would have 101×50 pixels") as caught:
        responses.check_picture("query.scale", 101, 50, 5000)
    assert caught.value.errors[0].allowed == "at most 5000 pixels; a smaller scale, or less to show"


@pytest.mark.parametrize("scale", [1, 2, 16])
async def test_one_glyph_is_shown_alone(scale: int) -> None:
    content = await responses.glyphs_picture(grey(50), 1, 1, Style(scale, BLACK, WHITE))
    assert np.array_equal(picture(content), np.full((28 * scale, 28 * scale), 50))


async def test_several_glyphs_are_shown_row_by_row() -> None:
    shown = picture(await responses.glyphs_picture(grey(10, 20, 30), 2, 2, PLAIN))
    assert [int(shown[y, x]) for y in (0, 55) for x in (0, 55)] == [10, 20, 30, 0]


def test_arrays_become_lists_in_json() -> None:
    response = responses.json_answer({"z": np.array([0.5, -1], np.float32), "n": np.int64(3)}, {"A": "b"})
    assert orjson.loads(response.body) == {"z": [0.5, -1.0], "n": 3}
    assert response.headers["content-type"] == "application/json"
    assert response.headers["a"] == "b"


def test_arrays_are_answered_whole() -> None:
    response = responses.npy_answer(grey(1, 2), {"A": "b"})
    assert response.headers["content-type"] == "application/x-npy"
    assert np.array_equal(np.load(io.BytesIO(response.body)), grey(1, 2))


def test_pictures_are_answered_as_they_are() -> None:
    response = responses.png_answer(PLAIN.show(grey(9)[0]), {"A": "b"})
    assert response.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(response.body)).size == (28, 28)


def test_numbers_are_listed_to_three_decimals() -> None:
    assert responses.structured_list([1, -2.34567, 1e6]) == "1.000, -2.346, 1000000.000"


def test_only_what_is_answered_is_documented() -> None:
    documented = responses.documented_answer("Samples", {"seed": 7}, None, "an array", {"Glyphvae-Seed": "The seed."})
    assert list(documented["content"]) == ["application/json", "application/x-npy"]
    assert documented["content"]["application/json"]["example"] == {"seed": 7}
    assert documented["headers"]["Glyphvae-Seed"]["description"] == "The seed."
    assert "image/png" in responses.documented_answer("Samples", {}, "a glyph", "an array")["content"]


async def whole(response: Response) -> bytes:
    """What an answer sends."""
    if isinstance(response, StreamingResponse):
        return b"".join([bytes(piece) async for piece in response.body_iterator])  # type: ignore[arg-type]
    return bytes(response.body)


@pytest.mark.parametrize("n", [0, 1, responses.JSON_BLOCK, responses.JSON_BLOCK + 1, 3 * responses.JSON_BLOCK])
async def test_a_list_in_pieces_is_the_json_of_the_whole(n: int) -> None:
    items = [{"index": index, "row": np.arange(3) + index} for index in range(n)]
    blocks = responses.in_blocks(items)
    response = await responses.json_list_answer({"model": "cvae/1"}, "items", blocks, n, {"X-Extra": "1"})
    assert isinstance(response, StreamingResponse) == (n > responses.JSON_BLOCK)
    assert (response.media_type, response.headers["x-extra"]) == ("application/json", "1")
    expected = {"model": "cvae/1", "items": [{"index": i, "row": [i, i + 1, i + 2]} for i in range(n)]}
    assert await whole(response) == orjson.dumps(expected)


async def test_others_have_their_turn_between_the_pieces_of_a_list() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(count())
    blocks = responses.in_blocks(range(4 * responses.JSON_BLOCK))
    await whole(await responses.json_list_answer({"model": "x"}, "items", blocks, 4 * responses.JSON_BLOCK, {}))
    task.cancel()
    assert turns >= 3
