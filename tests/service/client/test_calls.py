"""Every call of both clients; the known model makes every pixel 100 + 10·z[0] + label."""

import asyncio
import inspect
import io
import json
import string
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image, UnidentifiedImageError

from glyphvae.api.context import Context
from glyphvae.application import Application, create_app
from glyphvae.client import AsyncClient, Client, Letter, ProblemError, calls
from glyphvae.client.call import Call, Response, Stream
from glyphvae.client.options import Page
from glyphvae.client.results import Doubt, Writing, read_writing
from glyphvae.formats.npy import npy_bytes
from tests.service.operations.test_font import write_pen
from tests.service.processes import Server, running
from tests.service.support import caller, context_of, grey, image_file

CALLS = [name for name, call in inspect.getmembers(calls, inspect.isfunction) if call.__module__ == calls.__name__]
PUBLIC = [name for name in CALLS if not name.startswith("_")]

Ask = Callable[..., Any]


def asker(sync_client: Client | None, async_client: AsyncClient) -> Ask:
    """Return what makes a call by its name, with the synchronous client if there is one."""

    async def call(name: str, *args: object, **kwargs: object) -> object:
        if sync_client:
            return await asyncio.to_thread(getattr(sync_client, name), *args, **kwargs)
        return await getattr(async_client, name)(*args, **kwargs)

    return call


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, sync_client: Client, async_client: AsyncClient) -> Ask:
    """Makes a call by its name with either client."""
    return asker(sync_client if request.param == "sync" else None, async_client)


@pytest.fixture(scope="module")
def pen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a model that draws strokes, in hands of two latents."""
    folder = tmp_path_factory.mktemp("pen")
    write_pen(folder, "A", "B", "C", "e")
    return folder


@pytest.fixture(scope="module")
def pen_server(pen: Path) -> Iterator[Server]:
    with running("--models", str(pen), "--device", "cpu", "--request-timeout", "60") as server:
        with server.client() as client:
            client.get("/livez").raise_for_status()
        yield server


@pytest.fixture(params=["sync", "async"])
async def ask_pen(request: pytest.FixtureRequest, pen: Path, pen_server: Server) -> AsyncIterator[Ask]:
    """Makes a call of a service of that model with either client."""
    app = create_app(context_of(pen, default_model="pen"))
    with Client(pen_server.url) as client:
        async with AsyncClient("http://glyphvae", http=caller(app)) as async_client:
            yield asker(client if request.param == "sync" else None, async_client)


def test_both_clients_make_every_call_and_say_what_it_does() -> None:
    for client in (Client("http://nowhere"), AsyncClient("http://nowhere")):
        for name in PUBLIC:
            method = getattr(client, name)
            assert method.__doc__ == getattr(calls, name).__doc__
            assert method.__name__ == name


def test_every_endpoint_has_a_call() -> None:
    made: list[Call[Any]] = [
        calls.models(),
        calls.model("x"),
        calls.live(),
        calls.ready(),
        calls.encode(b""),
        calls.reconstruct(b""),
        calls.read(b""),
        calls.hand(b""),
        calls.font(),
    ]
    made += [calls.dataset_arrays(1), calls.generate(), calls.render_text(""), calls.interpolate(), calls.traverse(1)]
    called = {f"{call.request.method.lower()} {call.request.path}".replace("/x", "/{name}") for call in made}
    served = {f"{method} {path}" for path, item in Application(None).openapi()["paths"].items() for method in item}
    others = {endpoint for endpoint in served - called if " /v2" not in endpoint}  # those have clients of their own
    assert others == {"get /", "get /generate", "get /render-text"}  # for pages; the client posts


async def test_generate(ask: Ask) -> None:
    glyphs = await ask("generate", ["A", "11"], n=2, z=[1.5, None, 0], temperature=0.5, seed=7, model="cvae")
    assert (glyphs.model, glyphs.seed) == ("cvae/1", 7)
    assert glyphs.pixels[:, 0, 0].tolist() == [125, 125, 126, 126]
    assert glyphs.pixels.shape == (4, 28, 28)


async def test_generate_samples(ask: Ask) -> None:
    samples = await ask("generate_samples", "A", n=2, z=[0])
    assert samples.labels == ["A", "A"]
    assert (samples.z.dtype, samples.z.shape) == (np.float32, (2, 6))
    assert samples.pixels.dtype == np.uint8
    assert samples.pixels[:, 3, 4].tolist() == [110, 110]
    assert (await ask("generate_samples", labels=["letters", "0"])).labels == [*string.ascii_uppercase, "0"]
    again = await ask("generate_samples", "A", n=2, z=[0], seed=samples.seed)
    assert (again.z == samples.z).all()


async def test_generate_picture(ask: Ask) -> None:
    picture = await ask("generate_picture", "A", n=4, columns=4, scale=2, ink="navy", paper="transparent", seed=7)
    assert picture.image.size == (4 * 56, 56)
    assert picture.image.mode == "P"
    assert (picture.media_type, picture.model, picture.seed) == ("image/png", "cvae/1", 7)


async def test_an_unconditional_model_takes_no_label(ask: Ask) -> None:
    samples = await ask("generate_samples", model="vae", z=[1])
    assert samples.labels == [None]
    moved = await ask("traverse", 1, model="vae", n=2)
    assert moved.labels == [None, None]


@pytest.mark.parametrize(
    "images",
    [
        grey(119)[0],
        grey(119),
        np.dstack([grey(119)[0]] * 3).astype(np.int64),
        image_file(grey(119)[0]),
        Image.fromarray(grey(119)[0]),
        [image_file(grey(119)[0])],
        [grey(119)[0]],
    ],
    ids=["one array", "arrays", "colours", "bytes", "Pillow", "a list", "a list of arrays"],
)
async def test_encode(ask: Ask, images: object) -> None:
    encodings = await ask("encode", images, preprocess="none")
    assert encodings.labels == ["J"]
    assert encodings.doubts == [Doubt(percentile=None, others=0, doubtful=False, reasons=[])]
    assert encodings.images is None
    assert encodings.mu.tolist() == [[0] * 6]
    assert encodings.logvar.shape == (1, 6)
    assert max(encodings.posterior[0], key=encodings.posterior[0].get) == "J"


async def test_encode_among_labels(ask: Ask) -> None:
    encodings = await ask("encode", grey(119), preprocess="none", labels=["K", "L"], several="all")
    assert encodings.images == [0]
    assert encodings.labels == ["K"]
    assert set(encodings.posterior[0]) == {"K", "L"}


@pytest.mark.parametrize("endpoint", ["encode", "reconstruct"])
async def test_previews(ask: Ask, endpoint: str) -> None:
    assert (await ask(endpoint, grey(119), preprocess="none")).previews is None
    found = await ask(endpoint, [grey(119)[0], grey(120)[0]], preprocess="none", preview=True)
    assert [preview.pixels[0, 0] for preview in found.previews] == [119, 120]
    assert {preview.pixels.shape for preview in found.previews} == {(28, 28)}
    assert {preview.box for preview in found.previews} == {(0, 0, 28, 28)}


async def test_encode_the_most_likely_labels(ask: Ask) -> None:
    encodings = await ask("encode", grey(119), preprocess="none", labels="HIJKL", top=2)
    assert list(encodings.posterior[0]) == ["J", "I"]


async def test_files_by_name_and_opened(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "j.png"
    path.write_bytes(image_file(grey(119)[0]))
    assert (await ask("encode", str(path), preprocess="none")).labels == ["J"]
    with path.open("rb") as file:
        pictures = [file, io.BytesIO(image_file(grey(129)[0]))]
        assert (await ask("reconstruct", pictures, preprocess="none")).labels == ["J", "T"]
    between = await ask("interpolate", images=[str(path), path], n=2, preprocess="none")
    assert between.labels == ["J", "J"]


async def test_encode_under_a_label_from_files(ask: Ask, tmp_path: Path) -> None:
    paths = [tmp_path / "j.png", tmp_path / "k.png"]
    for path, level in zip(paths, (119, 129), strict=True):
        path.write_bytes(image_file(grey(level)[0]))
    encodings = await ask("encode", paths, label="J", preprocess="none", model="cvae")
    assert encodings.mu[:, 0].tolist() == [0, 1]
    assert encodings.posterior is None
    assert (await ask("encode", paths[0], label="J", preprocess="none")).mu[0, 0] == 0


async def test_reconstruct(ask: Ask) -> None:
    result = await ask("reconstruct", grey(119, 129), label="J", preprocess="none")
    assert result.labels == ["J", "J"]
    assert result.pixels[:, 0, 0].tolist() == [119, 129]
    assert result.mu[:, 0].tolist() == [0, 1]
    assert result.elbo == pytest.approx(-(result.error + result.kl))
    assert result.model == "cvae/1"


async def test_reconstruct_picture(ask: Ask) -> None:
    picture = await ask("reconstruct_picture", grey(119), preprocess="none", scale=3)
    assert picture.image.size == (84, 84)
    assert picture.headers["glyphvae-label"] == "J"
    assert picture.seed is None


@pytest.mark.parametrize("many", [list, np.stack], ids=["files", "arrays"])
async def test_hand(ask_pen: Ask, many: Callable[[list[Any]], Any], tmp_path: Path) -> None:
    """Letters that z[0] = 1 draws, but the last."""
    pixels = [*grey(110, 111, 142)]
    if many is list:
        pixels = [image_file(pixels[0]), tmp_path / "b.png", Image.fromarray(pixels[2])]
        pixels[1].write_bytes(image_file(grey(111)[0]))
    found = await ask_pen("hand", many(pixels), ["A", "B", "C"], preprocess="none")
    assert (found.model, found.mu.shape, found.mu.dtype, found.logvar.shape) == ("pen/1", (2,), np.float32, (2,))
    assert [(letter.label, letter.disagrees) for letter in found.letters] == [("A", False), ("B", False), ("C", True)]
    assert 0 < found.certainty < 1
    both = await ask_pen("hand", many(pixels[:2]), ["A", "B"], preprocess="none")
    assert 0.5 < both.mu[0] < 1  # the prior draws it to 0
    samples = await ask_pen("generate_samples", "e", hand=both.hand)
    assert samples.z[0, :2] == pytest.approx(both.mu, abs=0.011)


async def test_read(ask_pen: Ask) -> None:
    """The known model takes both strokes for the same label."""
    page = np.full((60, 100), 255, np.uint8)
    page[10:50, 20:26] = page[10:50, 70:76] = 0
    found = await ask_pen("read", page, labels=["A", "B"], top=1)
    assert found.model == "pen/1"
    (line,) = found.lines
    assert (line.image, line.text, found.notes) == (0, found.text, [])
    assert line.box == pytest.approx((20, 10, 76, 50), abs=1)
    characters = [one for word in line.words for one in word.characters]
    assert "".join(word.text for word in line.words) == "".join(one.label for one in characters)
    assert [list(one.alternatives) for one in characters] == [[one.label] for one in characters]
    assert characters[0].box == pytest.approx((20, 10, 26, 50), abs=1)
    assert not characters[0].joined
    assert not characters[0].doubt.others


async def test_hand_of_one_letter_without_a_label(ask_pen: Ask) -> None:
    found = await ask_pen("hand", grey(100), labels=["A"], preprocess="none")
    assert found.letters == [Letter("A", None, False)]


async def test_every_call_that_samples_takes_a_hand(ask_pen: Ask) -> None:
    one, other = [(await ask_pen("hand", grey(level), "A", preprocess="none")) for level in (110, 90)]
    assert (await ask_pen("generate", "A", hand=one.hand)).pixels.shape == (1, 28, 28)
    steps = await ask_pen("interpolate", "A", hand=[one.hand, other.hand], n=2)
    assert steps.z[:, 0] == pytest.approx([one.mu[0], other.mu[0]], abs=0.011)
    moved = await ask_pen("traverse", 3, "A", hand=one.hand, n=2)
    writing = await ask_pen("render_writing", "Ae", hand=one.hand)
    made = await ask_pen("dataset_arrays", 2, labels=["A"], hand=one.hand, variation=0.1)
    for z in (moved.z, writing.latents, made.z):
        assert z[:, 0] == pytest.approx([one.mu[0]] * 2, abs=0.011)


@pytest.mark.parametrize("name", ["ttf", "otf", "woff2", None])
async def test_font(ask_pen: Ask, name: str | None, tmp_path: Path) -> None:
    font = await ask_pen("font", z=[0.5], seed=7, family="My Hand", format=name)
    ending = name or "ttf"
    assert (font.media_type, font.model, font.seed) == (f"font/{ending}", "pen/1", 7)
    assert bytes(font) == font.content
    font.save(tmp_path / f"my.{ending}")
    assert TTFont(tmp_path / f"my.{ending}")["name"].getBestFamilyName() == "My Hand"
    with pytest.raises(ValueError, match=rf"'my.png': the file is font/{ending}, so its ending is .{ending}"):
        font.save(tmp_path / "my.png")


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("generate_picture", ["A"], {"strokes": "centre"}),
        ("render_text", ["Ae"], {"animate": True, "drift": 0, "case": "keep"}),
        ("traverse_picture", [1, "A"], {"n": 3}),
        ("interpolate_picture", [["A", "B"]], {"n": 3}),
        ("reconstruct_picture", [grey(100)], {"label": "A", "preprocess": "none"}),
    ],
)
async def test_svg(ask_pen: Ask, name: str, arguments: list[Any], options: dict[str, Any], tmp_path: Path) -> None:
    picture = await ask_pen(name, *arguments, format="svg", **options)
    assert picture.media_type.startswith("image/svg+xml")
    assert ("<animate" in picture.content.decode() or "@keyframes" in picture.content.decode()) == (
        "animate" in options
    )
    picture.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_bytes() == picture.content
    with pytest.raises(ValueError, match=r"'a\.png': the file is image/svg"):
        picture.save(tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()
    with pytest.raises(UnidentifiedImageError):
        _ = picture.image


async def test_webp_and_files_without_an_ending(ask: Ask, tmp_path: Path) -> None:
    picture = await ask("generate_picture", "A", format="webp")
    assert (picture.media_type, picture.image.format) == ("image/webp", "WEBP")
    picture.save(tmp_path / "picture")
    picture.save(str(tmp_path / "PICTURE.WebP"))
    assert (tmp_path / "picture").read_bytes() == (tmp_path / "PICTURE.WebP").read_bytes() == picture.content


def test_formats_are_media_types() -> None:
    page: Page = {"size": "A4", "lines": "ruled"}
    request = calls.render_text("A", format="pdf", page=page, dpi=300).request
    assert (request.accept, request.json) == ("application/pdf", {"text": "A", "page": page, "dpi": 300})
    with pytest.raises(ValueError, match="'gif' is not a format; known are png, webp, svg, pdf"):
        calls.render_text("A", format="gif")  # type: ignore[arg-type]


async def test_render_text(ask: Ask, tmp_path: Path) -> None:
    picture = await ask("render_text", "Ab", seed=7, scale=1, z=[0, None], margin=0, ink="navy")
    assert picture.headers["glyphvae-folded"] == "1"
    picture.save(tmp_path / "ab.png")
    assert (tmp_path / "ab.png").read_bytes() == picture.content
    assert picture.image.height == 28


async def test_render_writing(ask: Ask) -> None:
    writing = await ask("render_writing", "A J", seed=7, z=[0], variation=0)
    assert (writing.labels, writing.positions.tolist(), writing.lines.tolist()) == (["A", "J"], [0, 2], [0, 0])
    assert writing.pixels[:, 0, 0].tolist() == [110, 119]
    assert writing.corners.shape == (2, 2)
    assert writing.latents.shape == (2, 6)
    assert (writing.seed, writing.z.shape, len(writing.baselines)) == (7, (6,), 1)


def test_glyphs_of_any_size_are_read_into_one_array() -> None:
    glyph = {"label": "A", "position": 0, "line": 0, "x": 1, "y": 2, "z": [0.5]}
    glyphs = [glyph | {"pixels": [[1, 2, 3]]}, glyph | {"pixels": [[4], [5]]}]
    body = {
        "model": "pen/1",
        "seed": 7,
        "z": [0.5],
        "width": 9,
        "height": 9,
        "baselines": [8],
        "folded": [],
        "unknown": [],
    }

    def read(glyphs: list[dict[str, Any]]) -> Writing:
        return read_writing(Response(200, {}, json.dumps(body | {"glyphs": glyphs}).encode()))

    assert read(glyphs).pixels.tolist() == [[[1, 2, 3], [0, 0, 0]], [[4, 0, 0], [5, 0, 0]]]
    assert read([]).pixels.shape == (0, 28, 28)


async def test_interpolate(ask: Ask) -> None:
    steps = await ask("interpolate", "A", z=[[0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]], n=3, method="linear")
    assert steps.pixels[:, 0, 0].tolist() == [110, 115, 120]
    assert (steps.rows, steps.seed) == (1, None)
    between = await ask("interpolate", images=grey(119, 129), n=2, preprocess="none", label="J")
    assert between.z[:, 0].tolist() == [0, 1]


async def test_interpolate_picture(ask: Ask) -> None:
    assert (await ask("interpolate_picture", ["A", "B"], n=4)).image.size == (112, 28)
    movie = await ask("interpolate_picture", "A", z=[[0] * 6, [3, *[0] * 5]], method="linear", n=4, animated=True)
    assert (movie.media_type, movie.image.n_frames) == ("image/gif", 6)


async def test_traverse(ask: Ask) -> None:
    steps = await ask("traverse", [1, 2], "A", start=-1, stop=1, n=3, z=[9, 9, 2])
    assert (steps.rows, len(steps.z)) == (3, 9)
    assert steps.z[:, 2].tolist() == [2] * 9
    assert steps.pixels[::3, 0, 0].tolist() == [100, 110, 120]


async def test_traverse_picture(ask: Ask) -> None:
    assert (await ask("traverse_picture", 1, "A", n=4, scale=2)).image.size == (224, 56)
    assert (await ask("traverse_picture", 1, "A", n=4, animated=True)).image.n_frames == 6


async def test_dataset_arrays(ask: Ask) -> None:
    some = await ask("dataset_arrays", 128, labels="letters")
    assert set(some.labels) == set(range(10, 36))
    made = await ask("dataset_arrays", 200, labels={"A": 2, "J": 1}, seed=7, z=[0], start=50)
    assert (made.model, made.seed, made.images.shape, made.z.shape) == ("cvae/1", 7, (200, 28, 28), (200, 6))
    assert (made.images[:, 0, 0] == 100 + made.labels).all()
    assert made.classes[19] == "J"
    assert set(made.labels) == {10, 19}


def test_a_data_set_is_a_file_in_pieces(sync_client: Client) -> None:
    pieces = list(sync_client.dataset(2000, format="idx", test=100, seed=7))
    assert len(pieces) > 1
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        assert len(archive.getnames()) == 4


async def test_a_data_set_is_a_file_in_pieces_asynchronously(async_client: AsyncClient) -> None:
    content = b"".join([piece async for piece in async_client.dataset(10, labels=["A"])])
    with np.load(io.BytesIO(content)) as arrays:
        assert len(arrays["images"]) == 10


async def test_models(ask: Ask) -> None:
    cvae, vae = await ask("models")
    assert (cvae.name, cvae.version, cvae.kind, cvae.default, vae.default) == ("cvae", 1, "cvae", True, False)
    assert (cvae.labels[19], vae.labels, cvae.latent_size, cvae.device) == ("J", (), 6, "cpu")
    assert (await ask("model", "vae")) == vae
    assert vae.facts["likelihood"] == "bernoulli"


async def test_health(ask: Ask) -> None:
    assert await ask("live") is True
    assert await ask("ready") is True


async def test_an_error_is_an_exception_with_its_fields(ask: Ask) -> None:
    with pytest.raises(ProblemError, match="404: There is no model 'gan'") as caught:
        await ask("model", "gan")
    assert caught.value.type == "urn:glyphvae:problem:unknown-model"
    with pytest.raises(ProblemError) as refused:
        await ask("generate", "!")
    assert (refused.value.status, refused.value.errors[0].field) == (422, "query.label")


def test_chunks_are_the_whole(sync_client: Client) -> None:
    chunks = list(sync_client.generate_chunks(["A", "J"], n=1200, seed=7))
    assert len(chunks) > 1
    whole = np.concatenate(chunks)
    assert (whole == sync_client.generate(["A", "J"], n=1200, seed=7).pixels).all()


async def test_chunks_arrive_asynchronously(async_client: AsyncClient, context: Context) -> None:
    n = context.settings.max_samples
    sizes = [len(chunk) async for chunk in async_client.generate_chunks("A", n=n)]
    assert sum(sizes) == n


async def test_a_stream_that_is_refused_is_an_exception(sync_client: Client, async_client: AsyncClient) -> None:
    with pytest.raises(ProblemError, match="is not a label"):
        await asyncio.to_thread(list, sync_client.generate_chunks("!"))
    with pytest.raises(ProblemError, match="is not a label"):
        [chunk async for chunk in async_client.generate_chunks("!")]


@pytest.mark.parametrize("size", [1, 7, 100, 5000])
def test_a_stream_may_come_in_pieces_of_any_size(size: int) -> None:
    values = np.arange(3 * 784, dtype=np.uint32).astype(np.uint8).reshape(3, 28, 28)
    content = npy_bytes(values)
    call = calls.generate_chunks("A")
    read = call.reader()
    chunks = [chunk for start in range(0, len(content), size) for chunk in read(content[start : start + size])]
    assert (np.concatenate(chunks) == values).all()


def test_calls_are_data() -> None:
    assert isinstance(calls.generate("A"), Call)
    assert isinstance(calls.generate_chunks("A"), Stream)
    assert calls.render_text("A", seed=None).request.arguments()["json"] == {"text": "A"}
