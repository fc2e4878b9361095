from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from glyphvae.errors import StartError
from glyphvae.models.onnx_check import check_graph
from tests.known_model import decoder, encoder

EXPORTED = sorted((Path(__file__).parents[3] / "exported").glob("*/1/model.onnx"))


def model(*nodes: onnx.NodeProto, tensor: TensorProto | None = None) -> onnx.ModelProto:
    weights = numpy_helper.from_array(np.zeros(3, np.float32), "w") if tensor is None else tensor
    value = helper.make_tensor_value_info("y", TensorProto.FLOAT, [3])
    graph = helper.make_graph(nodes or [helper.make_node("Identity", ["w"], ["y"])], "g", [], [value], [weights])
    return helper.make_model(graph)


def outside() -> TensorProto:
    tensor = numpy_helper.from_array(np.zeros(3, np.float32), "w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


@pytest.mark.parametrize("path", EXPORTED, ids=lambda path: path.parents[1].name)
def test_the_shipped_models_pass(path: Path) -> None:
    check_graph(path.read_bytes(), path.name)


def test_the_known_models_pass() -> None:
    for content in (decoder(), encoder()):
        check_graph(content, "model.onnx")


def test_data_in_other_files_is_refused_wherever_it_stands() -> None:
    inner = model(tensor=outside()).graph
    models = [
        model(tensor=outside()),
        model(helper.make_node("Constant", [], ["y"], value=outside())),
        model(helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)),
    ]
    sparse = model()
    sparse.graph.sparse_initializer.add().values.CopyFrom(outside())
    function = model()
    function.functions.add(name="f").node.append(helper.make_node("Constant", [], ["y"], value=outside()))
    trained = model()
    trained.training_info.add().algorithm.CopyFrom(inner)
    named_only = model()
    named_only.graph.initializer[0].external_data.add(key="location", value="weights.bin")
    for made in [*models, sparse, function, trained, named_only]:
        with pytest.raises(StartError, match=r"^m\.onnx: it keeps data in other files$"):
            check_graph(made.SerializeToString(), "m.onnx")


@pytest.mark.parametrize("domain", ["com.example", "com.microsoft", "ai.onnx.ml"])
def test_operators_of_others_are_refused_wherever_they_stand(domain: str) -> None:
    node = helper.make_node("EPContext", ["w"], ["y"], domain=domain)
    function = model()
    function.functions.add(name="f", domain=domain)
    nested = model(helper.make_node("If", ["c"], ["y"], then_branch=model(node).graph))
    for made in (model(node), function, nested):
        with pytest.raises(StartError, match=rf"^m\.onnx: it uses operators of '{domain}', not ONNX's own$"):
            check_graph(made.SerializeToString(), "m.onnx")


def test_the_standards_own_name_is_allowed() -> None:
    check_graph(model(helper.make_node("Identity", ["w"], ["y"], domain="ai.onnx")).SerializeToString(), "m.onnx")


def test_endless_nesting_is_refused() -> None:
    graph = b""
    for _ in range(100):
        node = _field(1, _field(5, _field(6, graph)))
        graph = node
    with pytest.raises(StartError, match="too deep"):
        check_graph(_field(7, graph), "m.onnx")


def _field(number: int, content: bytes) -> bytes:
    size, length = len(content), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


@pytest.mark.parametrize("content", [b"the model", b"\x3a\x05", b"\xff" * 20, b"\x3a", b"\x0d\x00"])
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(StartError, match=r"^m\.onnx: not a complete ONNX file$"):
        check_graph(content, "m.onnx")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with suppress(StartError):
        check_graph(content, "m.onnx")


@given(st.integers(0, 200), st.integers(0, 255))
def test_no_byte_of_a_model_can_be_changed_to_crash(place: int, byte: int) -> None:
    content = bytearray(decoder())
    content[place] = byte
    with suppress(StartError):
        check_graph(bytes(content), "m.onnx")
