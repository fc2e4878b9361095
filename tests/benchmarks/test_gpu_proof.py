"""The proof for GPUs, made here of the CPU provider against itself, and its failures."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from numpy.typing import NDArray

from benchmarks import gpu_proof, results
from benchmarks.__main__ import PARTS, main
from benchmarks.gpu_proof import differences, failures, placement, prove, unexpected
from benchmarks.processes import BenchmarkError
from benchmarks.server import ROOT, Subject
from glyphvae.models.gpu_session import Arrays
from glyphvae.models.providers import PROVIDERS, Runtime
from tests.known_model import classifier, decoder, strokes, write_model

HAS_CUDA = PROVIDERS["cuda"] in ort.get_available_providers()
CPU = Runtime("cpu", 1)
BOTH = {"on": CPU, "off": CPU}
FEED: dict[str, NDArray[Any]] = {"z": np.zeros((32, 6), np.float32), "label": np.arange(32)}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    files = {"decoder-int8": decoder(base=101), "classifier": classifier(), "strokes": strokes()}
    write_model(folder, files=files, schema=2)
    write_model(folder, "vae", conditional=False)
    return folder


def test_the_cpu_gives_what_the_cpu_gives(models: Path) -> None:
    found = prove(models, CPU, BOTH, 0.001, (1, 33))
    assert found["failures"] == []
    assert {row["output"] for row in found["parity"]} == {"pixels", "logits", "mu", "logvar"}
    assert len(found["parity"]) == 2 * 2 * 2 * 4  # models, batches, CUDA graphs, outputs
    assert all(row["passed"] and row["difference"] == 0 <= row["tolerance"] for row in found["parity"])
    keys = [(row["model"], row["batch"], row["cuda_graphs"], row["float16"]) for row in found["throughput"]]
    assert keys == [
        (model, batch, graphs, half)
        for model in ("cvae", "vae")
        for graphs in ("on", "off")
        for batch in (1, 33)
        for half in ("off", "on")
    ]
    assert all(row["images_per_second"] > 0 for row in found["throughput"])
    # Greys of up to 255 are whole numbers in half precision, and z has 11 bits.
    assert all(row["output"] == "pixels" and row["difference"] <= 1 for row in found["float16"])
    json.dumps(found, allow_nan=False)


def test_every_file_is_listed_with_the_providers_of_its_nodes(models: Path) -> None:
    graphs = prove(models, CPU, BOTH, 0.001, (1,))["graphs"]
    assert set(graphs) == {str(path.relative_to(models)) for path in models.rglob("*.onnx")}
    assert all(set(graph["nodes"]) == {PROVIDERS["cpu"]} for graph in graphs.values())
    nodes = graphs["cvae-decoder/1/model.onnx"]["nodes"][PROVIDERS["cpu"]]
    assert {"Gather": 2, "Round": 1, "Cast": 1}.items() <= nodes.items()


class OnCuda(Runtime):
    """A runtime that claims to be on CUDA and whose nodes run on the CPU."""

    def providers(self) -> dict[str, dict[str, str]]:
        return {PROVIDERS["cuda"]: {}, PROVIDERS["cpu"]: {}}

    def session(self, model: bytes, file: str, *, pool: bool = True) -> Any:  # noqa: ANN401 (as its base)
        return CPU.session(model, file, pool=pool)


@pytest.mark.filterwarnings("ignore:Specified provider 'CUDAExecutionProvider' is not in available")
@pytest.mark.skipif(HAS_CUDA, reason="this ONNX Runtime is built with CUDA")
def test_nodes_that_fall_back_to_the_cpu_are_a_failure_where_the_service_uses_the_gpu(models: Path) -> None:
    found = prove(models, CPU, {"on": CPU, "off": OnCuda("cpu", 1)}, 0.001, (1,))
    assert [text.partition(":")[0] for text in found["failures"]] == [
        "cvae-encoder/1/model.onnx",
        "cvae-decoder/1/model.onnx",
        "cvae-strokes/1/model.onnx",
        "vae-encoder/1/model.onnx",
        "vae-decoder/1/model.onnx",
    ]
    assert found["failures"][0].endswith(" ran on another provider than CUDAExecutionProvider")
    assert "Round" in found["failures"][1]
    assert found["graphs"]["cvae-decoder-int8/1/model.onnx"]["unexpected"] == []
    assert found["graphs"]["cvae-classifier/1/model.onnx"]["served_on"] == "cpu"


def test_the_profile_names_the_provider_of_each_node() -> None:
    nodes = placement(decoder(), CPU.providers(), FEED)
    assert {node["provider"] for node in nodes} == {PROVIDERS["cpu"]}
    assert unexpected(nodes, PROVIDERS["cpu"]) == []
    assert "Round" in unexpected(nodes, PROVIDERS["cuda"])


@pytest.mark.parametrize(
    ("kind", "shape", "found"),
    [("int64", [4], []), ("int64", [], []), ("int64", [32], ["Gather"]), ("float", [1], ["Gather"])],
)
def test_nodes_that_compute_shapes_belong_on_the_cpu(kind: str, shape: list[int], found: list[str]) -> None:
    node = {"op_name": "Gather", "provider": PROVIDERS["cpu"], "output_type_shape": [{kind: shape}]}
    assert unexpected([node], PROVIDERS["cuda"]) == found


class Fixed:
    """A session that always returns the same array."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array

    def run(self, outputs: Sequence[str], feed: Arrays, /) -> list[NDArray[Any]]:
        assert not feed
        return [self.array for _ in outputs]


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        (np.array([3], np.uint8), np.array([5], np.uint8), 2),
        (np.array([1.5], np.float32), np.array([1.25], np.float32), 0.25),
        (np.array([0], np.float32), np.array([np.nan], np.float32), np.finfo(float).max),
        (np.array([0], np.float32), np.array([np.inf], np.float32), np.finfo(float).max),
    ],
)
def test_the_largest_difference_counts(one: NDArray[Any], other: NDArray[Any], difference: float) -> None:
    (row,) = differences(Fixed(one), Fixed(other), {}, ["pixels"])
    assert row == {"output": "pixels", "difference": difference}


def test_a_model_that_differs_is_a_failure(models: Path) -> None:
    class Darker(Runtime):
        """A runtime that runs another decoder."""

        def session(self, model: bytes, file: str, *, pool: bool = True) -> Any:  # noqa: ANN401 (as its base)
            return super().session(decoder(base=102) if file == "cvae decoder" else model, file, pool=pool)

    found = prove(models, CPU, {"on": Darker("cpu", 1), "off": CPU}, 0.001, (1,))
    assert found["failures"] == [
        "cvae, batch 1, CUDA graphs on: pixels differ by 2, more than 1",
        "cvae, batch 1, CUDA graphs on: logits differ by 0.00784, more than 0.001",
    ]
    assert list(failures(found["graphs"], found["parity"])) == found["failures"]


@pytest.mark.parametrize("said", [[], ["cvae: Gemm ran on another provider", "cvae: pixels differ"]])
def test_the_results_are_written_before_the_command_fails(
    said: list[str], subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def proof(subject: Subject) -> dict[str, Any]:
        """Return what a proof would."""
        assert subject.models.exists()
        return {"failures": said}

    monkeypatch.setitem(PARTS, "gpu-proof", proof)
    command = ["gpu-proof", "--models", str(subject.models), "--out", str(tmp_path)]
    if said:
        with pytest.raises(SystemExit) as caught:
            main(command)
        assert str(caught.value) == "\n".join(["benchmarks: 2 failures", *said])
    else:
        main(command)
    content = json.loads((tmp_path / "gpu-proof.json").read_text(encoding="utf-8"))
    assert content["figures"]["failures"] == said
    assert {"machine", "versions", "commit", "taken"} <= content.keys()


@pytest.mark.skipif(HAS_CUDA, reason="this ONNX Runtime is built with CUDA")
def test_without_cuda_the_command_says_what_is_missing(subject: Subject) -> None:
    with pytest.raises(BenchmarkError, match="device 'cuda' does not work: this ONNX Runtime is built without CUDA"):
        gpu_proof.measure(subject)


def use_nvidia_smi(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program of that name first on the path."""
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_device_and_libraries_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_nvidia_smi("echo 'NVIDIA Calculator, 600.1, 8192 MiB, 9.0'", tmp_path, monkeypatch)
    facts = gpu_proof.device()
    name = {"name": "NVIDIA Calculator", "driver": "600.1", "memory": "8192 MiB", "compute_capability": "9.0"}
    assert facts["device"] == name
    assert any(library.startswith("onnxruntime") for library in facts["libraries"])


def test_without_a_gpu_make_fails_before_it_installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_nvidia_smi("echo 'NVIDIA-SMI has failed: no driver'; exit 9", tmp_path, monkeypatch)
    made = (ROOT / ".venv-bench-gpu").exists()
    done = subprocess.run(["make", "-C", str(ROOT), "gpu-proof"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "gpu-proof: `nvidia-smi -L` finds no NVIDIA GPU: NVIDIA-SMI has failed: no driver" in done.stderr
    assert "Nothing was installed." in done.stderr
    assert (ROOT / ".venv-bench-gpu").exists() == made


@pytest.mark.gpu
@pytest.mark.skipif(not HAS_CUDA, reason="this ONNX Runtime is built without CUDA")
def test_the_gpu_gives_what_the_cpu_gives(subject: Subject) -> None:
    assert gpu_proof.measure(subject, 0.01)["failures"] == []


# The sentence that stands in these pages until the command has run.
NOT_YET = "not yet run on a GPU"


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md", "docs/reliability.md"])
def test_what_has_not_run_on_a_gpu_says_so(page: str) -> None:
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    path = results.FOLDER / "gpu-proof.json"
    assert (NOT_YET in text) != path.exists()
