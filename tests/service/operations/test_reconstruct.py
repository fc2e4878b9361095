import io

import httpx
import numpy as np
import pytest
from PIL import Image

from glyphvae.errors import InvalidParameter
from glyphvae.models.elbo import reconstruction_error
from glyphvae.operations.reconstruct import HEADER_IMAGES, Reconstructions
from tests.service.support import JSON, NPY, PNG, array, expect_bar, expect_problem, grey, image_file, npy, picture

J = image_file(grey(119)[0])
URL = "/reconstruct?preprocess=none"


def error_of(*levels: int) -> list[float]:
    """What the known model pays for images of one grey level; its log odds are its pixels / 255."""
    logits = grey(*levels).astype(np.float32) / np.float32(255)
    costs: list[float] = reconstruction_error(grey(*levels), logits).tolist()
    return costs


async def test_an_image_comes_back_with_what_it_costs(client: httpx.AsyncClient) -> None:
    response = await client.post(f"{URL}&label=J", content=image_file(grey(129)[0]))
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/png"
    assert np.array_equal(picture(response.content), np.full((28, 28), 129))
    (error,) = error_of(129)
    assert response.headers["glyphvae-label"] == "J"
    assert float(response.headers["glyphvae-reconstruction-error"]) == pytest.approx(error, abs=0.001)
    assert response.headers["glyphvae-kl"] == "0.500"
    assert float(response.headers["glyphvae-elbo"]) == pytest.approx(-error - 0.5, abs=0.001)


async def test_without_a_label_the_most_likely_one_is_found(client: httpx.AsyncClient) -> None:
    response = await client.post(URL, content=J, headers=JSON)
    answer = Reconstructions.model_validate_json(response.content)
    assert answer.model == "cvae/1"
    (result,) = answer.reconstructions
    assert result.label == response.headers["glyphvae-label"] == "J"
    assert result.mu == pytest.approx([0] * 6)
    assert result.kl == pytest.approx(0)
    assert result.reconstruction_error == pytest.approx(error_of(119)[0])
    assert result.elbo == pytest.approx(-error_of(119)[0])
    assert result.pixels == grey(119)[0].tolist()


async def test_several_images_make_a_sheet(client: httpx.AsyncClient) -> None:
    pixels = grey(100, 110, 120)
    response = await client.post(f"{URL}&label=0", content=npy(pixels), headers=PNG)
    shown = picture(response.content)
    assert shown.shape == (56, 56)
    assert [int(shown[y, x]) for y in (0, 55) for x in (0, 55)] == [100, 110, 120, 0]
    assert response.headers["glyphvae-label"] == "0, 0, 0"
    assert response.headers["glyphvae-kl"] == "0.000, 0.500, 2.000"
    assert np.array_equal(array(await client.post(f"{URL}&label=0", content=npy(pixels), headers=NPY)), pixels)


async def test_an_unconditional_model_has_no_labels(client: httpx.AsyncClient) -> None:
    response = await client.post(f"{URL}&model=vae", content=npy(grey(110, 90)), headers=JSON)
    results = Reconstructions.model_validate_json(response.content).reconstructions
    assert [result.label for result in results] == [None, None]
    assert [result.kl for result in results] == pytest.approx([0.5, 0.5])
    assert "glyphvae-label" not in response.headers
    assert response.headers["glyphvae-kl"] == "0.500, 0.500"


@pytest.mark.parametrize(("n", "listed"), [(HEADER_IMAGES, True), (HEADER_IMAGES + 1, False)])
async def test_headers_stay_small(client: httpx.AsyncClient, n: int, listed: bool) -> None:
    for accept in (NPY, JSON):
        response = await client.post(f"{URL}&label=0", content=npy(grey(*[100] * n)), headers=accept)
        assert response.status_code == 200
        assert sum(len(name) + len(value) for name, value in response.headers.raw) < 4096
        for name in ("label", "reconstruction-error", "kl", "elbo"):
            values = response.headers.get(f"glyphvae-{name}", "")
            assert len(values.split(", ")) == (n if listed else 1)
        assert bool(response.headers.get("glyphvae-elbo")) is listed


async def test_the_picture_is_enlarged_and_coloured(client: httpx.AsyncClient) -> None:
    response = await client.post(f"{URL}&label=J&scale=2&ink=white&paper=%23000", content=J)
    image = Image.open(io.BytesIO(response.content))
    assert (image.mode, image.size, image.getpixel((30, 30))) == ("L", (56, 56), 119)
    response = await client.post(f"{URL}&label=J&paper=transparent", content=J)
    assert Image.open(io.BytesIO(response.content)).convert("RGBA").getpixel((0, 0)) == (0, 0, 0, 119)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("ink=shiny", "'shiny' is not a colour"),
        ("paper=shiny", "transparent, a colour name"),
        ("scale=33", "the picture would have 924×924 pixels"),
    ],
)
async def test_what_is_wrong_is_named(client: httpx.AsyncClient, query: str, says: str) -> None:
    field = f"query.{query.partition('=')[0]}"
    expect_problem(await client.post(f"{URL}&{query}", content=J), InvalidParameter, says, field)


async def test_the_size_of_a_picture_does_not_limit_other_formats(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"{URL}&scale=64", content=J, headers=JSON)).status_code == 200


async def test_strokes_are_enlarged(more: httpx.AsyncClient) -> None:
    response = await more.post(f"{URL}&label=J&scale=2", content=npy(grey(119, 129)))
    first, second = picture(response.content).reshape(56, 2, 56).swapaxes(0, 1)
    expect_bar(first, 14.5, 2)
    expect_bar(second, 15.5, 2)
    assert (picture((await more.post(f"{URL}&label=J", content=J)).content) == 119).all()


async def test_a_preview_is_beside_the_reconstruction(client: httpx.AsyncClient) -> None:
    content = image_file(grey(119)[0])
    response = await client.post("/reconstruct?preview=true&preprocess=none", content=content, headers=JSON)
    (found,) = Reconstructions.model_validate_json(response.content).reconstructions
    assert found.preview is not None
    assert np.array_equal(found.preview.pixels, grey(119)[0])
