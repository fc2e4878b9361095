"""Triton's own clients, in an environment of their own: `make triton-test`."""

import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.known_model import write_model
from tests.service.processes import ROOT, Server, running

PYTHON = ROOT / ".venv-triton" / "bin" / "python"

# The known model makes every pixel 100 + 10·z[0] + label.
SYNC = """
import importlib, sys
import numpy as np

kind, address = sys.argv[1:]
triton = importlib.import_module(f"tritonclient.{kind}")
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

def plain(answer):
    if isinstance(answer, (dict, list)):
        return answer
    from google.protobuf.json_format import MessageToDict
    return MessageToDict(answer, preserving_proto_field_name=True)

def tensor(name, values):
    made = triton.InferInput(name, values.shape, np_to_triton_dtype(values.dtype))
    made.set_data_from_numpy(values)
    return made

def status(call, *arguments):
    try:
        call(*arguments)
    except InferenceServerException as error:
        return error.status()

client = triton.InferenceServerClient(address)
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("cvae-decoder", "1")
assert plain(client.get_server_metadata())["name"] == "glyphvae"
assert [tensor["name"] for tensor in plain(client.get_model_metadata("cvae-decoder"))["inputs"]] == ["z", "label"]
config = plain(client.get_model_config("cvae-decoder"))
assert (config.get("config") or config)["max_batch_size"] == 10000
for dtype in (np.int32, np.int64):
    inputs = [tensor("z", np.zeros((3, 6), np.float32)), tensor("label", np.array([[10], [19], [35]], dtype))]
    result = client.infer("cvae-decoder", inputs, outputs=[triton.InferRequestedOutput("pixels")], request_id="7")
    assert result.as_numpy("pixels")[:, 0, 0].tolist() == [110, 119, 135]
counts = plain(client.get_inference_statistics("cvae-decoder"))["model_stats"][0]
assert int(counts["inference_count"]) >= 6, counts
def states():
    listed = plain(client.get_model_repository_index())
    return {entry["name"]: entry["state"] for entry in (listed if isinstance(listed, list) else listed["models"])}

assert states()["vae-decoder"] == "READY"
client.unload_model("vae-decoder")
assert states()["vae-decoder"] == "UNAVAILABLE" and not client.is_model_ready("vae-decoder")
client.load_model("vae-decoder")
assert states()["vae-decoder"] == "READY" and client.is_model_ready("vae-decoder")
refused = [(client.unload_model, "cvae-decoder"), (client.load_model, "gan-decoder"), (client.infer, "x", inputs)]
print(*(status(*call) for call in refused))
ranked = [triton.InferRequestedOutput("logits", class_count=3)]
try:
    client.infer("cvae-decoder", inputs, outputs=ranked)
except InferenceServerException as error:
    print(error.message())
client.close()
"""

ASYNC = """
import asyncio, importlib, sys
import numpy as np

kind, address = sys.argv[1:]
triton = importlib.import_module(f"tritonclient.{kind}.aio")

def tensor(name, values, datatype):
    made = triton.InferInput(name, values.shape, datatype)
    made.set_data_from_numpy(values)
    return made

async def main():
    async with triton.InferenceServerClient(address) as client:
        assert await client.is_server_ready() and await client.is_model_ready("cvae-decoder")
        inputs = [
            tensor("z", np.zeros((1, 6), np.float32), "FP32"), tensor("label", np.array([[19]], np.int64), "INT64")
        ]
        results = await asyncio.gather(*(client.infer("cvae-decoder", inputs) for _ in range(8)))
        print({int(result.as_numpy("pixels")[0, 0, 0]) for result in results})

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, int]]:
    folder = tmp_path_factory.mktemp("exported")
    write_model(folder, "cvae")
    write_model(folder, "vae", conditional=False)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    flags = ("--models", str(folder), "--device", "cpu", "--model-control", "explicit", "--grpc-port", str(port))
    with running(*flags) as server:
        with server.client() as client:
            client.get("/livez").raise_for_status()
        yield server, port


def address(server: tuple[Server, int], kind: str) -> str:
    return f"127.0.0.1:{server[1]}" if kind == "grpc" else server[0].url.removeprefix("http://")


def run(code: str, kind: str, where: str) -> str:
    done = subprocess.run([PYTHON, "-c", code, kind, where], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.triton
@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        ("http", "409 404 404"),
        ("grpc", "StatusCode.FAILED_PRECONDITION StatusCode.NOT_FOUND StatusCode.NOT_FOUND"),
    ],
)
def test_the_client_does_all_that_is_here(server: tuple[Server, int], kind: str, refused: str) -> None:
    classes = "'logits' has the parameter classification, but classes are not ranked here; ask for the output itself."
    assert run(SYNC, kind, address(server, kind)).splitlines() == [refused, classes]


@pytest.mark.triton
@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_so_does_the_asynchronous_client(server: tuple[Server, int], kind: str) -> None:
    assert run(ASYNC, kind, address(server, kind)) == "{119}\n"
