from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from glyphvae_training.errors import ExportError
from glyphvae_training.export.gates import check_graph, check_signature
from glyphvae_training.export.graphs import Part
from tests.training.examples import graph


def refuse(model: onnx.ModelProto, part: Part, message: str, labels: int = 36) -> None:
    with pytest.raises(ExportError, match=message):
        check_graph(model, part, 6, labels)


def add_node(model: onnx.ModelProto, node: onnx.NodeProto) -> None:
    model.graph.node.append(node)


def test_a_graph_fresh_from_the_exporter_passes() -> None:
    check_graph(graph("encoder"), "encoder", 6, 36)
    check_graph(graph("decoder", "vae"), "decoder", 6, 0)


def test_a_graph_that_the_checker_refuses() -> None:
    model = graph("encoder")
    model.graph.node[3].input[0] = "nowhere"
    refuse(model, "encoder", "onnx.checker refuses the graph")


def test_a_graph_whose_shapes_do_not_fit() -> None:
    model = graph("decoder")
    model.graph.output[1].type.tensor_type.shape.dim[1].dim_value = 27
    refuse(model, "decoder", "onnx.checker refuses the graph")


def test_another_opset() -> None:
    model = graph("decoder")
    model.opset_import[0].version = 21
    refuse(model, "decoder", "opset 21 instead of IR 10 and 20")


def test_another_ir_version() -> None:
    model = graph("decoder")
    model.ir_version = 11
    refuse(model, "decoder", "IR 11 and opset 20 instead of IR 10 and 20")


def test_an_operator_of_another_domain() -> None:
    model = graph("decoder")
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    add_node(model, helper.make_node("Gelu", ["logits"], ["activated"], domain="com.microsoft"))
    refuse(model, "decoder", "uses operators of com.microsoft")


def test_a_function_inside_the_file() -> None:
    model = graph("decoder")
    node = helper.make_node("Relu", ["x"], ["y"])
    model.functions.append(helper.make_function("", "Softly", ["x"], ["y"], [node], model.opset_import))
    refuse(model, "decoder", "defines functions: Softly")


@pytest.mark.parametrize("operator", ["RandomNormalLike", "RandomUniformLike", "Bernoulli"])
def test_a_random_operator(operator: str) -> None:
    model = graph("decoder")
    add_node(model, helper.make_node(operator, ["logits"], ["noise"]))
    refuse(model, "decoder", f"draws random numbers: {operator}")


def test_a_random_operator_inside_a_branch() -> None:
    model = graph("decoder")
    noise = helper.make_node("RandomNormal", [], ["noise"], shape=[1])
    branch = helper.make_graph([noise], "branch", [], [helper.make_tensor_value_info("noise", TensorProto.FLOAT, [1])])
    model.graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    add_node(model, helper.make_node("If", ["yes"], ["chosen"], then_branch=branch, else_branch=branch))
    refuse(model, "decoder", "draws random numbers: RandomNormal")


def test_weights_in_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = graph("decoder")
    tensor = model.graph.initializer[1]
    monkeypatch.chdir(tmp_path)
    Path("weights.bin").write_bytes(tensor.raw_data)
    onnx.external_data_helper.set_external_data(tensor, "weights.bin")
    tensor.ClearField("raw_data")
    refuse(model, "decoder", f"weights lie in other files: {tensor.name}")


def rename_output(model: onnx.ModelProto) -> None:
    model.graph.output[1].name = model.graph.node[-5].output[0] = "log_odds"
    for node in model.graph.node:
        node.input[:] = ["log_odds" if name == "logits" else name for name in node.input]


def fix_batch(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2


def rename_batch(model: onnx.ModelProto) -> None:
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "s0"


def swap_outputs(model: onnx.ModelProto) -> None:
    first, second = model.graph.output
    del model.graph.output[:]
    model.graph.output.extend([second, first])


@pytest.mark.parametrize("change", [rename_output, fix_batch, rename_batch, swap_outputs])
def test_another_signature(change: Callable[[onnx.ModelProto], None]) -> None:
    model = graph("decoder")
    change(model)
    refuse(model, "decoder", "the decoder has inputs and outputs")


def test_a_missing_or_needless_label() -> None:
    refuse(graph("decoder"), "decoder", "the decoder has inputs and outputs", labels=0)
    refuse(graph("encoder", "vae"), "encoder", "the encoder has inputs and outputs")


@pytest.mark.parametrize(
    "leak",
    [
        'File "model.py", line 3, in forward',
        "/home/someone/project",
        r"C:\Users\someone",
        str(Path(__file__).parents[3]),
    ],
)
def test_a_local_path(leak: str) -> None:
    model = graph("decoder")
    model.graph.node[0].doc_string = f"traced from {leak} here"
    refuse(model, "decoder", "holds local paths")


def test_weights_that_happen_to_spell_a_path() -> None:
    model = graph("decoder")
    tensor = model.graph.initializer[1]
    tensor.raw_data = b" x.py" + tensor.raw_data[5:]
    check_graph(model, "decoder", 6, 36)


def size_of(name: str, axis: int, size: int | str) -> Callable[[onnx.ModelProto], None]:
    """A change of one axis of an output."""

    def change(model: onnx.ModelProto) -> None:
        (output,) = (value for value in model.graph.output if value.name == name)
        found = output.type.tensor_type.shape.dim[axis]
        found.Clear()
        if isinstance(size, str):
            found.dim_param = size
        elif size:
            found.dim_value = size

    return change


def without_axis(model: onnx.ModelProto) -> None:
    del model.graph.output[0].type.tensor_type.shape.dim[1:]
    del model.graph.output[1].type.tensor_type.shape.dim[:]


@pytest.mark.parametrize(
    "change",
    [
        size_of("control", 1, 3),
        size_of("control", 1, "strokes"),
        size_of("control", 2, 0),
        size_of("control", 3, 3),
        size_of("control", 0, 2),
        size_of("radius", 1, 1),
        size_of("radius", 2, "knots"),
        size_of("radius", 2, 0),
        size_of("presence", 1, 3),
        size_of("proportions", 1, 3),
        without_axis,
        rename_batch,
    ],
)
def test_strokes_of_another_shape(change: Callable[[onnx.ModelProto], None]) -> None:
    model = graph("strokes", "pen")
    check_signature(model, "strokes", 6, 36)
    change(model)
    with pytest.raises(ExportError, match="the strokes has inputs and outputs"):
        check_signature(model, "strokes", 6, 36)


@pytest.mark.parametrize("index", range(4))
def test_strokes_without_an_output(index: int) -> None:
    model = graph("strokes", "pen")
    del model.graph.output[index]
    with pytest.raises(ExportError, match="the strokes has inputs and outputs"):
        check_signature(model, "strokes", 6, 36)
