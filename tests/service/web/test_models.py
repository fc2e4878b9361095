import json
from pathlib import Path

import httpx
import pytest

from glyphvae.errors import UnknownModel
from glyphvae.web.models import ServedModel
from tests.service.support import expect_problem


async def test_every_model_is_listed_with_the_facts_of_its_manifest(
    client: httpx.AsyncClient, repository: Path
) -> None:
    served = (await client.get("/models")).json()
    assert [model["name"] for model in served] == ["cvae", "vae"]
    for model in served:
        manifest = json.loads((repository / f"{model['name']}.json").read_text())
        graphs = ("encoder-int8", "decoder-int8", "decoder-fixed", "decoder-float16", "classifier", "strokes")
        facts = dict.fromkeys((*graphs, "series", "training", "weights")) | {"replaces": []} | manifest
        assert model == facts | {"device": "cpu", "default": model["name"] == "cvae"}


async def test_one_model_can_be_asked_for(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/models")).json()
    for model in listed:
        response = await client.get(f"/models/{model['name']}")
        assert response.json() == model
        ServedModel.model_validate(response.json())


@pytest.mark.parametrize("name", ["gan", "CVAE", "cvae.json", "x" * 900])
async def test_an_unknown_model_is_named(client: httpx.AsyncClient, name: str) -> None:
    response = await client.get(f"/models/{name}")
    expect_problem(response, UnknownModel, f"There is no model '{name[:40]}'")
    assert "served are: cvae, vae." in response.json()["detail"]
    assert len(response.content) < 400
