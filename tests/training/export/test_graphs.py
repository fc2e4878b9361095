from collections import Counter

import onnx
import pytest

from glyphvae_training.export.gates import check_graph
from glyphvae_training.export.graphs import PARTS, Part, parts_of, to_onnx
from glyphvae_training.models.families import ModelKind
from tests.training.examples import graph, untrained


@pytest.mark.parametrize(
    ("kind", "part", "architecture", "labels"),
    [
        ("cvae", "encoder", "paper", 1),
        ("cvae", "encoder", "dense", 2),
        ("vae", "encoder", "paper", 0),
        ("cvae", "decoder", "dense", 1),
        ("cvae", "decoder", "residual", 1),
        ("cvae", "decoder", "upsample", 1),
        ("vae", "decoder", "conv", 0),
        ("cvae", "encoder", "pooling", 1),
        ("cvae", "decoder", "unpooling", 2),
    ],
)
def test_every_architecture_exports(kind: ModelKind, part: Part, architecture: str, labels: int) -> None:
    model = graph(part, kind, **{part: architecture})
    check_graph(model, part, 6, 36 if kind == "cvae" else 0)
    operators = Counter(node.op_type for node in model.graph.node)
    assert operators["Cast"] == 1  # from or to 8 bits, and nowhere else
    assert operators["BatchNormalization"] == 0
    assert operators["Gather"] == labels  # where the label goes in


@pytest.mark.parametrize(("part", "casts"), [("encoder", 1 + 4), ("decoder", 3), ("decoder-fixed", 2), ("strokes", 1)])
def test_a_pen_exports(part: Part, casts: int) -> None:
    model = graph(part, "pen")
    check_graph(model, part, 6, 36)
    operators = Counter(node.op_type for node in model.graph.node)
    assert operators["Cast"] == casts  # 8 bits, strokes that are drawn, their number, open units of each coupling
    # The only operator here whose result has a size that depends on values.
    assert operators["NonZero"] == (part == "decoder")


def test_a_pen_has_two_graphs_more() -> None:
    assert parts_of(untrained("pen")) == ("encoder", "decoder", "decoder-fixed", "strokes")
    assert parts_of(untrained()) == ("encoder", "decoder")


@pytest.mark.parametrize("part", PARTS)
def test_a_model_exports_to_the_same_bytes_even_in_training_mode(part: Part) -> None:
    again = to_onnx(untrained().train(), part)
    assert again.SerializeToString(deterministic=True) == graph(part).SerializeToString(deterministic=True)


@pytest.mark.parametrize("part", PARTS)
def test_nothing_that_the_exporter_wrote_beside_the_graph_is_left(part: Part) -> None:
    model = graph(part)
    items = [model, model.graph, *model.graph.node, *model.graph.initializer, *model.graph.value_info]
    assert not any(item.doc_string for item in items)
    assert not any(item.metadata_props for item in items)
    assert not onnx.external_data_helper.uses_external_data(model.graph.initializer[0])
