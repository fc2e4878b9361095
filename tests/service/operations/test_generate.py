import asyncio
import io

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from glyphvae.api.context import Context
from glyphvae.api.head import RequestHead, RequestHeaders
from glyphvae.api.responses import Body, Result
from glyphvae.errors import InvalidParameter
from glyphvae.models.latents import draw_latents
from glyphvae.models.registry import load_registry
from glyphvae.operations.generate import CHUNK, Generate, Own, Samples, split
from glyphvae.scheduling.steps import run_now
from tests.known_model import LABELS, MORE_LABELS
from tests.service.models.test_latents import GOLDEN
from tests.service.support import JSON, NPY, PNG, SVG, array, expect_bar, expect_problem, known_hand, picture

DRAWN = (None,) * 6
NO_BODY = Body(b"", "")


def written(z: NDArray[np.float32], labels: list[int]) -> NDArray[np.uint8]:
    """(n, 28, 28) glyphs of the known model."""
    levels = np.rint(100 + 10 * z[:, 0] + np.array(labels, dtype=np.float32)).astype(np.uint8)
    return np.repeat(levels, 784).reshape(-1, 28, 28)


async def samples(client: httpx.AsyncClient, **query: object) -> Samples:
    response = await client.post("/generate", params=httpx.QueryParams(query), headers=JSON)  # type: ignore[arg-type]
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return Samples.model_validate_json(response.content)


async def test_one_label_gives_one_glyph(client: httpx.AsyncClient) -> None:
    response = await client.post("/generate?label=J&temperature=0")
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/png"
    assert np.array_equal(picture(response.content), np.full((28, 28), 119))


@pytest.mark.parametrize("accept", [PNG, JSON])
async def test_without_a_seed_each_answer_is_new_and_its_header_reproduces_it(
    client: httpx.AsyncClient, accept: dict[str, str]
) -> None:
    new = await asyncio.gather(*(client.post("/generate?label=J", headers=accept) for _ in range(20)))
    seeds = [response.headers["glyphvae-seed"] for response in new]
    assert len(set(seeds)) == 20
    for response, seed in zip(new, seeds, strict=True):
        again = await client.post("/generate", params={"label": "J", "seed": seed}, headers=accept)
        assert again.headers["glyphvae-seed"] == seed
        assert again.content == response.content
        assert accept == PNG or response.json()["seed"] == int(seed)


@pytest.mark.parametrize(
    ("query", "same"),
    [
        ("label=19&seed=7", "label=J&seed=7"),
        ("label=%4A&seed=7", "label=J&seed=7"),
        ("seed=7&label=J&n=1", "label=J&seed=7"),
        ("label=J&seed=0000000000000000007", "label=J&seed=7"),
        ("label=J&seed=1&seed=7", "label=J&seed=7"),
        ("label=J&s%65ed=7", "label=J&seed=7"),
        ("label=J&temperature=2&temperature=0.7&seed=7", "label=J&seed=7"),
        ("label=J&z=&seed=7&model=&columns=3", "label=J&seed=7"),
        ("label=J&z=0.5%2C-1&seed=7", "label=J&z=.5,-1e0&seed=7"),
        ("label=J&z=1&z=0.5,-1&seed=7", "label=J&z=0.5,-1&seed=7"),
    ],
)
async def test_a_query_may_be_written_in_several_ways(client: httpx.AsyncClient, query: str, same: str) -> None:
    answers = [await client.post(f"/generate?{text}") for text in (query, same, query)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize(
    ("query", "own"),
    [
        (b"label=J", Own(b"label=J")),
        (b"label=J&seed=7", Own(b"label=J", 7)),
        (b"seed=7&label=J", Own(b"label=J", 7)),
        (b"seed=7", Own(b"", 7)),
        (b"seed=x", Own(b"seed=x")),
        (b"seed=9007199254740992", Own(b"seed=9007199254740992")),
        (b"xseed=7", Own(b"xseed=7")),
        (b"label=J&z=1,,-0.5e0", Own(b"label=J", None, b"1,,-0.5e0")),
        (b"z=&seed=0", Own(b"", 0, b"")),
        (b"z=1%2C2", Own(b"z=1%2C2")),
        (b"z=1&z=2", Own(b"z=1&z=2")),
        (b"seed=1&z=1&seed=2", Own(b"seed=1&z=1&seed=2")),
        (b"xz=1", Own(b"xz=1")),
    ],
)
def test_seed_and_latents_are_taken_out_of_a_query(query: bytes, own: Own) -> None:
    assert split(query) == own


def test_glyphs_are_drawn_ahead_for_a_query_that_comes_again_until_models_are_reloaded(context: Context) -> None:
    context = Context(context.settings, context.registry)
    generate = Generate(context)

    def run(query: bytes, accept: str = "image/png") -> Result:
        headers = [(b"accept", accept.encode())]
        head = RequestHead("POST", "/generate", query, RequestHeaders(headers))
        return run_now(generate.run(generate.plan(head), NO_BODY))

    for query in (b"label=J&seed=1", b"label=J&z=1", b"label=J&n=2", b"label=J&z=1%2C2", b"label=J&seed=1%20"):
        run(query)
    run(b"label=J", JSON["accept"])
    assert context.telemetry.prefetched() == {"cvae": 0}
    made = [run(query) for query in [b"label=J", b"label=J&scale=3", b"model=vae"] * 4]
    assert len({dict(result.extra)[b"glyphvae-seed"] for result in made}) == 12
    assert context.telemetry.prefetched() == {"cvae": 2 * 3, "vae": 3}  # of 1, 2 and 4 glyphs, four are gone
    context.registry = load_registry(context.settings)
    run(b"label=J")
    assert context.telemetry.prefetched() == {"cvae": 0}


async def test_a_seed_gives_the_same_latents_for_ever(client: httpx.AsyncClient) -> None:
    answer = await samples(client, label="J", n=2, seed=7, temperature=1)
    assert np.array_equal(np.array([sample.z for sample in answer.samples], np.float32), np.array(GOLDEN, np.float32))
    assert (answer.model, answer.seed, answer.temperature) == ("cvae/1", 7, 1.0)


async def test_every_format_shows_the_same_glyphs(client: httpx.AsyncClient) -> None:
    query: dict[str, str | int] = {"label": "J", "n": 4, "seed": 3}
    png, json, npy = [await client.post("/generate", params=query, headers=accept) for accept in (PNG, JSON, NPY)]
    glyphs = written(draw_latents(3, 4, DRAWN, 0.7), [19] * 4)
    pixels = array(npy)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, glyphs)
    assert [sample["pixels"] for sample in json.json()["samples"]] == glyphs.tolist()
    assert np.array_equal(picture(png.content), np.block([[glyphs[0], glyphs[1]], [glyphs[2], glyphs[3]]]))
    assert {response.headers["glyphvae-seed"] for response in (png, json, npy)} == {"3"}


async def test_samples_come_label_by_label(client: httpx.AsyncClient) -> None:
    answer = await samples(client, label=["B", "0", "B"], n=2, temperature=0)
    assert [sample.label for sample in answer.samples] == ["B", "B", "0", "0", "B", "B"]
    assert [sample.pixels[27][27] for sample in answer.samples] == [111, 111, 100, 100, 111, 111]


async def test_concurrent_requests_get_what_each_gets_alone(client: httpx.AsyncClient) -> None:
    looks = ["", "&scale=2", "&ink=navy", "&n=3", "&z=1,,2", "&label=K", "&paper=transparent&temperature=0.5"]
    queries = [f"/generate?label={label}&seed={seed}{look}" for seed in (7, 8) for label in "JZ" for look in looks]
    queries += [f"/generate?model=vae&seed={seed}" for seed in range(4)]
    for accept in (PNG, JSON):
        alone = [(await client.post(query, headers=accept)).content for query in queries]
        together = await asyncio.gather(*(client.post(query, headers=accept) for query in queries))
        assert [answer.content for answer in together] == alone
    first = (await samples(client, label="J", seed=7)).samples
    assert (await samples(client, label="J", seed=7, n=500)).samples[:1] == first


async def test_given_latents_take_the_place_of_drawn_ones(client: httpx.AsyncClient) -> None:
    answer = await samples(client, label="J", n=2, seed=7, z="0.5,,-1", temperature=2)
    z = np.array([sample.z for sample in answer.samples], np.float32)
    assert z[:, 0].tolist() == [0.5, 0.5]
    assert z[:, 2].tolist() == [-1, -1]
    assert np.array_equal(z[:, [1, 3, 4, 5]], 2 * np.array(GOLDEN, np.float32)[:, [1, 3, 4, 5]])
    assert answer.samples[0].pixels[0][0] == 100 + 5 + 19


async def test_the_same_z_writes_the_same_glyph_whatever_the_seed(client: httpx.AsyncClient) -> None:
    answers = [await client.post("/generate?label=J&z=1,2,3,-1,-2,-3") for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert answers[0].headers["glyphvae-seed"] != answers[1].headers["glyphvae-seed"]


@pytest.mark.parametrize(
    ("query", "rows", "columns"),
    [
        ("label=J&n=12", 3, 4),
        ("label=J&n=3", 2, 2),
        ("label=A&label=B&n=3", 2, 3),
        ("label=A&label=B&label=C&label=D", 2, 2),
        ("label=J&n=5&columns=5", 1, 5),
        ("label=J&n=5&columns=2", 3, 2),
        ("label=J&n=5&columns=100", 1, 5),
        ("label=A&label=B&n=3&columns=1", 6, 1),
        ("label=J&columns=9", 1, 1),
    ],
)
async def test_several_glyphs_make_a_sheet(client: httpx.AsyncClient, query: str, rows: int, columns: int) -> None:
    response = await client.post(f"/generate?{query}&seed=1")
    glyphs = array(await client.post(f"/generate?{query}&seed=1", headers=NPY))
    shown = picture(response.content)
    assert shown.shape == (28 * rows, 28 * columns)
    cells = shown.reshape(rows, 28, columns, 28).swapaxes(1, 2).reshape(-1, 28, 28)
    assert np.array_equal(cells[: len(glyphs)], glyphs)
    assert not cells[len(glyphs) :].any()


async def test_a_picture_is_enlarged_and_coloured(client: httpx.AsyncClient) -> None:
    query = "label=J&temperature=0&scale=3&ink=%23ff0000&paper=blue"
    image = Image.open(io.BytesIO((await client.post(f"/generate?{query}")).content)).convert("RGB")
    assert image.size == (84, 84)
    assert image.getpixel((40, 40)) == (119, 0, 255 - 119)


@pytest.mark.parametrize("size", ["scale=32", "n=1024"])
async def test_the_largest_picture_is_allowed(client: httpx.AsyncClient, size: str) -> None:
    response = await client.post(f"/generate?label=J&temperature=0&{size}")
    assert np.array_equal(picture(response.content), np.full((896, 896), 119))


async def test_an_array_of_several_chunks_is_complete(client: httpx.AsyncClient) -> None:
    n = CHUNK + 5
    response = await client.post(f"/generate?label=J&n={n}&seed=5", headers=NPY)
    assert int(response.headers["content-length"]) == len(response.content)
    assert np.array_equal(array(response), written(draw_latents(5, n, DRAWN, 0.7), [19] * n))


async def test_an_unconditional_model_takes_no_label(client: httpx.AsyncClient) -> None:
    answer = await samples(client, model="vae", n=3, seed=7)
    assert answer.model == "vae/1"
    assert [sample.label for sample in answer.samples] == [None] * 3
    expected = written(draw_latents(7, 3, DRAWN, 0.7), [0] * 3)
    assert [sample.pixels for sample in answer.samples] == expected.tolist()
    response = await client.post("/generate?model=vae&n=3&seed=7")
    assert response.headers["glyphvae-model"] == "vae/1"
    assert picture(response.content).shape == (56, 56)


async def test_the_default_model_is_taken_where_none_is_named(client: httpx.AsyncClient) -> None:
    for model in ("", "&model=", "&model=cvae"):
        assert (await client.post(f"/generate?label=J{model}")).headers["glyphvae-model"] == "cvae/1"


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ("label=J&labels=all", "query.labels", "label is given, too"),
        (
            "labels=%3f",
            "query.labels",
            "'?' is not a label; allowed is a character 0-9, A-Z or a number 0-35, several characters",
        ),
        (f"labels={'J' * 129}", "query.labels.0", "at most 128 characters"),
        ("model=vae&labels=all", "query.labels", "none, because the model has no labels"),
        ("n=84", "query.n", "3024 glyphs were asked for"),
        ("label=%3f", "query.label", "'?' is not a label; allowed is a character 0-9, A-Z or a number 0-35"),
        (f"label={'J' * 17}", "query.label.0", "at most 16 characters"),
        ("&".join(["label=J"] * 1025), "query.label", "at most 1024 items"),
        ("label=J&n=0", "query.n", "greater than or equal to 1"),
        ("label=J&n=3001", "query.n", "at most 3000 of all labels together"),
        ("label=J&label=K&n=1501", "query.n", "3002 glyphs were asked for"),
        (f"label=J&n={'9' * 4000}", "query.n", "less than or equal to 1000000000"),
        (f"label=J&seed={2**53}", "query.seed", f"less than or equal to {2**53 - 1}"),
        ("label=J&seed=seven", "query.seed", "valid integer"),
        ("label=J&z=1,2,3,4,5,6,7", "query.z", "7 latents were given, but the model has 6"),
        (f"label=J&z={'0' * 1025}", "query.z", "at most 1024 characters"),
        ("label=J&temperature=nan", "query.temperature", "finite number"),
        ("label=J&scale=33", "query.scale", "the picture would have 924×924 pixels"),
        ("label=J&n=1025", "query.scale", "at most 802816 pixels"),
        ("label=J&ink=shiny", "query.ink", "'shiny' is not a colour; allowed is a colour name"),
        ("label=J&paper=shiny", "query.paper", "allowed is transparent, a colour name"),
        ("model=vae&label=J", "query.label", "model 'vae' has no labels, so none can be asked for"),
    ],
)
async def test_what_is_not_allowed_is_named_with_what_is(
    client: httpx.AsyncClient, query: str, field: str, says: str
) -> None:
    expect_problem(await client.post(f"/generate?{query}"), InvalidParameter, says, field)


async def test_every_wrong_value_is_listed(client: httpx.AsyncClient) -> None:
    response = await client.post("/generate?label=J&n=0&seed=x&scale=99")
    body = expect_problem(response, InvalidParameter, "query.n", "query.n")
    assert [error.field for error in body.errors] == ["query.n", "query.seed", "query.scale"]


@pytest.mark.parametrize("query", ["label=J&n=3000", "label=J&label=K&n=1500"])
async def test_the_limit_itself_is_allowed(client: httpx.AsyncClient, query: str) -> None:
    assert array(await client.post(f"/generate?{query}", headers=NPY)).shape == (3000, 28, 28)


async def test_without_a_label_there_is_a_glyph_of_each_usual_one(client: httpx.AsyncClient) -> None:
    samples = (await client.post("/generate?temperature=0", headers=JSON)).json()["samples"]
    assert [sample["label"] for sample in samples] == list(LABELS)
    # A row of the grid for each label.
    assert picture((await client.get("/generate?n=2")).content).shape == (36 * 28, 2 * 28)


async def test_labels_say_which_are_written(more: httpx.AsyncClient) -> None:
    for query, expected in (
        ("", LABELS),
        ("labels=ascii", (*LABELS, "a", "b", ".")),
        ("labels=letters", (*LABELS[10:], "a", "b", "ß")),
        ("labels=digits&labels=small", (*LABELS[:10], "a", "b")),
        ("labels=ba0", ("b", "a", "0")),
        ("labels=all", MORE_LABELS),
        ("labels=a&labels=0&labels=%C3%9F&labels=36", ("a", "0", "ß")),
    ):
        samples = (await more.post(f"/generate?temperature=0&{query}", headers=JSON)).json()["samples"]
        assert tuple(sample["label"] for sample in samples) == expected
        assert samples[0]["pixels"][0][0] == 100 + MORE_LABELS.index(expected[0])


@pytest.mark.parametrize("scale", [2, 8, 64])
async def test_a_model_that_draws_strokes_is_crisp_at_any_scale(more: httpx.AsyncClient, scale: int) -> None:
    response = await more.post(f"/generate?label=J&temperature=0&scale={scale}")
    expect_bar(picture(response.content), 14.5, scale)
    # A bar between two pixels has one grey row on either side.
    response = await more.post(f"/generate?label=J&z=0.1,0,0,0,0,0&scale={scale}")
    column = picture(response.content)[:, 14 * scale]
    assert np.count_nonzero((column > 0) & (column < 255)) == 2
    assert int(column.sum()) == pytest.approx(2 * scale * 255, abs=8)


async def test_strokes_are_for_enlarged_pictures_alone(more: httpx.AsyncClient) -> None:
    query = "/generate?label=J&temperature=0"
    assert (picture((await more.post(query)).content) == 119).all()
    assert (array(await more.post(f"{query}&scale=2", headers=NPY)) == 119).all()
    (sample,) = (await more.post(f"{query}&scale=2", headers=JSON)).json()["samples"]
    assert sample["pixels"] == [[119] * 28] * 28


async def test_several_strokes_are_shown_row_by_row(more: httpx.AsyncClient) -> None:
    response = await more.post("/generate?label=0&label=J&label=Z&temperature=0&scale=2&columns=2")
    ink = picture(response.content)
    cells = ink.reshape(2, 56, 2, 56).swapaxes(1, 2)
    for cell, y in zip(cells.reshape(4, 56, 56), [5, 14.5, 22.5], strict=False):
        expect_bar(cell, y, 2)
    assert not cells[1, 1].any()


async def test_seeds_reproduce_painted_strokes(more: httpx.AsyncClient) -> None:
    new = await asyncio.gather(*(more.post(f"/generate?label=J&scale={scale}") for scale in [2, 2, 3, 1] * 4))
    assert len({response.headers["glyphvae-seed"] for response in new}) == 16
    for response, scale in zip(new, [2, 2, 3, 1] * 4, strict=True):
        seed = response.headers["glyphvae-seed"]
        again = await more.post(f"/generate?label=J&scale={scale}&seed={seed}")
        assert again.content == response.content


@pytest.mark.parametrize("accept", [PNG, JSON, NPY])
async def test_a_hand_gives_its_latents_and_the_seed_the_others(
    handed: httpx.AsyncClient, accept: dict[str, str]
) -> None:
    """Alone and with `z` beside it, which sets single latents over it, in every order of the parameters."""
    hand = known_hand(0.5, -2)
    for query, z in (
        (f"label=J&hand={hand}&seed=7", "0.5,-2"),
        (f"seed=7&hand={hand}&label=J&z=,1,,2", "0.5,1,,2"),
        (f"hand={hand}&z=%2C1&label=J&seed=7", "0.5,1"),
        (f"hand=x&label=J&seed=7&hand={hand}", "0.5,-2"),
    ):
        answers = [await handed.get(f"/generate?{text}", headers=accept) for text in (query, f"label=J&z={z}&seed=7")]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].content == answers[1].content


def test_glyphs_of_a_hand_are_drawn_ahead(with_hand: Context) -> None:
    generate = Generate(with_hand)

    def run(query: str) -> Result:
        head = RequestHead("GET", "/generate", query.encode(), RequestHeaders([(b"accept", b"image/png")]))
        return run_now(generate.run(generate.plan(head), NO_BODY))

    asked = f"label=J&hand={known_hand(0.5, -2)}"
    made = [run(asked) for _ in range(4)]
    assert with_hand.telemetry.prefetched() == {"cvae": 3}  # of 1, 2 and 4 glyphs, four are gone
    assert {picture(result.content)[0, 0] for result in made} == {100 + 5 + 19}
    seeds = [dict(result.extra)[b"glyphvae-seed"].decode() for result in made]
    assert len(set(seeds)) == 4
    assert [run(f"{asked}&seed={seed}").content for seed in seeds] == [result.content for result in made]
    run(f"{asked}&z=,1")
    assert with_hand.telemetry.prefetched() == {"cvae": 3}


async def test_single_glyphs_as_svg_are_drawn_ahead_and_reproduced(more: httpx.AsyncClient) -> None:
    new = await asyncio.gather(*(more.post("/generate?label=J&temperature=1", headers=SVG) for _ in range(5)))
    assert len({response.headers["glyphvae-seed"] for response in new}) == 5
    assert len({response.content for response in new}) > 1  # of this model two of five may be alike
    for response in new:
        seed = response.headers["glyphvae-seed"]
        again = await more.post(f"/generate?label=J&temperature=1&seed={seed}", headers=SVG)
        assert (again.content, again.headers["content-type"]) == (response.content, "image/svg+xml")
