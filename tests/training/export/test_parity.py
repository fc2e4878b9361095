import dataclasses

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from glyphvae_training.errors import ExportError
from glyphvae_training.export.graphs import PARTS, Part
from glyphvae_training.export.parity import LOGIT_TOLERANCE, TOLERANCE, check_parity, output_differences
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
