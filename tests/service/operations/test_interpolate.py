"""The known model makes every pixel 100 + 10·z[0] + label, and its logits are pixels / 255."""

import io

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageSequence

from glyphvae.errors import InvalidParameter
from glyphvae.operations.interpolate import linear, spherical
from tests.service.support import JSON, NPY, array, expect_bar, expect_problem, grey, known_hand, npy, picture

SHARE = np.linspace(0, 1, 5, dtype=np.float32)


async def test_between_two_latents(client: httpx.AsyncClient) -> None:
    answer = await client.post("/interpolate?label=A&z=-1,0,0,0,0,0&z=1,0,0,0,0,0&n=3&method=linear", headers=NPY)
    assert array(answer)[:, 0, 0].tolist() == [100, 110, 120]
    assert "glyphvae-seed" not in answer.headers


async def test_open_ends_are_drawn_by_the_seed(client: httpx.AsyncClient) -> None:
    first = await client.post("/interpolate?label=A", headers=JSON)
    again = await client.post(f"/interpolate?label=A&seed={first.headers['glyphvae-seed']}", headers=JSON)
    other = await client.post("/interpolate?label=A", headers=JSON)
    assert first.json() == again.json() != other.json()
    assert len(first.json()["steps"]) == 9


async def test_between_two_labels_the_log_odds_are_mixed(client: httpx.AsyncClient) -> None:
    zeros = "0,0,0,0,0,0"
    answer = await client.post(f"/interpolate?label=0&label=Z&z={zeros}&z={zeros}&n=3", headers=JSON)
    steps = answer.json()["steps"]
    assert [step["label"] for step in steps] == ["0", None, "Z"]
    logits = np.array([100, 117.5, 135]) / 255
    expected = np.round(255 / (1 + np.exp(-logits)))
    assert [step["pixels"][0][0] for step in steps] == expected.tolist()


async def test_between_two_images(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/interpolate?label=A&preprocess=none&method=linear&n=3", content=npy(grey(100, 120)), headers=NPY
    )
    assert array(answer)[:, 0, 0].tolist() == [100, 110, 120]


async def test_images_find_their_labels(client: httpx.AsyncClient) -> None:
    answer = await client.post("/interpolate?preprocess=none&n=2", content=npy(grey(110, 110)), headers=JSON)
    assert [step["label"] for step in answer.json()["steps"]] == ["A", "A"]


async def test_an_unconditional_model_interpolates_without_labels(client: httpx.AsyncClient) -> None:
    answer = await client.post("/interpolate?model=vae&z=0&z=1&n=2", headers=JSON)
    assert [step["label"] for step in answer.json()["steps"]] == [None, None]
    images = await client.post("/interpolate?model=vae&preprocess=none&n=2", content=npy(grey(90, 110)), headers=NPY)
    assert array(images)[:, 0, 0].tolist() == [90, 110]


@pytest.mark.parametrize(
    ("query", "body", "named"),
    [
        ("", b"", "query.label"),
        ("label=A&label=B&label=C", b"", "query.label"),
        ("label=A&z=1,2,3,4,5,6,7", b"", "query.z"),
        ("label=A&n=1", b"", "query.n"),
        ("label=A&method=cubic", b"", "query.method"),
        ("label=A&z=1", npy(grey(1, 2)), "query.z"),
        ("label=A&preprocess=none", npy(grey(1)), "exactly two"),
        ("label=A&n=1000&scale=64", b"", "query.scale"),
    ],
)
async def test_what_is_not_allowed_is_named(client: httpx.AsyncClient, query: str, body: bytes, named: str) -> None:
    answer = await client.post(f"/interpolate?{query}", content=body)
    assert answer.status_code == 422
    assert named in answer.text


@pytest.mark.parametrize("n", [128, 129])
async def test_many_steps_come_in_pieces(client: httpx.AsyncClient, n: int) -> None:
    asked = f"/interpolate?label=A&label=B&seed=7&n={n}"
    steps, pixels = await client.post(asked, headers=JSON), array(await client.post(asked, headers=NPY))
    assert ("content-length" in steps.headers) == (n == 128)
    assert [step["pixels"] for step in steps.json()["steps"]] == pixels.tolist()
    assert [step["label"] for step in steps.json()["steps"]] == ["A", *[None] * (n - 2), "B"]


LATENT = arrays(np.float32, 4, elements=st.floats(-10, 10, width=32))


@given(LATENT, LATENT)
def test_both_methods_begin_and_end_where_they_should(begin: np.ndarray, end: np.ndarray) -> None:
    for way in (linear, spherical):
        points = way(begin, end, SHARE)
        assert points.dtype == np.float32
        np.testing.assert_allclose(points[[0, -1]], [begin, end], atol=2e-3)


def test_spherical_keeps_the_length_and_turns_evenly() -> None:
    begin, end = np.array([2, 0], dtype=np.float32), np.array([0, 2], dtype=np.float32)
    points = spherical(begin, end, SHARE)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 2, rtol=1e-6)
    np.testing.assert_allclose(np.degrees(np.arctan2(points[:, 1], points[:, 0])), [0, 22.5, 45, 67.5, 90], rtol=1e-5)


@pytest.mark.parametrize("end", [[0.0, 0.0], [2.0, 0.0], [-2.0, 0.0]])
def test_spherical_is_linear_where_it_is_undefined(end: list[float]) -> None:
    begin, last = np.array([1, 0], dtype=np.float32), np.array(end, dtype=np.float32)
    np.testing.assert_array_equal(spherical(begin, last, SHARE), linear(begin, last, SHARE))


async def test_between_two_labels_the_strokes_of_an_enlarged_picture_are_mixed(more: httpx.AsyncClient) -> None:
    zeros = "0,0,0,0,0,0"
    answer = await more.post(f"/interpolate?label=0&label=Z&z={zeros}&z={zeros}&n=3&scale=4")
    cells = picture(answer.content).reshape(112, 3, 112).swapaxes(0, 1)
    for cell, y in zip(cells, [5, 13.75, 22.5], strict=True):
        expect_bar(cell, y, 4)


async def test_the_strokes_of_one_label_move_with_the_latents(more: httpx.AsyncClient) -> None:
    asked = "/interpolate?label=J&z=-2,0,0,0,0,0&z=2,0,0,0,0,0&n=3&method=linear&scale=2"
    answer = await more.post(asked)
    cells = picture(answer.content).reshape(56, 3, 56).swapaxes(0, 1)
    for cell, y in zip(cells, [12.5, 14.5, 16.5], strict=True):
        expect_bar(cell, y, 2)


async def test_an_animation_is_painted_frame_by_frame(more: httpx.AsyncClient) -> None:
    asked = "/interpolate?label=J&z=-2,0,0,0,0,0&z=2,0,0,0,0,0&n=3&method=linear&scale=2"
    movie = Image.open(io.BytesIO((await more.post(asked, headers={"Accept": "image/gif"})).content))
    assert (movie.size, movie.n_frames) == ((56, 56), 4)  # type: ignore[attr-defined]
    for frame, y in zip(ImageSequence.Iterator(movie), [12.5, 14.5, 16.5, 14.5], strict=True):
        expect_bar(255 - np.asarray(frame.convert("L")), y, 2)


async def latents(client: httpx.AsyncClient, query: str) -> np.ndarray:
    response = await client.post(f"/interpolate?label=A&n=5&seed=7&{query}", headers=JSON)
    assert response.status_code == 200, response.text
    return np.array([step["z"] for step in response.json()["steps"]])


@pytest.mark.parametrize("method", ["spherical", "linear"])
async def test_one_hand_stays_while_the_form_turns(handed: httpx.AsyncClient, method: str) -> None:
    z = await latents(handed, f"method={method}&hand={known_hand(0.5, -2)}")
    assert z[:, :2] == pytest.approx(np.tile([0.5, -2], (5, 1)))
    without = await latents(handed, f"method={method}")
    assert z[[0, -1], 2:] == pytest.approx(without[[0, -1], 2:])
    assert np.linalg.norm(z[0, 2:] - z[-1, 2:]) > 0.1


async def test_from_one_hand_to_another(handed: httpx.AsyncClient) -> None:
    z = await latents(handed, f"method=linear&hand={known_hand(1, 0)}&hand={known_hand(3, 2)}&z=,1&z=,,5")
    assert z[:, 0] == pytest.approx([1, 1.5, 2, 2.5, 3])
    assert z[[0, -1], 1] == pytest.approx([1, 2])
    assert z[-1, 2] == 5


async def test_images_have_their_own_hands(handed: httpx.AsyncClient) -> None:
    response = await handed.post(f"/interpolate?label=A&hand={known_hand(1, 0)}", content=npy(grey(100, 120)))
    expect_problem(response, InvalidParameter, "no hand beside images", "query.hand")
