from collections import Counter

import onnx
import pytest

from tests.training.examples import exported, graph, untrained
from training.gates import check_graph
from training.graphs import PARTS, Part, to_onnx
from training.models import ModelKind


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("kind", "encoder", "decoder"),
    [
        ("cvae", "paper", "dense"),
        ("cvae", "dense", "residual"),
        ("vae", "paper", "conv"),
        ("cvae", "dense", "upsample"),
    ],
)
def test_every_architecture_exports(kind: ModelKind, encoder: str, decoder: str, part: Part) -> None:
    model = exported(kind, encoder, decoder)[part]
    check_graph(model, part, latent_size=6, conditional=kind == "cvae")
    operators = Counter(node.op_type for node in model.graph.node)
    assert operators["Cast"] == 1  # from or to 8 bits, and nowhere else
    assert operators["BatchNormalization"] == 0
    assert operators["Gather"] == (0 if kind == "vae" else 2 if (part, encoder) == ("encoder", "dense") else 1)


@pytest.mark.parametrize("part", PARTS)
def test_the_same_model_exports_to_the_same_bytes(part: Part) -> None:
    again = to_onnx(untrained(), part)
    assert again.SerializeToString(deterministic=True) == graph(part).SerializeToString(deterministic=True)


def test_export_leaves_a_model_in_training_mode_as_it_answers_in_evaluation_mode() -> None:
    model = untrained()
    model.train()
    assert to_onnx(model, "encoder").SerializeToString(deterministic=True) == graph("encoder").SerializeToString(
        deterministic=True
    )


@pytest.mark.parametrize("part", PARTS)
def test_nothing_that_the_exporter_wrote_beside_the_graph_is_left(part: Part) -> None:
    model = graph(part)
    items = [model, model.graph, *model.graph.node, *model.graph.initializer, *model.graph.value_info]
    assert not any(item.doc_string for item in items)
    assert not any(item.metadata_props for item in items)
    assert not onnx.external_data_helper.uses_external_data(model.graph.initializer[0])
