"""The doubt of `/encode` and `/reconstruct`, and pictures of several characters."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from glyphvae.application import create_app
from glyphvae.errors import InvalidParameter
from tests.known_model import classifier, write_model
from tests.service.imaging.scenes import Pixels, paper, write
from tests.service.support import JSON, caller, context_of, expect_problem, grey, image_file, npy

ROWS = {"encode": "encodings", "reconstruct": "reconstructions"}
endpoints = pytest.mark.parametrize("endpoint", ROWS)
# The classifier takes grey 119 for a G with a logit of 0, grey 120 for an F with the same.
MEASURE = {
    "evidence": 1,
    "kl": -1,
    "percentiles": [0, 50, 100],
    "labels": {"G": [-10, -0.045, 10]},
    "others": [5, 6, 7],
}
TWO = image_file(write(write(paper(), left=40), left=180))


@pytest.fixture
async def doubting(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a model with a classifier and quantiles."""
    metrics = {"likeness": {"encoded": MEASURE, "reconstructed": MEASURE}}
    write_model(tmp_path, files={"classifier": classifier()}, metrics=metrics)
    async with caller(create_app(context_of(tmp_path, max_images=3))) as client:
        yield client


async def read(client: httpx.AsyncClient, endpoint: str, content: bytes, query: str = "") -> list[dict[str, Any]]:
    response = await client.post(f"/{endpoint}?{query}", content=content, headers=JSON)
    assert response.status_code == 200, response.text
    rows: list[dict[str, Any]] = response.json()[ROWS[endpoint]]
    return rows


@endpoints
async def test_an_image_is_compared_with_real_characters_of_its_label(
    doubting: httpx.AsyncClient, endpoint: str
) -> None:
    likely, unlikely = await read(doubting, endpoint, npy(grey(119, 120)), "preprocess=none")
    assert likely["doubt"] == {
        "percentile": pytest.approx(50, abs=0.1),
        "others": 0,
        "doubtful": False,
        "reasons": [],
    }
    assert unlikely["doubt"]["percentile"] == 0
    assert unlikely["doubt"]["doubtful"]
    assert unlikely["doubt"]["reasons"] == ["It is less like F than 100 % of real ones."]


@endpoints
async def test_an_image_is_compared_with_the_given_label(doubting: httpx.AsyncClient, endpoint: str) -> None:
    (right,) = await read(doubting, endpoint, npy(grey(119)), "preprocess=none&label=G")
    (wrong,) = await read(doubting, endpoint, npy(grey(124)), "preprocess=none&label=G")
    assert right["doubt"]["percentile"] == pytest.approx(50, abs=0.1)
    assert wrong["doubt"]["doubtful"]


@endpoints
async def test_a_model_without_quantiles_has_no_percentile(client: httpx.AsyncClient, endpoint: str) -> None:
    (row,) = await read(client, endpoint, npy(grey(119)), "preprocess=none")
    assert row["doubt"] == {"percentile": None, "others": 0, "doubtful": False, "reasons": []}


@endpoints
async def test_a_picture_of_several_characters_is_refused_with_their_places(
    doubting: httpx.AsyncClient, endpoint: str
) -> None:
    response = await doubting.post(f"/{endpoint}", content=TWO)
    problem = expect_problem(response, InvalidParameter, "shows 2 characters", "body")
    found = [int(place) for place in re.findall(r"\d+", problem.detail.partition("bottom)")[2])]
    assert np.abs(np.array(found) - [38, 88, 132, 215, 178, 88, 272, 215]).max() <= 6


@endpoints
async def test_the_first_or_all_of_several_characters_are_read(doubting: httpx.AsyncClient, endpoint: str) -> None:
    (first,) = await read(doubting, endpoint, TWO, "several=first&preview=true")
    assert first["doubt"]["others"] == 1
    assert first["doubt"]["reasons"][-1] == "Other pieces of ink in the picture were left out: 1."
    assert "image" not in first
    left, right = await read(doubting, endpoint, TWO, "several=all&preview=true")
    assert left["preview"] == first["preview"]
    assert right["preview"]["box"][0] > left["preview"]["box"][2]
    assert (left["image"], right["image"]) == (0, 0)
    assert left["doubt"]["others"] == 0


async def test_all_characters_count_as_images(doubting: httpx.AsyncClient) -> None:
    files = [("file", TWO), ("file", TWO)]
    response = await doubting.post("/encode?several=all", files=files)
    expect_problem(response, InvalidParameter, "shows more than 3 characters", "body")
    (row, *_) = await read(doubting, "encode", npy(np.stack([_small(), _small()])), "several=all")
    assert row["image"] == 0


def _small() -> Pixels:
    small: Pixels = write(paper(60, 60), top=10, left=15, height=40, pen=5)[..., 0]
    return small
