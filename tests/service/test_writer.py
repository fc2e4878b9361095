"""A `Writer` makes what the service answers, and refuses what it refuses."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import glyphvae
from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.client import AsyncClient, calls
from glyphvae.client.call import Call
from glyphvae.errors import InvalidParameter, NotFound, Problem, StartError, UnknownModel
from glyphvae.writer import Writer
from tests.service.imaging.scenes import paper, print_lines
from tests.service.operations.test_font import write_pen
from tests.service.support import caller, context_of, grey, image_file


@pytest.fixture
def writer(context: Context) -> Writer:
    return Writer(context=context)


IMAGE = image_file(np.eye(28, dtype=np.uint8) * 255)


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("/generate", calls.generate_picture(["J", "K"], n=3, seed=7, scale=2, ink="navy", z=[0.5, None, -1])),
        ("/generate", calls.generate_picture("J", seed=7, temperature=0)),
        ("/generate", calls.generate("J", n=2500, seed=7)),
        ("/generate", calls.generate_samples("J", n=300, seed=7)),
        ("/generate", calls.generate(model="vae", seed=7)),
        ("/render-text", calls.render_text("TO AND\nFRO", seed=7, align="right", width=120)),
        ("/render-text", calls.render_writing("\n", seed=7)),
        ("/encode", calls.encode(IMAGE)),
        ("/encode", calls.encode([IMAGE, IMAGE], label="J")),
        ("/reconstruct", calls.reconstruct_picture(grey(0, 120), preprocess="none", label="J")),
        ("/traverse", calls.traverse_picture([1, 2], "J", n=3, seed=7)),
        ("/interpolate", calls.interpolate_picture(["A", "B"], n=3, seed=7, animated=True)),
        ("/dataset", calls.dataset_arrays(300, seed=7, labels={"A": 2, "B": 1})),
    ],
)
async def test_the_bytes_are_those_of_the_response(
    client: httpx.AsyncClient, writer: Writer, path: str, call: Call[Any]
) -> None:
    request = client.build_request(**call.request.arguments())
    expected = (await client.send(request)).raise_for_status()
    got = writer.send(Call(call.request, lambda response: response))
    assert (request.url.path, got.content) == (path, expected.content)
    sent = {name: value for name, value in expected.headers.items() if name in got.headers}
    # Whether a response is compressed depends on `Accept-Encoding`, which only HTTP has.
    sent["vary"] = sent["vary"].removesuffix(", Accept-Encoding")
    assert got.headers == sent
    assert {"content-type", "glyphvae-model"} <= set(sent)


async def test_results_are_those_of_the_client(context: Context, writer: Writer, tmp_path: Path) -> None:
    async with AsyncClient("http://glyphvae", http=caller(create_app(context))) as client:
        text = writer.render("HELLO", seed=7)
        assert text.content == (await client.render_text("HELLO", seed=7)).content
        text.save(tmp_path / "hello.png")
        assert (tmp_path / "hello.png").read_bytes() == text.content
        assert (text.seed, text.model, text.image.format) == (7, "cvae/1", "PNG")
        glyphs = writer.generate("J", n=5, seed=7)
        assert (glyphs.pixels == (await client.generate("J", n=5, seed=7)).pixels).all()
        assert writer.generate_picture("J", n=4, columns=2).image.size == (56, 56)
        assert writer.encode(IMAGE).labels == (await client.encode(IMAGE)).labels
        assert (writer.reconstruct(IMAGE, label="J").elbo == (await client.reconstruct(IMAGE, label="J")).elbo).all()


def test_lines_are_read_as_by_the_call(writer: Writer) -> None:
    picture = print_lines(paper(60, 120), "AB", left=10, base=45, height=30)
    found = writer.read(picture, labels="capitals")
    assert [len(word.characters) for line in found.lines for word in line.words] == [2]
    assert found == writer.send(calls.read(picture, labels="capitals"))


def test_hands_and_fonts_are_those_of_the_calls(tmp_path: Path) -> None:
    write_pen(tmp_path, "A", "e")
    writer = Writer(context=context_of(tmp_path, default_model="pen"))
    found = writer.hand(grey(110), "A", preprocess="none")
    assert found.hand == writer.send(calls.hand(grey(110), "A", preprocess="none")).hand
    font = writer.font(hand=found.hand, seed=7, format="woff2")
    assert font.content == writer.send(calls.font(hand=found.hand, seed=7, format="woff2")).content
    assert font.headers["content-disposition"].endswith('.woff2"')


@pytest.mark.parametrize(
    ("call", "problem", "says"),
    [
        (calls.render_text("HÉ"), InvalidParameter, "body.text: The character 'É'"),
        (calls.render_text("H", scale=0), InvalidParameter, "body.scale: Input should be greater"),
        (calls.generate(labels="digit"), InvalidParameter, "query.labels: 'digit' is not a label"),
        (calls.generate("J", n=3001), InvalidParameter, "at most 3000"),
        (calls.generate("J", model="gan"), UnknownModel, "There is no model 'gan'"),
        (calls.encode(b"no image"), Problem, "body is none of PNG"),
        (calls.dataset_arrays(3001), InvalidParameter, "body.count"),
        (calls.models(), NotFound, "There is nothing at '/models' without a server."),
    ],
)
async def test_what_the_service_refuses_is_a_typed_error(
    client: httpx.AsyncClient, writer: Writer, call: Call[Any], problem: type[Problem], says: str
) -> None:
    with pytest.raises(problem) as caught:
        writer.send(call)
    response = await client.send(client.build_request(**call.request.arguments()))
    if problem is NotFound:
        assert response.status_code == 200
        assert says in caught.value.detail
    else:
        assert caught.value.response().body == response.content
        assert says in caught.value.detail or any(says in (error.allowed or "") for error in caught.value.errors)


def test_threads_may_share_one(writer: Writer) -> None:
    with ThreadPoolExecutor(8) as pool:
        pictures = list(pool.map(lambda _: writer.generate_picture("J"), range(200)))
    assert len({picture.seed for picture in pictures}) == 200


def test_models_and_settings_are_chosen_by_name(repository: Path) -> None:
    writer = Writer(repository, device="cpu", default_model="vae", max_samples=2)
    assert writer.generate(n=2).model == "vae/1"
    with pytest.raises(InvalidParameter) as caught:
        writer.generate(n=3)
    assert [error.allowed for error in caught.value.errors] == ["at most 2 of all labels together"]
    with pytest.raises(StartError, match="GLYPHVAE_THREADS"):
        Writer(repository, threads=0)
    with pytest.raises(StartError, match="GLYPHVAE_COLOUR: Extra inputs"):
        Writer(repository, colour="red")


def test_the_package_offers_it() -> None:
    assert glyphvae.Writer is Writer
    with pytest.raises(AttributeError, match="module 'glyphvae' has no attribute 'Painter'"):
        _ = glyphvae.Painter
