from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import pytest

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.errors import InvalidParameter, MalformedBody, NotAcceptable, UnsupportedMedia
from glyphvae.operations import read
from glyphvae.operations.read import ReadText
from tests.service.imaging.scenes import paper, print_lines
from tests.service.processes import ROOT
from tests.service.support import Wrong, caller, context_of, expect_problem, image_file

TEXT = "HELLO World\nabc xyz 123"
PAGE = image_file(print_lines(paper(330, 800), TEXT))


@pytest.fixture(scope="module")
def context() -> Context:
    """Load the shipped models."""
    return context_of(ROOT / "exported")


@pytest.fixture
async def client(context: Context) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(create_app(context)) as client:
        yield client


async def found(client: httpx.AsyncClient, query: str = "", **body: Any) -> ReadText:  # noqa: ANN401 (httpx' own)
    response = await client.post(f"/read?model=pen&{query}", **({"content": PAGE} | body))
    assert response.status_code == 200, response.text
    return ReadText.model_validate_json(response.content)


async def test_lines_words_and_characters_have_their_places(client: httpx.AsyncClient) -> None:
    answer = await found(client)
    assert (answer.model, answer.text, answer.notes) == ("pen/1", TEXT, [])
    assert [line.text for line in answer.lines] == TEXT.split("\n")
    assert [[word.text for word in line.words] for line in answer.lines] == [["HELLO", "World"], ["abc", "xyz", "123"]]
    assert {line.image for line in answer.lines} == {0}
    for line in answer.lines:
        characters = [one for word in line.words for one in word.characters]
        assert "".join(one.label for one in characters) == line.text.replace(" ", "")
        for left, top, right, bottom in [*(word.box for word in line.words), *(one.box for one in characters)]:
            assert line.box[0] <= left < right <= line.box[2]
            assert line.box[1] <= top < bottom <= line.box[3]
    first = answer.lines[0].words[0].characters[0]
    assert first.box == pytest.approx((40, 42, 78, 90), abs=4)
    assert next(iter(first.alternatives)) == "H"
    assert len(first.alternatives) == 3
    assert not first.joined
    assert first.doubt.percentile is not None


async def test_plain_text_is_the_text_alone(client: httpx.AsyncClient) -> None:
    for query, headers in (("", {"accept": "text/plain"}), ("format=text", {})):
        response = await client.post(f"/read?model=pen&{query}", content=PAGE, headers=headers)
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert response.text == f"{TEXT}\n"
        assert "glyphvae-joined" not in response.headers


async def test_labels_and_alternatives_are_those_asked_for(client: httpx.AsyncClient) -> None:
    answer = await found(client, "labels=digits&top=1")
    assert answer.text.replace(" ", "").replace("\n", "").isdigit()
    assert answer.lines[1].words[-1].text == "123"
    assert {len(one.alternatives) for line in answer.lines for word in line.words for one in word.characters} == {1}


async def test_several_images_are_read_one_after_the_other(client: httpx.AsyncClient) -> None:
    other = image_file(print_lines(paper(200, 400), "ABK"))
    answer = await found(client, content=None, files=[("file", PAGE), ("file", other)])
    assert answer.text == f"{TEXT}\nABK"
    assert [line.image for line in answer.lines] == [0, 0, 1]


async def test_joined_characters_say_so(client: httpx.AsyncClient) -> None:
    picture = print_lines(paper(200, 500), "AB  AB")
    picture[70:76, 225:330] = 30
    response = await client.post("/read?model=pen", content=image_file(picture))
    assert response.headers["glyphvae-joined"] == "1"
    answer = ReadText.model_validate_json(response.content)
    assert answer.notes == ["Characters that look joined: 1. Only separate ones are read."]
    joined = answer.lines[0].words[-1].characters[-1]
    assert joined.joined
    assert joined.doubt.doubtful
    assert "joined" in joined.doubt.reasons[-1]


async def test_a_page_of_many_doubtful_characters_says_so(client: httpx.AsyncClient) -> None:
    answer = await found(client, content=image_file(np.rot90(print_lines(paper(330, 800), TEXT)).copy()))
    doubtful = sum(one.doubt.doubtful for line in answer.lines for word in line.words for one in word.characters)
    assert any(note.startswith(f"Doubtful characters: {doubtful} of ") for note in answer.notes)


async def test_ink_that_is_left_out_is_counted(client: httpx.AsyncClient) -> None:
    picture = print_lines(paper(500, 500), "ABK")
    picture[400:404, 400:404] = 30
    answer = await found(client, content=image_file(picture))
    assert answer.text == "ABK"
    assert answer.notes == ["Other pieces of ink were left out: 1."]


async def test_a_model_of_capitals_reads_capitals(client: httpx.AsyncClient) -> None:
    answer = await found(client, content=image_file(print_lines(paper(200, 500), "HEAT")), params={"model": "cvae"})
    assert answer.text == "HEAT"


@pytest.mark.parametrize(
    "wrong",
    [
        Wrong("", b"", MalformedBody, None, "body is empty"),
        Wrong("", b"%PDF-1.7", UnsupportedMedia, None, "PDF"),
        Wrong("", image_file(paper()), InvalidParameter, "body", "The image shows no ink"),
        Wrong("labels=unheard!!", PAGE, InvalidParameter, "query.labels", "is not a label"),
        Wrong("top=0", PAGE, InvalidParameter, "query.top", "greater than or equal to 1"),
        Wrong("label=A", PAGE, InvalidParameter, "query", "unknown: 'label'"),
        Wrong("model=vae-z20", PAGE, InvalidParameter, "query.model", "has no labels"),
    ],
    ids=lambda wrong: wrong.says,
)
async def test_what_is_wrong_is_named(client: httpx.AsyncClient, wrong: Wrong) -> None:
    response = await client.post(f"/read?{wrong.query}", content=wrong.content)
    expect_problem(response, wrong.problem, wrong.says, wrong.field)


async def test_a_page_with_too_many_characters_is_refused(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "MAX_CHARACTERS", 25)
    response = await client.post("/read?model=pen", files=[("file", PAGE), ("file", PAGE)])
    expect_problem(response, InvalidParameter, "shows 19 characters; at most 6 are read", "body.file[1]")


async def test_other_formats_are_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/read?model=pen", content=PAGE, headers={"accept": "image/png"})
    expect_problem(response, NotAcceptable, "application/json, text/plain")


async def test_a_small_array_is_a_page_too(client: httpx.AsyncClient) -> None:
    picture = np.full((40, 60), 255, np.uint8)
    picture[8:32, 18:21] = picture[8:32, 34:37] = picture[19:22, 18:37] = 0
    answer = await found(client, content=image_file(picture))
    assert answer.text == "H"
