"""`beta` chooses a model of a series, wherever a request may name a model."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.client import AsyncClient, calls
from glyphvae.client.call import Call
from glyphvae.datasets.formats import DatasetRequest
from glyphvae.datasets.shards import split
from glyphvae.errors import InvalidParameter
from glyphvae.writer import Writer
from tests.known_model import decoder, write_model
from tests.service.commands.test_main import run
from tests.service.support import caller, context_of, expect_problem, image_file

SERIES = "0123456789ab"
IMAGE = image_file(np.eye(28, dtype=np.uint8) * 255)
BODIES: Mapping[str, dict[str, Any]] = {"/render-text": {"text": "J", "seed": 7}, "/dataset": {"count": 5, "seed": 7}}
REQUESTS = [
    ("GET", "/generate?label=J"),
    ("POST", "/generate?label=J"),
    ("POST", "/generate?label=J&seed=7"),
    ("POST", "/encode?label=J"),
    ("POST", "/reconstruct?label=J"),
    ("POST", "/interpolate?label=J"),
    ("POST", "/traverse?label=J&latent=1"),
    ("POST", "/render-text"),
    ("POST", "/dataset"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the known model at three betas, each writing another grey, and an unconditional one in no series."""
    folder = tmp_path_factory.mktemp("exported")
    for name, beta, base in (("cvae", 1.0, 100), ("cvae-beta-10", 10.0, 110), ("cvae-beta-0.1", 0.1, 90)):
        write_model(folder, name, files={"decoder": decoder(base=base)}, beta=beta, series=SERIES)
    write_model(folder, "vae", conditional=False)
    return folder


@pytest.fixture(scope="module")
def context(folder: Path) -> Context:
    return context_of(folder, default_model="cvae")


@pytest.fixture
def client(context: Context) -> httpx.AsyncClient:
    return caller(create_app(context))


async def ask(client: httpx.AsyncClient, method: str, path: str, **chosen: object) -> httpx.Response:
    """Send a request with `chosen` in the body where that is JSON, or else in the query."""
    if path in BODIES:
        return await client.request(method, path, json=BODIES[path] | chosen)
    query = "".join(f"&{name}={value}" for name, value in chosen.items())
    content = IMAGE if path.startswith(("/encode", "/reconstruct")) else b""
    return await client.request(method, path + query, content=content)


@pytest.mark.parametrize(("method", "path"), REQUESTS)
async def test_every_endpoint_takes_a_beta(client: httpx.AsyncClient, method: str, path: str) -> None:
    for chosen, expected in [
        ({}, "cvae/1"),
        ({"beta": "10"}, "cvae-beta-10/1"),
        ({"beta": "1e-1"}, "cvae-beta-0.1/1"),
        ({"beta": "1", "model": "cvae-beta-10"}, "cvae/1"),
    ]:
        response = await ask(client, method, path, **chosen)
        assert (response.status_code, response.headers.get("Glyphvae-Model")) == (200, expected), response.text


@pytest.mark.parametrize(("method", "path"), REQUESTS)
async def test_every_endpoint_refuses_a_beta_by_name(client: httpx.AsyncClient, method: str, path: str) -> None:
    field = "body.beta" if path in BODIES else "query.beta"
    for chosen, says in [
        ({"beta": "7"}, f"{field}: 7 is not a β of the series of cvae; allowed are: 0.1, 1, 10"),
        ({"beta": "7", "model": "vae"}, f"{field}: 7 is not a β of the series of vae; allowed are: 1"),
        ({"beta": "0"}, "Input should be greater than 0"),
        ({"beta": "-1"}, "Input should be greater than 0"),
        ({"beta": "nan"}, "Input should be "),
        ({"beta": "inf"}, "Input should be a finite number"),
        ({"beta": "ten"}, "Input should be a valid number"),
    ]:
        expect_problem(await ask(client, method, path, **chosen), InvalidParameter, says, field)


async def test_the_same_latents_are_decoded_by_the_model_of_each_beta(client: httpx.AsyncClient) -> None:
    async def sample(beta: float) -> dict[str, Any]:
        response = await client.post(f"/generate?label=J&seed=7&beta={beta}", headers={"Accept": "application/json"})
        made: dict[str, Any] = response.json()["samples"][0]
        return made

    light, usual, heavy = [await sample(beta) for beta in (0.1, 1, 10)]
    assert light["z"] == usual["z"] == heavy["z"]
    greys = [made["pixels"][0][0] for made in (light, usual, heavy)]
    assert [greys[0] + 10, greys[1], greys[2] - 10] == [greys[1]] * 3


async def test_the_series_is_listed(context: Context, client: httpx.AsyncClient) -> None:
    listed = {model["name"]: model["series"] for model in (await client.get("/models")).json()}
    assert listed == dict.fromkeys(["cvae", "cvae-beta-0.1", "cvae-beta-10"], SERIES) | {"vae": None}
    async with AsyncClient("http://glyphvae", http=caller(create_app(context))) as remote:
        assert {model.name: model.series for model in await remote.models()} == listed


CALLS: list[Callable[..., Call[Any]]] = [
    lambda **options: calls.generate("J", **options),
    lambda **options: calls.encode(IMAGE, **options),
    lambda **options: calls.reconstruct(IMAGE, **options),
    lambda **options: calls.interpolate("J", **options),
    lambda **options: calls.traverse(1, "J", **options),
    lambda **options: calls.render_text("J", **options),
    lambda **options: calls.dataset_arrays(5, **options),
]


@pytest.mark.parametrize("call", CALLS)
async def test_client_and_writer_take_a_beta(context: Context, call: Callable[..., Call[Any]]) -> None:
    writer = Writer(context=context)
    async with AsyncClient("http://glyphvae", http=caller(create_app(context))) as remote:
        for made in (await remote.send(call(beta=10)), writer.send(call(beta=10))):
            assert made.model == "cvae-beta-10/1"
    with pytest.raises(InvalidParameter, match=r"7 is not a β of the series of cvae; allowed are: 0\.1, 1, 10$"):
        writer.send(call(beta=7))


def test_the_command_line_takes_a_beta(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    local = ("--models", str(folder), "--seed", "7")
    assert run("render", "J", "-o", "a.png", *local, "--beta", "10") == 0
    assert run("render", "J", "-o", "b.png", *local, "--model", "cvae-beta-10") == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    assert run("dataset", "5", "-o", "a.npz", *local, "--beta", "10") == 0
    assert run("dataset", "5", "-o", "b.npz", *local, "--model", "cvae-beta-10") == 0
    assert Path("a.npz").read_bytes() == Path("b.npz").read_bytes()
    for command in (["render", "J", "-o", "c.png"], ["dataset", "5", "-o", "c.npz"]):
        said = "glyphvae: body.beta: 7 is not a β of the series of cvae; allowed are: 0.1, 1, 10"
        assert run(*command, *local, "--beta", "7") == said
        assert run(*command, *local, "--beta", "0") == "glyphvae: beta: Input should be greater than 0"


def test_shards_take_a_beta(folder: Path) -> None:
    request = DatasetRequest(count=300, seed=7, z=[0] * 6, labels=["J"], beta=10)
    for shard in split(request, 200, folder):
        with np.load(io.BytesIO(shard.make())) as arrays:
            assert set(arrays["images"][:, 0, 0]) == {129}
