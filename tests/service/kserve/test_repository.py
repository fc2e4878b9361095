"""The known model makes every pixel 100 + 10·z[0] + label."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from glyphvae.api.context import Context
from glyphvae.application import create_app
from glyphvae.server.reload import Reloader
from tests.known_model import write_model
from tests.service.support import caller, context_of

INDEX = "/v2/repository/index"
LOAD, UNLOAD = "/v2/repository/models/vae-decoder/load", "/v2/repository/models/vae-decoder/unload"
Z = {"inputs": [{"name": "z", "datatype": "FP32", "shape": [1, 6], "data": [0.0] * 6}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path, "cvae")
    write_model(tmp_path, "vae", conditional=False)
    return tmp_path


@pytest.fixture
def own(folder: Path) -> Context:
    return context_of(folder, model_control="explicit")


@pytest.fixture
async def operator(own: Context) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(create_app(own)) as client:
        yield client


async def states(client: httpx.AsyncClient, **asked: bool) -> dict[str, tuple[str, str]]:
    listed = (await client.post(INDEX, json=asked)).raise_for_status().json()
    assert all(entry["version"].isdecimal() for entry in listed)
    return {entry["name"]: (entry["state"], entry["reason"]) for entry in listed}


async def infer(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post("/v2/models/vae-decoder/infer", json=Z)


async def test_the_index_lists_every_graph(operator: httpx.AsyncClient) -> None:
    assert await states(operator) == {
        "cvae-encoder": ("READY", ""),
        "cvae-decoder": ("READY", ""),
        "vae-encoder": ("READY", "loads on first use"),
        "vae-decoder": ("READY", "loads on first use"),
    }
    assert (await operator.post(INDEX)).json() == (await operator.post(INDEX, content=b"{}")).json()
    assert (await infer(operator)).status_code == 200
    assert (await states(operator))["vae-decoder"] == ("READY", "")


async def test_a_model_is_unloaded_and_loaded_again(operator: httpx.AsyncClient, own: Context) -> None:
    assert (await operator.post(LOAD)).json() == {}
    assert own.registry.models["vae"].loaded
    old = own.registry.models["vae"]
    assert (await operator.post(UNLOAD, json={"parameters": {"unload_dependents": False}})).json() == {}
    # A request that has begun ends with its model.
    assert old.loaded
    old.check()
    assert (await states(operator))["vae-encoder"] == ("UNAVAILABLE", "unloaded")
    assert set(await states(operator, ready=True)) == {"cvae-encoder", "cvae-decoder"}
    for answer in (
        await infer(operator),
        await operator.get("/v2/models/vae-encoder/ready"),
        await operator.post("/generate?model=vae"),
    ):
        assert (answer.status_code, "vae: the model is unloaded." in answer.text) == (503, True)
    assert (await operator.get("/readyz")).status_code == 200
    assert (await operator.post(LOAD)).status_code == 200
    assert (await infer(operator)).status_code == 200
    assert (await operator.get("/v2/models/vae-encoder/ready")).status_code == 200


async def test_an_unloaded_model_stays_so_over_a_reload(operator: httpx.AsyncClient, own: Context) -> None:
    assert (await operator.post(UNLOAD)).status_code == 200
    await asyncio.to_thread(Reloader(own).reload)
    assert (await infer(operator)).status_code == 503
    assert own.registry.get(None).loaded


async def test_loading_reads_the_files_that_are_there_now(operator: httpx.AsyncClient, folder: Path) -> None:
    for part in ("encoder", "decoder"):
        shutil.rmtree(folder / f"vae-{part}")
    write_model(folder, "vae", conditional=False, version=2)
    write_model(folder, "another", conditional=False)
    assert (await operator.get("/v2/models/vae-decoder")).json()["versions"] == ["1"]
    assert (await operator.post(LOAD)).status_code == 200
    assert (await operator.get("/v2/models/vae-decoder")).json()["versions"] == ["2"]
    assert "another-decoder" not in await states(operator)
    assert (await operator.post(LOAD.replace("vae", "another"))).status_code == 200
    assert next(iter(await states(operator))) == "another-encoder"


async def test_a_model_that_is_broken_does_not_take_the_place_of_one_that_works(
    operator: httpx.AsyncClient, folder: Path
) -> None:
    assert (await infer(operator)).status_code == 200
    next((folder / "vae-decoder").rglob("*.onnx")).write_bytes(b"broken")
    answer = await operator.post(LOAD)
    assert (answer.status_code, "sha256" in answer.text or "bytes" in answer.text) == (409, True), answer.text
    assert (await infer(operator)).status_code == 200


@pytest.mark.parametrize(
    ("path", "sent", "status", "says"),
    [
        (LOAD.replace("vae", "gan"), {}, 404, "There is no model 'gan-decoder' in the repository."),
        (UNLOAD.replace("vae", "gan"), {}, 404, "There is no model 'gan-decoder'."),
        (UNLOAD.replace("vae", "cvae"), {}, 409, "cvae is the default model, which stays loaded."),
        (LOAD, {"json": {"parameters": {"config": "{}"}}}, 400, "parameters: 'config' is not taken; models come from"),
        (LOAD, {"json": {"parameters": {"file:1/model.onnx": "eA=="}}}, 400, "'file:1/model.onnx' is not taken"),
        (LOAD, {"json": {"parameters": 1}}, 400, "parameters: Input should be a valid dictionary"),
        (LOAD, {"content": b"{"}, 400, "The body is not JSON"),
        (INDEX, {"json": {"ready": "maybe"}}, 400, "ready: Input should be a valid boolean"),
        (INDEX, {"json": []}, 400, ""),
        (
            UNLOAD,
            {"headers": {"origin": "http://evil.example"}},
            403,
            "A page of 'http://evil.example' may not send this.",
        ),
    ],
)
async def test_what_is_refused_says_why(
    operator: httpx.AsyncClient, path: str, sent: dict[str, Any], status: int, says: str
) -> None:
    answer = await operator.post(path, **sent)
    assert (answer.status_code, says in answer.json()["error"]) == (status, True), answer.text


async def test_only_one_change_is_made_at_a_time(operator: httpx.AsyncClient, own: Context) -> None:
    with own.changing:
        answer = await operator.post(LOAD)
    assert (answer.status_code, answer.json()) == (409, {"error": "Another reload is under way."})
    assert (await operator.post(LOAD)).status_code == 200


async def test_a_setting_has_to_allow_it(client: httpx.AsyncClient) -> None:
    assert set(await states(client)) == {"cvae-encoder", "cvae-decoder", "vae-encoder", "vae-decoder"}
    for path in (LOAD, UNLOAD):
        answer = await client.post(path)
        assert answer.status_code == 403
        assert answer.json() == {
            "error": "Models are loaded and unloaded only where the setting `model_control` is `explicit`."
        }


async def test_statistics_count_rows_runs_and_requests(operator: httpx.AsyncClient) -> None:
    for _ in range(2):
        assert (await infer(operator)).status_code == 200
    assert (await operator.post("/v2/models/vae-decoder/infer", json={"inputs": []})).status_code == 400
    assert (await operator.post("/generate?model=vae&n=3&seed=1")).status_code == 200
    (counts,) = (await operator.get("/v2/models/vae-decoder/versions/1/stats")).json()["model_stats"]
    assert (counts["name"], counts["version"]) == ("vae-decoder", "1")
    # The request of `/generate` is none for the graph by its name, but its rows are.
    assert (counts["inference_count"], counts["execution_count"]) == (5, 3)
    assert {batch["batch_size"]: batch["compute_infer"]["count"] for batch in counts["batch_stats"]} == {1: 2, 3: 1}
    assert counts["last_inference"] > 1_700_000_000_000
    phases = counts["inference_stats"]
    assert {name: phase["count"] for name, phase in phases.items()} == {
        "success": 2,
        "fail": 1,
        "queue": 2,
        "compute_input": 2,
        "compute_infer": 2,
        "compute_output": 2,
    }
    parts = ("queue", "compute_input", "compute_infer", "compute_output")
    assert 0 < phases["compute_infer"]["ns"] < phases["success"]["ns"]
    assert sum(phases[name]["ns"] for name in parts) <= phases["success"]["ns"] * 1.5
    assert (await operator.get("/v2/models/vae-decoder/stats")).json() == {"model_stats": [counts]}
    everything = (await operator.get("/v2/models/stats")).json()["model_stats"]
    assert [entry["name"] for entry in everything] == ["cvae-encoder", "cvae-decoder", "vae-encoder", "vae-decoder"]
    # A loaded model begins anew.
    assert (await operator.post(LOAD)).status_code == 200
    (counts,) = (await operator.get("/v2/models/vae-decoder/stats")).json()["model_stats"]
    assert (counts["inference_count"], counts["last_inference"]) == (0, 0)


async def test_the_configuration_is_triton_s(client: httpx.AsyncClient) -> None:
    content = (await client.get("/v2/models/cvae-decoder/config")).json()
    assert content == {
        "name": "cvae-decoder",
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "version_policy": {"latest": {"num_versions": 1}},
        "max_batch_size": 3000,
        "input": [
            {"name": "z", "data_type": "TYPE_FP32", "dims": [6]},
            {"name": "label", "data_type": "TYPE_INT64", "dims": [1]},
        ],
        "output": [
            {"name": "pixels", "data_type": "TYPE_UINT8", "dims": [28, 28]},
            {"name": "logits", "data_type": "TYPE_FP32", "dims": [28, 28]},
        ],
        "instance_group": [{"name": "cvae-decoder", "kind": "KIND_CPU", "count": 1}],
        "dynamic_batching": {"preferred_batch_size": [128]},
    }
    assert (await client.get("/v2/models/cvae-decoder/versions/1/config")).json() == content
    assert (await client.get("/v2/models/cvae-encoder/config")).json()["max_batch_size"] == 70


async def test_a_key_has_to_name_the_route(folder: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    routes = {"any": [], "v2": ["/v2"], "index": ["/v2/repository/index"], "operator": ["/v2/repository"]}
    keys.write_text(
        "".join(
            json.dumps({"name": name, "sha256": sha256(f"glyphvae_{name}".encode()).hexdigest(), "routes": paths})
            + "\n"
            for name, paths in routes.items()
        )
    )
    async with caller(create_app(context_of(folder, model_control="explicit", keys=keys))) as client:
        statuses = {
            name: [
                (await client.post(path, headers={"authorization": f"Bearer glyphvae_{name}"})).status_code
                for path in (INDEX, LOAD, UNLOAD)
            ]
            for name in routes
        }
    assert statuses == {"any": [200, 403, 403], "v2": [200, 403, 403], "index": [200, 403, 403], "operator": [200] * 3}
