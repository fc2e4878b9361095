import io
import sys

import httpx
import numpy as np
import pytest

from glyphvae.api.context import Context
from glyphvae.datasets.formats import FORMATS, Name
from glyphvae.datasets.recipe import Dataset, DatasetParameters, make_recipe
from glyphvae.errors import InvalidParameter, MissingParameter, NotInstalled
from tests.service.support import expect_problem


@pytest.mark.parametrize("name", FORMATS)
async def test_the_file_is_that_of_the_format(client: httpx.AsyncClient, context: Context, name: Name) -> None:
    order = {"count": 2000, "start": 3, "seed": 7, "labels": {"A": 2, "J": 1}, "z": [1, None], "temperature": 0.5}
    format_ = FORMATS[name]
    recipe = make_recipe(DatasetParameters.model_validate(order), context.registry)
    expected = b"".join(format_.write(Dataset(recipe, 3, 2000), 0))  # imports what no request should wait for
    answer = await client.post("/dataset", json=order | {"format": name})
    assert answer.content == expected
    assert answer.headers["content-type"] == format_.media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="{format_.file}"'
    assert (answer.headers["glyphvae-model"], answer.headers["glyphvae-seed"]) == ("cvae/1", "7")


async def test_it_is_plain_bytes_where_those_are_asked_for(client: httpx.AsyncClient) -> None:
    answer = await client.post("/dataset", json={"count": 1}, headers={"Accept": "application/octet-stream"})
    assert answer.headers["content-type"] == "application/octet-stream"


async def test_npz_is_the_default_and_a_seed_repeats_it(client: httpx.AsyncClient) -> None:
    first = await client.post("/dataset", json={"count": 10})
    with np.load(io.BytesIO(first.content)) as arrays:
        assert arrays["images"].shape == (10, 28, 28)
    seed = int(first.headers["glyphvae-seed"])
    assert (await client.post("/dataset", json={"count": 10, "seed": seed})).content == first.content


async def test_how_many_is_required(client: httpx.AsyncClient) -> None:
    expect_problem(await client.post("/dataset", json={}), MissingParameter, "Field required", "body.count")


@pytest.mark.parametrize(
    ("order", "field", "says"),
    [
        ({"count": 0}, "body.count", "greater than or equal to 1"),
        ({"count": 1, "labels": []}, None, "at least 1"),
        ({"count": 1, "labels": ["!"]}, "body.labels", "'!' is not a label"),
        ({"count": 1, "labels": {"A": 0}}, "body.labels", "every weight is 0"),
        ({"count": 1, "z": [0] * 7}, "body.z", "7 latents were given"),
        ({"count": 1, "format": "csv"}, "body.format", "'npz', 'idx', 'webdataset' or 'parquet'"),
        ({"count": 1, "test": 1}, None, "only the format idx"),
        ({"count": 1, "test": 2, "format": "idx"}, None, "at most count"),
        ({"count": 1, "model": "vae"}, "body.model", "has no labels"),
    ],
)
async def test_what_is_not_allowed_is_named(
    client: httpx.AsyncClient, order: dict[str, object], field: str | None, says: str
) -> None:
    answer = await client.post("/dataset", json=order)
    body = expect_problem(answer, InvalidParameter, says, field or answer.json()["errors"][0]["field"])
    assert body.errors


async def test_the_number_of_samples_is_limited(client: httpx.AsyncClient, context: Context) -> None:
    most = context.settings.max_dataset
    assert (await client.post("/dataset", json={"count": most, "labels": ["A"]})).status_code == 200
    refused = await client.post("/dataset", json={"count": most + 1})
    expect_problem(refused, InvalidParameter, f"at most {most}; use `start`", "body.count")


async def test_without_pyarrow_parquet_is_refused(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    answer = await client.post("/dataset", json={"count": 1, "format": "parquet"})
    expect_problem(answer, NotInstalled, "pip install 'glyphvae[parquet]'")
