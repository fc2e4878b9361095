"""The known model makes every pixel 100 + 10·z[0] + label, and mu[0] = (pixel (0, 0) - 100 - label) / 10."""

import json
from typing import Any

import httpx
import numpy as np
import pytest
import yaml
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS30Validator

from tests.service.processes import ROOT, Server, python
from tests.service.support import caller, grey

DOCUMENT = yaml.safe_load((ROOT / "tests/data/open_inference/open_inference_rest.yaml").read_text(encoding="utf-8"))
LABEL = {"name": "label", "datatype": "INT64", "shape": [2, 1], "data": [10, 19]}
Z = {"name": "z", "datatype": "FP32", "shape": [2, 6], "data": [0.0] * 12}
DECODE = {"inputs": [Z, LABEL]}


def expect_schema(name: str, content: object) -> None:
    """Asserts that `content` is what the protocol's own document says."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    OAS30Validator(schema).validate(content)


def expect_error(response: httpx.Response, status: int, says: str) -> None:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/json"), response.text
    expect_schema("inference_error_response", response.json())
    assert says in response.json()["error"]
    assert set(response.json()) == {"error"}
    assert int(response.headers["content-length"]) == len(response.content)


def test_every_path_of_the_protocol_is_served(app: FastAPI) -> None:
    served = {route.path for route in iter_route_contexts(app.routes)}
    for path in DOCUMENT["paths"]:
        assert path.replace("${MODEL_NAME}", "{name}").replace("${MODEL_VERSION}", "{version}") in served


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
async def test_the_server_describes_itself(client: httpx.AsyncClient, path: str) -> None:
    content = (await client.get(path)).json()
    expect_schema("metadata_server_response", content)
    assert content["name"] == "glyphvae"
    assert content["extensions"] == [
        "binary_tensor_data",
        "model_configuration",
        "model_repository",
        "statistics",
    ]


@pytest.mark.parametrize(
    "path", ["health/live", "health/ready", "models/cvae-encoder/ready", "models/vae-decoder/ready"]
)
async def test_health(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(f"/v2/{path}")).status_code == 200


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        (
            "cvae-encoder",
            {"pixels": ("UINT8", [-1, 28, 28]), "label": ("INT64", [-1, 1])},
            {"mu": ("FP32", [-1, 6]), "logvar": ("FP32", [-1, 6])},
        ),
        (
            "cvae-decoder",
            {"z": ("FP32", [-1, 6]), "label": ("INT64", [-1, 1])},
            {"pixels": ("UINT8", [-1, 28, 28]), "logits": ("FP32", [-1, 28, 28])},
        ),
        ("vae-encoder", {"pixels": ("UINT8", [-1, 28, 28])}, {"mu": ("FP32", [-1, 6]), "logvar": ("FP32", [-1, 6])}),
    ],
)
async def test_each_graph_is_a_model(
    client: httpx.AsyncClient, name: str, inputs: dict[str, Any], outputs: dict[str, Any]
) -> None:
    content = (await client.get(f"/v2/models/{name}")).json()
    expect_schema("metadata_model_response", content)
    assert (content["name"], content["versions"]) == (name, ["1"])
    assert {spec["name"]: (spec["datatype"], spec["shape"]) for spec in content["inputs"]} == inputs
    assert {spec["name"]: (spec["datatype"], spec["shape"]) for spec in content["outputs"]} == outputs
    assert (await client.get(f"/v2/models/{name}/versions/1")).json() == content


async def test_inference_in_json(client: httpx.AsyncClient) -> None:
    expect_schema("inference_request", DECODE)
    answer = await client.post("/v2/models/cvae-decoder/versions/1/infer", json=DECODE | {"id": "42"})
    content = answer.json()
    expect_schema("inference_response", content)
    assert (content["model_name"], content["model_version"], content["id"]) == ("cvae-decoder", "1", "42")
    pixels, logits = content["outputs"]
    assert (pixels["name"], pixels["datatype"], pixels["shape"]) == ("pixels", "UINT8", [2, 28, 28])
    assert (pixels["data"][0], pixels["data"][-1], len(pixels["data"])) == (110, 119, 2 * 784)
    assert logits["data"][0] == pytest.approx(110 / 255)
    assert answer.headers["glyphvae-model"] == "cvae/1"


async def test_outputs_may_be_chosen(client: httpx.AsyncClient) -> None:
    for names in (["pixels"], ["logits"], ["logits", "pixels"]):
        asked = DECODE | {"outputs": [{"name": name} for name in names]}
        content = (await client.post("/v2/models/cvae-decoder/infer", json=asked)).json()
        assert [output["name"] for output in content["outputs"]] == names
        assert "id" not in content


@pytest.mark.parametrize("binary", [False, True])
async def test_labels_may_have_32_bits(client: httpx.AsyncClient, *, binary: bool) -> None:
    label: dict[str, Any] = LABEL | {"datatype": "INT32"}
    asked: dict[str, Any] = {"inputs": [Z, label], "outputs": [{"name": "pixels"}]}
    sent: dict[str, Any] = {"json": asked}
    if binary:
        del label["data"]
        label["parameters"] = {"binary_data_size": 8}
        sent = with_bytes(asked, np.array([10, 19], "<i4").tobytes())
    answer = await client.post("/v2/models/cvae-decoder/infer", **sent)
    assert answer.json()["outputs"][0]["data"][::784] == [110, 119]


async def test_an_encoder_undoes_a_decoder(client: httpx.AsyncClient) -> None:
    pixels = {"name": "pixels", "datatype": "UINT8", "shape": [2, 28, 28], "data": grey(120, 129).tolist()}
    label = LABEL | {"shape": [2]}
    answer = await client.post("/v2/models/cvae-encoder/infer", json={"inputs": [label, pixels]})
    mu, _ = answer.json()["outputs"]
    assert np.reshape(mu["data"], mu["shape"])[:, 0].tolist() == [1, 1]
    answer = await client.post("/v2/models/vae-encoder/infer", json={"inputs": [pixels]})
    assert answer.json()["outputs"][0]["data"][0] == 2


def with_bytes(asked: dict[str, Any], *binary: bytes) -> dict[str, Any]:
    """The body and the header of a request with binary tensors."""
    head = json.dumps(asked).encode()
    return {"content": head + b"".join(binary), "headers": {"Inference-Header-Content-Length": str(len(head))}}


async def test_inference_in_bytes(client: httpx.AsyncClient) -> None:
    sent = {"name": "z", "datatype": "FP32", "shape": [2, 6], "parameters": {"binary_data_size": 48}}
    asked = {"inputs": [sent, LABEL], "outputs": [{"name": "pixels", "parameters": {"binary_data": True}}]}
    answer = await client.post("/v2/models/cvae-decoder/infer", **with_bytes(asked, np.ones(12, "<f4").tobytes()))
    length = int(answer.headers["inference-header-content-length"])
    content = json.loads(answer.content[:length])
    assert content["outputs"][0]["parameters"] == {"binary_data_size": 2 * 784}
    pixels = np.frombuffer(answer.content[length:], np.uint8).reshape(content["outputs"][0]["shape"])
    assert pixels[:, 0, 0].tolist() == [120, 129]


async def test_all_outputs_may_come_in_bytes_but_one(client: httpx.AsyncClient) -> None:
    asked = DECODE | {
        "parameters": {"binary_data_output": True, "something": 1},
        "outputs": [{"name": "logits"}, {"name": "pixels", "parameters": {"binary_data": False}}],
    }
    answer = await client.post("/v2/models/cvae-decoder/infer", json=asked)
    content = json.loads(answer.content[: int(answer.headers["inference-header-content-length"])])
    logits, pixels = content["outputs"]
    assert logits["parameters"]["binary_data_size"] == 2 * 784 * 4
    assert "data" not in logits
    assert pixels["data"][0] == 110


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("models/gan-decoder", 404, "There is no model 'gan-decoder'"),
        ("models/cvae", 404, "There is no model 'cvae'"),
        ("models/cvae-decoder/versions/2", 404, "There is no model 'cvae-decoder' of version '2'"),
        ("models/gan-decoder/ready", 404, "no model"),
        ("models/cvae-decoder/infer", 405, "answers POST"),
        ("models/gan-decoder/config", 404, "There is no model 'gan-decoder'"),
        ("models/cvae-decoder/versions/2/stats", 404, "of version '2'"),
        ("repository/index", 405, "answers POST"),
        ("repository", 404, "There is nothing at '/v2/repository'"),
        (f"models/{'x' * 2000}", 414, "The path has"),
    ],
)
async def test_errors_have_the_protocols_shape(client: httpx.AsyncClient, path: str, status: int, says: str) -> None:
    expect_error(await client.get(f"/v2/{path}"), status, says)


NO_SIZE = {"name": "z", "datatype": "FP32", "shape": [1, 6]}


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "inputs: Field required"),
        ({"inputs": []}, "inputs"),
        ({"inputs": [Z]}, "label: missing"),
        ({"inputs": [Z, Z, LABEL]}, "'z' is sent twice or no input"),
        ({"inputs": [Z | {"name": "x"}, LABEL]}, "'x' is sent twice or no input; inputs are z, label"),
        ({"inputs": [Z | {"shape": [2, 7]}, LABEL]}, "z: the shape is [2, 7], but the model takes [-1, 6]"),
        ({"inputs": [Z, LABEL | {"shape": [1], "data": [1]}]}, "the batch is [1, 2]"),
        ({"inputs": [Z, LABEL | {"data": [10, 36]}]}, "label: one is not a number from 0 to 35"),
        ({"inputs": [Z, LABEL | {"data": [10, -1]}]}, "label: one is not a number"),
        ({"inputs": [Z | {"data": [1e6] * 12}, LABEL]}, "z: a latent is not a number from -100000 to 100000"),
        ({"inputs": [NO_SIZE, LABEL]}, "'z' needs either data or a binary_data_size"),
        ({"inputs": [NO_SIZE | {"parameters": {"binary_data_size": -1}}]}, "needs either data"),
        ({"inputs": [Z | {"parameters": {"binary_data_size": 48}}, LABEL]}, "needs either data"),
        ({"inputs": [NO_SIZE | {"parameters": {"binary_data_size": 24}}, LABEL]}, "the binary data has 0 bytes"),
        (DECODE | {"outputs": [{"name": "mu"}]}, "'mu' is no output; outputs are pixels, logits"),
        (
            DECODE | {"outputs": [{"name": "logits", "parameters": {"classification": 3}}]},
            "'logits' has the parameter classification, but classes are not ranked here; ask for the output itself",
        ),
        (
            DECODE | {"outputs": [{"name": "logits", "parameters": {"shared_memory_region": "x"}}]},
            "'logits' has the parameter shared_memory_region, but there is no shared memory; send and ask for",
        ),
        ({"inputs": [Z | {"parameters": {"shared_memory_region": "x"}}, LABEL]}, "'z' has the parameter shared_mem"),
        ({"inputs": [Z, LABEL | {"datatype": "INT16"}]}, "'INT16', but the model takes INT64 or INT32"),
        ({"inputs": [Z, LABEL | {"datatype": "INT32", "data": [1 << 31, 1]}]}, "values that are not INT32"),
    ],
)
async def test_what_is_not_allowed_is_named(client: httpx.AsyncClient, asked: dict[str, Any], says: str) -> None:
    expect_error(await client.post("/v2/models/cvae-decoder/infer", json=asked), 400, says)


@pytest.mark.parametrize(
    ("length", "says"),
    [("9999", "the body has"), ("9" * 5000, "the body has"), ("-1", "is '-1'"), ("x", "is 'x'"), ("3", "JSON")],
)
async def test_the_announced_length_has_to_fit(client: httpx.AsyncClient, length: str, says: str) -> None:
    headers = {"Inference-Header-Content-Length": length}
    expect_error(await client.post("/v2/models/cvae-decoder/infer", json=DECODE, headers=headers), 400, says)


async def test_bytes_that_nobody_announced_are_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v2/models/cvae-decoder/infer", **with_bytes(DECODE, b"x"))
    expect_error(answer, 400, "0 bytes of tensors were announced, 1 came")


@pytest.mark.parametrize(("name", "most"), [("vae-decoder", 3000), ("vae-encoder", 70)])
async def test_the_batch_is_limited(client: httpx.AsyncClient, name: str, most: int) -> None:
    async def send(n: int) -> httpx.Response:
        spec: dict[str, Any] = {"name": "z", "datatype": "FP32", "shape": [n, 6]}
        binary = bytes(24 * n)
        if name == "vae-encoder":
            spec, binary = {"name": "pixels", "datatype": "UINT8", "shape": [n, 28, 28]}, bytes(784 * n)
        asked = {
            "inputs": [spec | {"parameters": {"binary_data_size": len(binary)}}],
            "parameters": {"binary_data_output": True},
        }
        return await client.post(f"/v2/models/{name}/infer", **with_bytes(asked, binary))

    assert (await send(most)).status_code == 200
    expect_error(await send(most + 1), 400, f"at most {most}")


async def test_a_body_over_the_limit_is_refused(client: httpx.AsyncClient) -> None:
    expect_error(await client.post("/v2/models/cvae-decoder/infer", content=bytes(200_001)), 413, "200000 bytes")
    answer = await client.post("/v2/models/cvae-decoder/infer", content=bytes(150_001))
    expect_error(answer, 400, "The JSON has 150001 bytes; at most 150000 are allowed. Send tensors as binary data.")


async def test_a_model_that_fails_says_so(half_broken: FastAPI) -> None:
    async with caller(half_broken) as client:
        asked = {"inputs": [Z, LABEL | {"data": [10, 35]}]}
        answer = await client.post("/v2/models/cvae-decoder/infer", json=asked)
    expect_error(answer, 503, "the model did not run")
    assert answer.headers["retry-after"] == "5"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
TENSOR = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["z", "label"]) | JSON,
        "datatype": st.sampled_from(["FP32", "INT64"]) | JSON,
        "shape": st.sampled_from([[1, 6], [1]]) | JSON,
        "data": st.sampled_from([[0.0] * 6, [1]]) | JSON,
        "parameters": st.dictionaries(st.sampled_from(["binary_data_size"]), JSON, max_size=1) | JSON,
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(asked=st.fixed_dictionaries({"inputs": st.lists(TENSOR, max_size=3)}, optional={"outputs": JSON, "id": JSON}))
async def test_nothing_that_is_sent_breaks_the_service(client: httpx.AsyncClient, asked: dict[str, Any]) -> None:
    answer = await client.post("/v2/models/cvae-decoder/infer", json=asked)
    assert answer.status_code in {200, 400}
    expect_schema("inference_response" if answer.status_code == 200 else "inference_error_response", answer.json())


# In a process of its own, because its gevent patches what it is imported into.
TRITON = """
import sys
import numpy as np
import tritonclient.http as triton

client = triton.InferenceServerClient(sys.argv[1])
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("cvae-decoder", "1")
assert client.get_server_metadata()["name"] == "glyphvae"
facts = client.get_model_metadata("cvae-decoder")
assert [tensor["name"] for tensor in facts["inputs"]] == ["z", "label"]

def tensor(name, values, binary):
    made = triton.InferInput(name, values.shape, triton.np_to_triton_dtype(values.dtype))
    made.set_data_from_numpy(values, binary_data=binary)
    return made

for binary in (True, False):
    inputs = [tensor("z", np.zeros((3, 6), np.float32), binary), tensor("label", np.array([[10], [19], [35]]), binary)]
    chosen = [triton.InferRequestedOutput("pixels", binary_data=binary)]
    for outputs in (None, chosen):
        result = client.infer("cvae-decoder", inputs, outputs=outputs, request_id="7")
        assert result.as_numpy("pixels")[:, 0, 0].tolist() == [110, 119, 135]
        assert result.get_response()["id"] == "7"
        assert (result.as_numpy("logits") is None) is (outputs is not None)
    asynchronous = client.async_infer("cvae-decoder", inputs, model_version="1").get_result()
    assert asynchronous.as_numpy("logits").shape == (3, 28, 28)
try:
    client.infer("gan-decoder", inputs)
except triton.InferenceServerException as error:
    print(error.status(), error.message())
client.close()
"""


def test_the_triton_client_calls_the_models(real_server: Server) -> None:
    done = python("-c", TRITON, real_server.url.removeprefix("http://"))
    assert (done.returncode, done.stdout) == (0, "404 There is no model 'gan-decoder'.\n"), done.stderr


async def test_strokes_are_a_model(more: httpx.AsyncClient) -> None:
    content = (await more.get("/v2/models/more-strokes")).json()
    expect_schema("metadata_model_response", content)
    assert {spec["name"]: (spec["datatype"], spec["shape"]) for spec in content["inputs"]} == {
        "z": ("FP32", [-1, 6]),
        "label": ("INT64", [-1, 1]),
    }
    assert {spec["name"]: spec["shape"] for spec in content["outputs"]} == {
        "control": [-1, -1, -1, 2],
        "radius": [-1, -1, -1],
        "presence": [-1, -1],
        "proportions": [-1, 4],
    }
    answer = await more.post("/v2/models/more-strokes/infer", json=DECODE | {"outputs": [{"name": "control"}]})
    (control,) = answer.json()["outputs"]
    assert control["shape"] == [2, 2, 8, 2]
    assert np.reshape(control["data"], control["shape"])[:, 0, 0].tolist() == [[4, 10], [4, 14.5]]
    answer = await more.post("/v2/models/more-strokes/infer", json=DECODE)
    assert [output["shape"] for output in answer.json()["outputs"]] == [[2, 2, 8, 2], [2, 2, 4], [2, 2], [2, 4]]


async def test_a_model_without_strokes_has_no_graph_of_them(client: httpx.AsyncClient) -> None:
    expect_error(await client.get("/v2/models/cvae-strokes"), 404, "There is no model 'cvae-strokes'")
