"""The known model makes every pixel 100 + 10·z[0] + label."""

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from glyphvae.operations.traverse import grid
from tests.service.support import JSON, NPY, array, expect_bar, known_hand, picture


async def test_a_latent_moves_over_its_range(client: httpx.AsyncClient) -> None:
    answer = await client.post("/traverse?label=A&latent=1&start=-2&stop=2&n=5", headers=NPY)
    pixels = array(answer)
    assert pixels.shape == (5, 28, 28)
    assert pixels[:, 0, 0].tolist() == [90, 100, 110, 120, 130]


async def test_two_latents_make_a_grid_with_the_first_downwards(client: httpx.AsyncClient) -> None:
    answer = await client.post("/traverse?label=A&latent=1&latent=2&n=3", headers=JSON)
    content = answer.json()
    assert (content["rows"], content["columns"]) == (3, 3)
    assert [step["z"][:2] for step in content["steps"]][:4] == [[-3, -3], [-3, 0], [-3, 3], [0, -3]]


async def test_the_other_latents_stay_at_the_centre_or_where_they_are_put(client: httpx.AsyncClient) -> None:
    answer = await client.post("/traverse?label=A&latent=2&z=1.5,9,-1&n=2", headers=JSON)
    assert [step["z"] for step in answer.json()["steps"]] == [[1.5, -3, -1, 0, 0, 0], [1.5, 3, -1, 0, 0, 0]]
    assert answer.json()["seed"] is None
    assert "glyphvae-seed" not in answer.headers


async def test_a_temperature_draws_the_others_by_the_seed(client: httpx.AsyncClient) -> None:
    first = await client.post("/traverse?label=A&latent=2&temperature=1&n=2", headers=JSON)
    seed = first.headers["glyphvae-seed"]
    again = await client.post(f"/traverse?label=A&latent=2&temperature=1&n=2&seed={seed}", headers=JSON)
    assert first.json() == again.json()
    assert first.json()["steps"][0]["z"][0] == first.json()["steps"][1]["z"][0] != 0


async def test_a_row_is_a_sheet_of_one_row(client: httpx.AsyncClient) -> None:
    answer = await client.post("/traverse?label=A&latent=1&n=4&scale=2")
    assert Image.open(io.BytesIO(answer.content)).size == (4 * 56, 56)


async def test_an_animation_runs_forth_and_back(client: httpx.AsyncClient) -> None:
    answer = await client.post("/traverse?label=A&latent=1&n=4", headers={"Accept": "image/gif"})
    movie = Image.open(io.BytesIO(answer.content))
    assert answer.headers["content-type"] == "image/gif"
    assert (movie.size, movie.n_frames, movie.info["loop"]) == ((28, 28), 6, 0)  # type: ignore[attr-defined]


async def test_an_unconditional_model_takes_no_label(client: httpx.AsyncClient) -> None:
    answer = await client.post("/traverse?model=vae&latent=1&n=2", headers=JSON)
    assert [step["label"] for step in answer.json()["steps"]] == [None, None]
    refused = await client.post("/traverse?model=vae&latent=1&label=A")
    assert refused.status_code == 422
    assert "query.label" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("label=A", "query.latent"),
        ("latent=1", "query.label"),
        ("label=A&latent=7", "1 to 6"),
        ("label=A&latent=0", "query.latent"),
        ("label=A&latent=1&latent=1", "two different"),
        ("label=A&latent=1&latent=2&latent=3", "query.latent"),
        ("label=A&latent=1&n=1", "query.n"),
        ("label=A&latent=1&start=nan", "query.start"),
        ("label=A&latent=1&stop=11", "query.stop"),
        ("label=A&latent=1&latent=2&n=100&scale=64", "query.scale"),
    ],
)
async def test_what_is_not_allowed_is_named(client: httpx.AsyncClient, query: str, named: str) -> None:
    answer = await client.post(f"/traverse?{query}")
    assert answer.status_code == 422
    assert named in answer.text


async def test_a_large_grid_comes_in_pieces(client: httpx.AsyncClient) -> None:
    asked = "/traverse?label=A&latent=1&latent=2&n=12"
    steps, pixels = await client.post(asked, headers=JSON), array(await client.post(asked, headers=NPY))
    assert "content-length" not in steps.headers
    content = steps.json()
    assert (content["rows"], content["columns"], len(content["steps"])) == (12, 12, 144)
    assert [step["pixels"] for step in content["steps"]] == pixels.tolist()


def test_grid_sets_the_moving_coordinates_only() -> None:
    base = np.array([1, 2, 3], dtype=np.float32)
    z = grid(base, [2, 0], np.array([-1.0, 1.0]))
    assert z.dtype == np.float32
    assert z.tolist() == [[-1, 2, -1], [1, 2, -1], [-1, 2, 1], [1, 2, 1]]


async def test_strokes_are_enlarged(more: httpx.AsyncClient) -> None:
    answer = await more.post("/traverse?label=J&latent=1&latent=2&start=-2&stop=2&n=2&scale=2")
    cells = picture(answer.content).reshape(2, 56, 2, 56).swapaxes(1, 2)
    for cell, y in zip(cells.reshape(4, 56, 56), [12.5, 12.5, 16.5, 16.5], strict=True):
        expect_bar(cell, y, 2)


async def test_latents_move_over_those_of_a_hand(handed: httpx.AsyncClient) -> None:
    answer = await handed.post(f"/traverse?label=A&latent=2&z=,,4&n=2&hand={known_hand(0.5, -2)}", headers=JSON)
    assert [step["z"] for step in answer.json()["steps"]] == [[0.5, -3, 4, 0, 0, 0], [0.5, 3, 4, 0, 0, 0]]
    assert answer.json()["seed"] is None
