"""The CUDA provider of the locked onnxruntime-gpu has a kernel for every node that the service runs on a GPU.

requirements/cuda-kernels.json is read from the wheel (`make cuda-kernels`), so that these tests need neither a GPU nor
the wheel.
"""

import json
from operator import itemgetter
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, defs, helper, shape_inference

from benchmarks.server import DEFAULT_MODEL
from glyphvae.models.manifest import read_manifest
from glyphvae_training.export.quantise import to_float16
from glyphvae_training.export.storage import expanded
from tests.test_supply_chain import ROOT, pins

LISTED = json.loads((ROOT / "requirements" / "cuda-kernels.json").read_text(encoding="utf-8"))
EXPORTED = ROOT / "exported"
MANIFESTS = {path.stem: read_manifest(path) for path in sorted(EXPORTED.glob("*.json"))}
ON_CUDA = sorted(
    {
        file.file
        for facts in MANIFESTS.values()
        for precision in ("auto", "float32", "float16")
        for file in (facts.encoder_for("cuda", precision), facts.decoder_for("cuda", precision))
    }
)


def types_of(model: onnx.ModelProto) -> dict[str, str]:
    """Return the element type of every tensor of a graph by name, such as `float`."""
    graph = shape_inference.infer_shapes(model, strict_mode=True).graph
    numbers = {tensor.name: tensor.data_type for tensor in graph.initializer}
    for value in (*graph.input, *graph.output, *graph.value_info):
        numbers[value.name] = value.type.tensor_type.elem_type
    names = {name: np.dtype(helper.tensor_dtype_to_np_dtype(number)).name for name, number in numbers.items()}
    return {name: {"float32": "float", "float64": "double"}.get(kind, kind) for name, kind in names.items()}


def without_kernel(model: onnx.ModelProto) -> set[str]:
    """Return the operators of the nodes that have no CUDA kernel for their version and types."""
    opset = {domain.domain: domain.version for domain in model.opset_import}
    known = types_of(model)
    missing = set()
    for node in model.graph.node:
        schema = defs.get_schema(node.op_type, opset[node.domain], node.domain)
        kinds: dict[str, str] = {}
        for formal, names in ((schema.inputs, node.input), (schema.outputs, node.output)):
            # The last parameter may stand for several, and an optional one may have no name.
            for index, name in filter(itemgetter(1), enumerate(names)):
                parameter = formal[min(index, len(formal) - 1)]
                kinds[parameter.type_str] = kinds[parameter.name] = known[name]
        if not any(_fits(kernel, schema.since_version, kinds) for kernel in LISTED["kernels"].get(node.op_type, [])):
            missing.add(node.op_type)
    return missing


def _fits(kernel: dict[str, object], since: int, kinds: dict[str, str]) -> bool:
    first, last, types = kernel["since"], kernel["until"], kernel["types"]
    assert isinstance(first, int)
    assert isinstance(last, int | None)
    assert isinstance(types, dict)
    # ONNX Runtime does not use a kernel without a last version for a newer version of its operator.
    version = since == first or (last is not None and first <= since <= last)
    return version and all(kinds[key] in allowed for key, allowed in types.items() if key in kinds)


@pytest.mark.parametrize("lock", ["serve-gpu", "bench-gpu"])
def test_the_list_is_that_of_the_locked_wheel(lock: str) -> None:
    path = ROOT / "requirements" / f"{lock}.txt"
    assert pins(path)[LISTED["package"]] == [LISTED["version"]]
    assert f"--hash=sha256:{LISTED['sha256']}" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("file", ON_CUDA)
def test_every_node_of_what_the_service_runs_on_cuda_has_a_kernel(file: str) -> None:
    assert without_kernel(onnx.load(EXPORTED / file)) == set()


def test_every_node_of_a_decoder_in_half_precision_has_a_kernel() -> None:
    exact = expanded(onnx.load(Path(EXPORTED, MANIFESTS[DEFAULT_MODEL].decoder_for("cuda", "auto").file)))
    assert without_kernel(to_float16(exact)) == set()


@pytest.mark.parametrize(
    ("operator", "kinds", "opset", "missing"),
    [
        ("Add", (TensorProto.FLOAT, TensorProto.FLOAT), 20, set()),
        ("Add", (TensorProto.STRING, TensorProto.STRING), 20, {"Add"}),
        # The products of the graphs in 8-bit integers, which run on the CPU: the kernel is for signed integers alone.
        ("MatMulInteger", (TensorProto.INT8, TensorProto.INT8), 20, set()),
        ("MatMulInteger", (TensorProto.UINT8, TensorProto.INT8), 20, {"MatMulInteger"}),
        # The kernel is that of version 6, and there is a version 22.
        ("Elu", (TensorProto.FLOAT,), 20, set()),
        ("Elu", (TensorProto.FLOAT,), 22, {"Elu"}),
        ("Hardmax", (TensorProto.FLOAT,), 20, {"Hardmax"}),
    ],
)
def test_a_node_without_a_kernel_is_found(operator: str, kinds: tuple[int, ...], opset: int, missing: set[str]) -> None:
    names = [f"input_{index}" for index in range(len(kinds))]
    inputs = [helper.make_tensor_value_info(name, kind, [2, 2]) for name, kind in zip(names, kinds, strict=True)]
    kind = TensorProto.INT32 if operator == "MatMulInteger" else kinds[0]
    output = helper.make_tensor_value_info("output", kind, [2, 2])
    graph = helper.make_graph([helper.make_node(operator, names, ["output"])], "one", inputs, [output])
    assert without_kernel(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])) == missing
