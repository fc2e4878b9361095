import dataclasses

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from glyphvae_training.errors import ExportError
from glyphvae_training.export.graphs import PARTS, Part
from glyphvae_training.export.parity import (
    JUMPS,
    LOGIT_TOLERANCE,
    TOLERANCE,
    UNIT_TOLERANCE,
    check_parity,
    output_differences,
)
from tests.training.examples import LABELS, characters, exported, graph, untrained


def check(graphs: dict[Part, onnx.ModelProto]) -> dict[str, float]:
    return check_parity(untrained(), graphs, characters(3), np.random.default_rng(0))


def changed(part: Part, amount: float) -> dict[Part, onnx.ModelProto]:
    """The exported graphs, with the bias of one output of one part's last layer off by `amount`."""
    model = graph(part)
    outputs = {"encoder": [2 * 6], "decoder": [28 * 28]}[part]
    tensor = next(tensor for tensor in model.graph.initializer if list(tensor.dims) == outputs)
    values = numpy_helper.to_array(tensor).copy()
    values.flat[0] += amount
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return exported() | {part: model}


def test_exported_graphs_agree_far_within_the_tolerances() -> None:
    worst = check(exported())
    assert set(worst) == {"mu", "logvar", "mean", "logits", "pixels"}
    assert max(worst["mu"], worst["logvar"], worst["mean"]) < TOLERANCE / 5
    assert worst["logits"] < LOGIT_TOLERANCE / 5
    assert worst["pixels"] <= 1


def test_an_unconditional_model_agrees_too() -> None:
    worst = check_parity(untrained("vae"), exported("vae"), characters(3), np.random.default_rng(0))
    assert worst["mean"] < TOLERANCE / 5


def test_the_graphs_of_a_pen_agree_too() -> None:
    worst = check_parity(untrained("pen"), exported("pen"), characters(3), np.random.default_rng(0))
    assert set(worst) == {
        *("mu", "logvar", "mean", "logits", "pixels"),
        *("control", "radius", "presence", "proportions"),
    }
    assert max(worst["control"], worst["radius"]) < UNIT_TOLERANCE / 5
    assert worst["proportions"] < TOLERANCE / 2
    assert worst["presence"] < JUMPS


def test_strokes_that_are_slightly_off() -> None:
    graphs = exported("pen")
    values = np.array([[20.0, 0.05]], np.float32)
    for name, tolerance in (("control", UNIT_TOLERANCE), ("radius", UNIT_TOLERANCE), ("proportions", TOLERANCE)):
        off = values + np.array([[0, 2 * tolerance]], np.float32)
        (difference, allowed), *_ = output_differences({name: values}, {name: off}).values()
        assert allowed < difference == pytest.approx(2 * tolerance, rel=0.01)
    tensor = next(t for t in graphs["strokes"].graph.initializer if list(t.dims) == [36, 2 * 5 * 2 + 2 * 4 + 2 + 1 + 4])
    table = numpy_helper.to_array(tensor).copy()
    table[:, 0] += 1e-3  # of which a unit is the ninth part
    tensor.CopyFrom(numpy_helper.from_array(table, tensor.name))
    with pytest.raises(ExportError, match=r"control of the strokes differs by 0\.009"):
        check_parity(untrained("pen"), graphs, characters(3), np.random.default_rng(0))


def test_few_strokes_may_be_drawn_by_one_alone() -> None:
    drawn = {"presence": np.ones((500, 2), np.float32)}
    found = {"presence": np.ones((500, 2), np.float32)}
    found["presence"][:2, 0] = 0
    assert output_differences(drawn, found)["presence"] == (0.002, JUMPS)


def test_the_paper_s_networks_agree_too() -> None:
    model = untrained(encoder="pooling", decoder="unpooling")
    graphs = {part: graph(part, encoder="pooling", decoder="unpooling") for part in PARTS}
    worst = check_parity(model, graphs, characters(3), np.random.default_rng(0))
    assert max(worst["mu"], worst["logvar"], worst["mean"]) < TOLERANCE / 2


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("encoder", "mu of the encoder differs by 5e-05 .* at batch 1"),
        ("decoder", "mean of the decoder differs by 1.[23]e-05 .* at batch 1"),
    ],
)
def test_a_weight_that_is_slightly_off(part: Part, message: str) -> None:
    with pytest.raises(ExportError, match=message):
        check(changed(part, 5e-5))


def test_an_answer_that_is_not_a_number() -> None:
    with pytest.raises(ExportError, match="mu of the encoder differs by nan"):
        check(changed("encoder", float("nan")))


def test_a_graph_that_runs_at_one_batch_size_only() -> None:
    model = graph("decoder")
    shape = next(tensor for tensor in model.graph.initializer if numpy_helper.to_array(tensor).tolist() == [-1, 28, 28])
    shape.CopyFrom(numpy_helper.from_array(np.array([1, 28, 28]), shape.name))
    with pytest.raises(ExportError, match="the decoder does not run at batch 2"):
        check(exported() | {"decoder": model})


def test_the_images_are_drawn_by_the_generator() -> None:
    split = characters(60)  # 2,160: more than are compared
    mixed = dataclasses.replace(split, labels=split.labels % len(LABELS))
    first, again, other = (
        check_parity(untrained(), exported(), mixed, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_both_parts_are_compared() -> None:
    for part in PARTS:
        with pytest.raises(ExportError, match=f"of the {part} differs"):
            check(changed(part, 1e-2))


def test_few_images_may_cross_a_kink_and_none_may_be_no_number() -> None:
    exact = {"logvar": np.zeros((1000, 6), np.float32)}
    found = {"logvar": np.zeros((1000, 6), np.float32)}
    found["logvar"][[3, 500]] = 0.1
    assert output_differences(exact, found)["logvar"][0] == pytest.approx(0.1)
    assert output_differences(exact, found, jumps=0.002)["logvar"] == (0, TOLERANCE)
    assert output_differences(exact, found, jumps=0.001)["logvar"][0] == pytest.approx(0.1)
    found["logvar"][4] = np.nan
    assert np.isnan(output_differences(exact, found, jumps=0.01)["logvar"][0])
