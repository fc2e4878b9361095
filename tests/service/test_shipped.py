"""The models in exported/, where weights matter."""

import io
import unicodedata
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pypdf
import pypdfium2
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.types import ASGIApp

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.errors import InvalidParameter
from glyphvae.models.registry import load_registry
from glyphvae.settings import Settings
from glyphvae_training.data.sources import Characters, read_emnist, read_mnist
from tests.known_model import LABELS
from tests.service.processes import running
from tests.service.support import (
    JSON,
    NPY,
    PDF,
    PNG,
    SVG,
    array,
    caller,
    expect_problem,
    image_file,
    npy,
    percent_apart,
    picture,
    resvg,
)

DATA = Path(__file__).parents[1] / "data"

# People cannot tell these apart either.
SAME_SHAPE = str.maketrans("OIZS", "0125")


@pytest.fixture(scope="module")
def shipped() -> ASGIApp:
    settings = Settings(device="cpu")
    return create_app(Context(settings, load_registry(settings)))


@pytest.fixture
async def client(shipped: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(shipped) as client:
        yield client


async def glyphs(client: httpx.AsyncClient, **query: str | float | Sequence[str]) -> NDArray[np.uint8]:
    """(n, 28, 28) fresh glyphs."""
    response = await client.post("/generate", params=httpx.QueryParams(query), headers=NPY)
    return array(response).astype(np.uint8)


async def reconstructed(
    client: httpx.AsyncClient, images: NDArray[np.uint8], preprocess: str
) -> list[dict[str, object]]:
    response = await client.post(f"/reconstruct?preprocess={preprocess}", content=npy(images), headers=JSON)
    assert response.status_code == 200, response.text
    results: list[dict[str, object]] = response.json()["reconstructions"]
    return results


async def elbos(client: httpx.AsyncClient, images: NDArray[np.uint8], preprocess: str) -> NDArray[np.float64]:
    results = await reconstructed(client, images, preprocess)
    return np.array([result["elbo"] for result in results], dtype=np.float64)


async def accuracy(client: httpx.AsyncClient, images: NDArray[np.uint8], labels: str, preprocess: str) -> float:
    """The share of images that /reconstruct reads as `labels`, lookalikes counted as the same."""
    read = "".join(str(result["label"]) for result in await reconstructed(client, images, preprocess))
    pairs = zip(read.translate(SAME_SHAPE), labels.translate(SAME_SHAPE), strict=True)
    return float(np.mean([one == other for one, other in pairs]))


def some_of_each(characters: Characters, n: int) -> tuple[NDArray[np.uint8], str]:
    """`n` characters of each class that `LABELS` has, and what they are."""
    known = np.unique(characters.labels[characters.labels < len(LABELS)])
    rows = np.concatenate([np.flatnonzero(characters.labels == label)[:n] for label in known])
    return characters.images[rows], "".join(LABELS[label] for label in characters.labels[rows])


@pytest.fixture(scope="module")
def real() -> tuple[NDArray[np.uint8], str]:
    """Five real characters of each class."""
    return some_of_each(read_emnist(DATA), 5)


async def test_every_glyph_is_ink_on_paper(client: httpx.AsyncClient) -> None:
    pixels = await glyphs(client, label=LABELS, temperature=0)
    frame = np.ones((28, 28), dtype=bool)
    frame[1:-1, 1:-1] = False
    assert pixels[:, frame].max() < 128  # bars of T and 7 end there
    assert pixels.max(axis=(1, 2)).min() > 150
    # Real characters of this size cover 13 % of the paper on average.
    assert 0.08 < pixels.mean() / 255 < 0.18


async def test_a_j_is_a_j(client: httpx.AsyncClient) -> None:
    pixels = await glyphs(client, label="J", n=10, temperature=0.3, seed=7)
    for preprocess in ("none", "auto"):
        response = await client.post(f"/encode?preprocess={preprocess}", content=npy(pixels))
        read = [encoding["label"] for encoding in response.json()["encodings"]]
        assert read.count("J") >= 9


async def test_what_it_writes_it_reads(client: httpx.AsyncClient) -> None:
    pixels = await glyphs(client, label=LABELS, n=4, temperature=0.3, seed=7)
    wanted = "".join(label * 4 for label in LABELS)
    assert await accuracy(client, pixels, wanted, "none") > 0.95
    assert await accuracy(client, pixels, wanted, "auto") > 0.95


async def test_without_a_seed_each_glyph_is_new(client: httpx.AsyncClient) -> None:
    pixels = np.concatenate([await glyphs(client, label="J") for _ in range(5)])
    assert len(np.unique(pixels, axis=0)) == 5


async def test_a_seed_gives_the_same_glyph_whatever_the_batch(client: httpx.AsyncClient) -> None:
    """The same latents; rounding may move a pixel by one level."""
    (alone,) = await glyphs(client, label="J", seed=7)
    for n in (2, 33, 300):
        first = (await glyphs(client, label="J", seed=7, n=n))[0]
        assert np.abs(first.astype(int) - alone).max() <= 1


async def test_real_characters_are_read(client: httpx.AsyncClient, real: tuple[NDArray[np.uint8], str]) -> None:
    assert await accuracy(client, *real, "auto") > 0.85
    assert await accuracy(client, *some_of_each(read_mnist(DATA, "test"), 6), "auto") > 0.85


async def test_real_characters_come_back(client: httpx.AsyncClient) -> None:
    """A reconstruction is nearer to its image than to another one."""
    images, _ = some_of_each(read_mnist(DATA, "test"), 6)
    pixels = np.array([result["pixels"] for result in await reconstructed(client, images, "none")], dtype=np.float64)
    own, other = [((pixels - x) ** 2).mean(axis=(1, 2)) for x in (images, np.roll(images, 17, axis=0))]
    assert (own < other).mean() > 0.95
    assert own.mean() < 0.4 * other.mean()


async def test_the_elbo_tells_characters_from_noise(
    client: httpx.AsyncClient, real: tuple[NDArray[np.uint8], str]
) -> None:
    rng = np.random.default_rng(7)
    characters = await elbos(client, real[0], "auto")
    noise = rng.integers(0, 256, (20, 28, 28), dtype=np.uint8)
    specks = np.where(rng.random((20, 28, 28)) < 0.13, 255, 0).astype(np.uint8)
    full = np.full((1, 28, 28), 255, dtype=np.uint8)
    for images in (noise, specks, full):
        assert (await elbos(client, images, "none")).max() < characters.min()


async def test_blank_paper_is_told_by_its_lack_of_ink(
    client: httpx.AsyncClient, real: tuple[NDArray[np.uint8], str]
) -> None:
    """Its ELBO would not tell: paper is the part of every character that is cheap to reconstruct."""
    blank = npy(np.zeros((28, 28), dtype=np.uint8))
    assert (await client.post("/reconstruct", content=blank)).status_code == 422
    response = await client.post("/reconstruct?preprocess=none", content=blank)
    assert float(response.headers["glyphvae-elbo"]) > (await elbos(client, real[0], "auto")).min()


async def test_a_text_is_written_legibly(client: httpx.AsyncClient) -> None:
    """Another model's classifier reads it: pen has not seen what it looks for."""
    text = "THE QUICK BROWN FOX JUMPS OVER 13 LAZY DOGS"
    order = {"text": text, "seed": 7, "scale": 2}
    response = await client.post("/render-text", json=order, headers=JSON)
    placed = response.json()["glyphs"]
    letters = text.replace(" ", "")
    assert "".join(glyph["label"] for glyph in placed) == letters
    inked = [np.array(glyph["pixels"], dtype=np.uint8) for glyph in placed]
    height, width = np.max([pixels.shape for pixels in inked], axis=0)
    pixels = np.stack([np.pad(one, ((0, height - len(one)), (0, width - one.shape[1]))) for one in inked])
    answer = await client.post("/encode?model=cvae-62", content=npy(pixels))
    read = "".join(encoding["label"] for encoding in answer.json()["encodings"]).translate(SAME_SHAPE)
    pairs = zip(read, letters.translate(SAME_SHAPE), strict=True)
    assert np.mean([one == other for one, other in pairs]) > 0.85


async def test_marks_and_accents_are_written(client: httpx.AsyncClient) -> None:
    text = "Don't, Zoë! It's 5 o'clock: (a+b)/2 = 7 & more?"
    for typed in (text, unicodedata.normalize("NFD", text)):
        answer = (await client.post("/render-text", json={"text": typed, "seed": 7}, headers=JSON)).json()
        assert (answer["folded"], answer["unknown"]) == ([], [])
        written = "".join(glyph["label"] for glyph in answer["glyphs"])
        assert written == unicodedata.normalize("NFD", text).replace(" ", "")


async def test_a_model_that_has_gone_is_named_with_what_took_its_place(client: httpx.AsyncClient) -> None:
    response = await client.get("/generate", params={"label": "J", "model": "cvae-hq"})
    assert response.status_code == 404
    assert response.json()["detail"].startswith("There is no model 'cvae-hq'; it was replaced by pen; served are: ")


async def test_without_labels_the_first_36_are_meant(client: httpx.AsyncClient) -> None:
    generated = (await client.post("/generate", headers=JSON)).json()
    assert tuple(sample["label"] for sample in generated["samples"]) == LABELS
    pixels = np.array([sample["pixels"] for sample in generated["samples"][:2]], dtype=np.uint8)
    encodings = (await client.post("/encode?preprocess=none", content=npy(pixels))).json()["encodings"]
    assert [set(encoding["posterior"]) for encoding in encodings] == [set(LABELS)] * 2


async def test_hello_is_written_as_it_is_typed(client: httpx.AsyncClient) -> None:
    order = {"text": "Hello jog", "model": "cvae-62", "seed": 7}
    answer = (await client.post("/render-text", json=order, headers=JSON)).json()
    assert "".join(glyph["label"] for glyph in answer["glyphs"]) == "Hellojog"
    assert answer["folded"] == []
    (baseline,) = answer["baselines"]
    above, below = {}, {}
    for glyph in answer["glyphs"]:
        (rows,) = np.nonzero((np.array(glyph["pixels"]) >= 64).any(axis=1))
        above[glyph["label"]] = baseline - (glyph["y"] + int(rows[0]))
        below[glyph["label"]] = glyph["y"] + int(rows[-1]) + 1 - baseline
    assert above["H"] > 17
    assert above["l"] > 17
    assert max(above[letter] for letter in "eojg") < 16
    assert [below[letter] for letter in "Helo"] == [0, 0, 0, 0]
    assert min(below[letter] for letter in "jg") > 3


async def test_a_small_letter_is_another_label_than_its_capital(client: httpx.AsyncClient) -> None:
    small, number, capital = [await glyphs(client, label=label, model="cvae-62", seed=7) for label in ("a", "36", "A")]
    assert np.array_equal(small, number)
    assert np.abs(small.astype(int) - capital).mean() > 10


async def test_small_letters_are_read(client: httpx.AsyncClient) -> None:
    letters = "abdeghnqrt"
    pixels = await glyphs(client, label=[*letters], n=4, model="cvae-62", temperature=0.3, seed=7)
    response = await client.post("/encode?model=cvae-62&preprocess=none&labels=all", content=npy(pixels))
    read = [encoding["label"] for encoding in response.json()["encodings"]]
    assert np.mean([one == other for one, other in zip(read, np.repeat([*letters], 4), strict=True)]) > 0.85


@pytest.mark.parametrize(
    ("beta", "name"),
    [(beta, "cvae" if beta == 1 else f"cvae-beta-{beta:g}") for beta in (1e-3, 1e-2, 1e-1, 1, 10, 100, 1024)],
)
async def test_a_beta_chooses_among_the_papers_models(client: httpx.AsyncClient, beta: float, name: str) -> None:
    response = await client.get("/generate", params={"label": "J", "z": "0,0,0,0,0,0", "beta": beta})
    assert (response.status_code, response.headers["glyphvae-model"]) == (200, f"{name}/1")
    manifest = (await client.get(f"/models/{name}")).json()
    assert (manifest["beta"], manifest["latent_size"]) == (beta, 6)


async def test_another_beta_is_refused_with_those_there_are(client: httpx.AsyncClient) -> None:
    response = await client.get("/generate", params={"label": "J", "beta": 7})
    assert response.status_code == 422
    allowed = "allowed are: 0.001, 0.01, 0.1, 1, 10, 100, 1024"
    assert response.json()["detail"] == f"query.beta: 7 is not a β of the series of cvae; {allowed}"


def test_the_command_serves_them() -> None:
    with running("--device", "cpu") as server, server.client() as client:
        response = client.post("/generate?label=J&temperature=0")
        assert response.headers["glyphvae-model"].startswith("pen/")
        drawn = picture(response.content)
        assert drawn.max() > 150
        again = client.post("/encode", content=image_file(255 - drawn))
        assert again.json()["encodings"][0]["label"] == "J"


async def found(client: httpx.AsyncClient, pixels: NDArray[np.uint8], letters: str) -> dict[str, Any]:
    """The hand of drawn letters."""
    query = httpx.QueryParams({"label": list(letters), "preprocess": "none"})
    response = await client.post("/hand", params=query, content=npy(pixels))
    assert response.status_code == 200, response.text
    hand: dict[str, Any] = response.json()
    return hand


async def test_the_hand_of_letters_that_it_wrote_is_found_again(client: httpx.AsyncClient) -> None:
    """Two hands of the prior differ by 2 in the mean square; the first three latents are slant, weight and width."""
    rng = np.random.default_rng(7)
    apart = []
    for seed in range(20):
        z = rng.standard_normal(12).round(2)
        written = await glyphs(client, label=[*"Raegn"], z=",".join(map(str, z)), seed=seed)
        hand = await found(client, written, "Raegn")
        assert 0.2 < hand["certainty"] < 0.8
        apart.append(np.square(hand["mu"] - z))
    assert np.mean(apart) < 0.9
    assert np.mean(apart, axis=0)[:3].mean() < 0.4


async def test_a_hand_is_written_in_by_its_string(client: httpx.AsyncClient) -> None:
    """The letters that gave a hand come back in it, nearer than in any other of the hands."""
    letters = "Raegn"
    given = [await glyphs(client, label=[*letters], z=z, temperature=0) for z in ("2,-1", "-1.5,1.5,1", "0,0,-1.5,1")]
    hands = [(await found(client, pixels, letters))["hand"] for pixels in given]
    again = [await glyphs(client, label=[*letters], hand=hand, temperature=0) for hand in hands]
    errors = [[np.square(one.astype(float) - other).mean() for other in again] for one in given]
    assert np.argmin(errors, axis=1).tolist() == [0, 1, 2]


async def test_the_same_letters_give_the_same_string(client: httpx.AsyncClient) -> None:
    letters = await glyphs(client, label=["R", "a", "e"], seed=7)
    first, again = [await found(client, letters, "Rae") for _ in range(2)]
    assert first == again
    assert len(first["hand"]) == 28


async def test_a_model_without_a_hand_names_the_pen(client: httpx.AsyncClient) -> None:
    response = await client.post("/hand?model=cvae-62", content=npy(np.zeros((28, 28), np.uint8)))
    expect_problem(response, InvalidParameter, "model 'cvae-62' has no hand; models with one are: pen", "query.model")


@pytest.mark.parametrize("seed", [1, 2])
async def test_svg_shows_every_label_as_png_does_in_less_than_a_kilobyte(client: httpx.AsyncClient, seed: int) -> None:
    hand = np.random.default_rng(seed).normal(0, 0.7, 12)
    query = "model=pen&labels=all&scale=8&z=" + ",".join(f"{value:.3f}" for value in hand) + 12 * ",0"
    png = await client.post(f"/generate?{query}", headers=PNG)
    svg = await client.post(f"/generate?{query}", headers=SVG)
    cells = [255 - resvg(svg.content)[..., 0], picture(png.content)]
    rows, columns = (side // 224 for side in cells[0].shape)
    one, other = (
        cell.reshape(rows, 224, columns, 224).swapaxes(1, 2).reshape(-1, 224, 224).astype(int) for cell in cells
    )
    apart = np.abs(one - other).mean(axis=(1, 2)) / 2.55
    assert apart.mean() < 0.3
    assert apart.max() < 1
    sizes = []
    models = (await client.get("/models")).json()
    for label in next(model["labels"] for model in models if model["name"] == "pen"):
        response = await client.post("/generate", params={"label": label, "model": "pen", "seed": seed}, headers=SVG)
        sizes.append(len(response.content))
    assert max(sizes) <= 1000
    assert sum(sizes) / len(sizes) < 700


LETTER = (
    "Dear Zoë,\n\nDon’t worry about Joe’s car — he says that it “only” needs new brakes, for about €240 (11:30?). "
    "We walked along the river as far as the old mill; so we went through the meadows instead, naïve as we were.\n\n"
    "Yours ever, Ångström & François"
)


@pytest.mark.parametrize("seed", [3, 11, 25])
@pytest.mark.parametrize("lines", ["plain", "ruled", "squared"])
async def test_a_pdf_shows_what_its_picture_does_and_gives_the_text_back(
    client: httpx.AsyncClient, seed: int, lines: str
) -> None:
    body = {"text": LETTER, "model": "pen", "seed": seed, "page": {"size": "A5", "lines": lines}}
    png = await client.post("/render-text", json=body | {"dpi": 150}, headers=PNG)
    response = await client.post("/render-text", json=body, headers=PDF)
    (page,) = pypdfium2.PdfDocument(response.content)
    own = np.asarray(Image.open(io.BytesIO(png.content)).convert("RGB"))
    painted = page.render(scale=150 / 72).to_pil().convert("RGB")
    assert np.abs(np.subtract(painted.size, own.shape[1::-1])).max() <= 1
    apart = percent_apart(own, np.asarray(painted.resize(own.shape[1::-1])))
    assert apart < 2
    # Rules are whole pixels in pictures. Without them, the paper between the letters says little, but of the ink, too,
    # little differs.
    assert lines != "plain" or apart < 0.25 * percent_apart(own, np.full_like(own, 255))
    (own_page,) = pypdf.PdfReader(io.BytesIO(response.content), strict=True).pages
    for found in (page.get_textpage().get_text_range(), own_page.extract_text()):
        assert found.split() == LETTER.split()
