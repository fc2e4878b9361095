import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from glyphvae_training.errors import ExportError
from glyphvae_training.export.exported import Arrays, read_exported, run, session
from glyphvae_training.export.gates import check_graph
from glyphvae_training.export.graphs import PARTS, Part
from glyphvae_training.export.quantise import quantise_model
from glyphvae_training.export.repository import publish, published
from glyphvae_training.export.storage import check_compact, compact, compact_model, expanded, moved
from tests.training.examples import FACTS, characters, exported, graph


def inputs(part: Part) -> Arrays:
    rng = np.random.default_rng(0)
    first = rng.standard_normal((64, 6), dtype=np.float32)
    label = {"label": np.arange(64) % 36}
    return {"z": first} | label if part == "decoder" else {"pixels": characters(2).images[:64]} | label


@pytest.mark.parametrize("part", PARTS)
def test_a_session_computes_with_the_rounded_weights_in_float32(part: Part) -> None:
    exact = graph(part)
    small = compact(exact)
    check_graph(small, part, 6, 36)
    assert small.ByteSize() < 0.53 * exact.ByteSize()
    plain = expanded(small)
    assert [node.op_type for node in plain.graph.node] == [node.op_type for node in exact.graph.node]
    answers = [run(session(model.SerializeToString()), inputs(part)) for model in (small, plain, exact)]
    for name, values in answers[0].items():
        assert np.array_equal(values, answers[1][name]), name
        assert name == "pixels" or not np.array_equal(values, answers[2][name])


def test_only_large_weights_are_rounded_and_only_once() -> None:
    exact = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph("decoder").graph.initializer}
    small = compact(graph("decoder"))
    assert compact(small) == small
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in expanded(small).graph.initializer}
    assert found.keys() == exact.keys()
    for name, values in exact.items():
        large = values.dtype == np.float32 and values.size >= 4096
        expected = values.astype(np.float16).astype(np.float32) if large else values
        assert found[name].dtype == values.dtype
        assert np.array_equal(found[name], expected), name
    assert {t.data_type for t in small.graph.initializer if np.prod(t.dims) >= 4096} == {TensorProto.FLOAT16}


def test_a_cast_of_the_models_own_stays() -> None:
    exact = graph("decoder")
    assert [node for node in expanded(exact).graph.node if node.op_type == "Cast"]


def test_weights_that_float16_cannot_hold_are_refused() -> None:
    halves = exported()
    for tensor in halves["decoder"].graph.initializer:
        if tensor.name.endswith("last.weight"):
            tensor.CopyFrom(numpy_helper.from_array(1e8 * numpy_helper.to_array(tensor), tensor.name))
    rounded = {part: compact(model) for part, model in halves.items()}
    with pytest.raises(ExportError, match=r"storing weights in float16 loses .* levels; allowed are 1"):
        check_compact(FACTS, halves, rounded, characters(1))


def test_the_strokes_of_a_pen_are_rounded_too() -> None:
    exact = exported("pen")
    rounded = {part: compact(model) for part, model in exact.items()}
    assert rounded["strokes"].ByteSize() < 0.75 * exact["strokes"].ByteSize()
    lost = check_compact(FACTS, exact, rounded, characters(1))
    assert set(lost) == {"levels", "nats", "units"}
    assert 0 < lost["units"] < 0.01
    assert check_compact(FACTS, exact, exact, characters(1))["units"] == 0


def pushed(model: onnx.ModelProto, column: slice, amount: float) -> onnx.ModelProto:
    """Add to columns of the last layer's table of a pen of two strokes of five points."""
    (tensor,) = (tensor for tensor in model.graph.initializer if list(tensor.dims) == [36, 20 + 8 + 2 + 1 + 4])
    table = numpy_helper.to_array(tensor).copy()
    table[:, column] += amount
    tensor.CopyFrom(numpy_helper.from_array(table, tensor.name))
    return model


def test_control_points_that_move_are_refused() -> None:
    exact = exported("pen")
    other = exact | {"strokes": pushed(graph("strokes", "pen"), slice(20), 0.01)}
    # A ninth of a unit, in x and in y.
    with pytest.raises(ExportError, match=r"storing weights in float16 loses 0\.127 units; allowed are 0\.05"):
        check_compact(FACTS, exact, other, characters(1))


def test_strokes_that_are_not_drawn_do_not_move() -> None:
    hidden = [pushed(graph("strokes", "pen"), slice(29, 30), -1e3) for _ in range(2)]
    assert moved(hidden[0], pushed(hidden[1], slice(10, 20), 1), 6, np.arange(36)) == 0


def test_an_older_export_becomes_smaller_once(tmp_path: Path) -> None:
    publish(tmp_path, FACTS.with_metrics({"kept": 1}), exported())
    before = json.loads((tmp_path / "cvae.json").read_text())
    lost = compact_model(tmp_path, "cvae", characters(2))
    assert lost["levels"] < 0.1
    manifest = json.loads((tmp_path / "cvae.json").read_text())
    assert manifest["metrics"] == {"kept": 1, "compact": lost}
    for part in PARTS:
        assert manifest[part]["bytes"] < 0.53 * before[part]["bytes"]
        assert (tmp_path / manifest[part]["file"]).stat().st_size == manifest[part]["bytes"]
    assert read_exported(tmp_path, "cvae").decode(np.zeros((2, 6), np.float32), np.arange(2))[0].shape == (2, 28, 28)
    with pytest.raises(ExportError, match="the weights of cvae are in float16 already"):
        compact_model(tmp_path, "cvae", characters(2))


def test_its_decoder_still_becomes_integers(tmp_path: Path) -> None:
    publish(tmp_path, FACTS, exported())
    compact_model(tmp_path, "cvae", characters(2))
    quantise_model(tmp_path, "cvae", characters(2))
    _, graphs = published(tmp_path, "cvae")
    kinds = {node.op_type for node in graphs["decoder-int8"].graph.node}
    assert "MatMulInteger" in kinds
    large: list[onnx.TensorProto] = [t for t in graphs["decoder-int8"].graph.initializer if np.prod(t.dims) >= 4096]
    assert {tensor.data_type for tensor in large} <= {TensorProto.FLOAT16, TensorProto.INT8}
