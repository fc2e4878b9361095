"""Weights stored in two bytes each instead of four, which halves the size of a file.

Each large float32 constant of a graph becomes one of float16 and a `Cast` back. ONNX Runtime computes the `Cast` once,
when a session is made (constant folding, https://onnxruntime.ai/docs/performance/model-optimizations/graph-optimizations.html),
so that arithmetic, time and memory are those of float32. What it costs is the rounding to 11 significant bits, once.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from glyphvae_training.data.dataset import Split
from glyphvae_training.errors import ExportError
from glyphvae_training.export.exported import Exported, Floats, run, session
from glyphvae_training.export.gates import check_loss
from glyphvae_training.export.graphs import PARTS, Part
from glyphvae_training.export.manifest import Facts
from glyphvae_training.export.repository import publish, published
from glyphvae_training.fitting.objective import kl_divergence, reconstruction
from glyphvae_training.measures.measure import significant

# Smaller ones are a few per cent of a file: biases, and the rotations of a flow, whose inverse has to stay exact.
FEWEST_VALUES = 4096
SUFFIX = ".float16"


def compact(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert the large weights of a graph to float16.

    Args:
        model: a graph; float32 constants of `FEWEST_VALUES` or more are rounded to the nearest float16 (to even, and to
            infinity beyond 65,504, which the gate refuses), everything else is kept.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    tensors = list(graph.initializer)
    casts = []
    del graph.initializer[:]
    for tensor in tensors:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < FEWEST_VALUES:
            graph.initializer.append(tensor)
            continue
        with np.errstate(over="ignore"):
            rounded = numpy_helper.to_array(tensor).astype(np.float16)
        graph.initializer.append(numpy_helper.from_array(rounded, tensor.name + SUFFIX))
        casts.append(helper.make_node("Cast", [tensor.name + SUFFIX], [tensor.name], to=TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)
    return result


def expanded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert all weights of a graph back to float32, as ONNX Runtime does when it loads `compact`'s result."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    graph = result.graph
    nodes, tensors = list(graph.node), {tensor.name: tensor for tensor in graph.initializer}
    del graph.node[:], graph.initializer[:]
    for node in nodes:
        if node.op_type == "Cast" and node.input[0] == node.output[0] + SUFFIX:
            exact = numpy_helper.to_array(tensors.pop(node.input[0])).astype(np.float32)
            tensors[node.output[0]] = numpy_helper.from_array(exact, node.output[0])
        else:
            graph.node.append(node)
    graph.initializer.extend(tensors.values())
    return result


def compact_model(folder: Path, name: str, held_out: Split) -> dict[str, float]:
    """Store the weights of a published model in float16.

    Args:
        folder: the model repository.
        name: of the model.
        held_out: real images, for the gate.

    Returns:
        What `check_compact` measured.

    Raises:
        ExportError: there is no such model, its weights are in float16 already, or the gate does not pass; nothing has
            been written.
    """
    facts, graphs = published(folder, name)
    compacted = {part: compact(graph) for part, graph in graphs.items()}
    if all(compacted[part] == graphs[part] for part in PARTS):
        raise ExportError(f"the weights of {name} are in float16 already")
    lost = check_compact(facts, graphs, compacted, held_out)
    publish(folder, facts.with_metrics(facts.metrics | {"compact": lost}), compacted)
    return lost


def check_compact(
    facts: Facts, exact: dict[Part, onnx.ModelProto], rounded: dict[Part, onnx.ModelProto], held_out: Split
) -> dict[str, float]:
    """Check the loss of real images that pass through the model before and after.

    Args:
        facts: about the model.
        exact: its graphs before.
        rounded: and after.
        held_out: the images.

    Returns:
        `levels`, the mean difference of a pixel of mean(x|z) at z = mu in grey levels, and `nats`, what an image costs
        more on average: -log p(x|z) at z = mu, plus the KL; of a pen also `units`, see `moved`.

    Raises:
        ExportError: one is more than is allowed.
    """
    lost = difference(facts, exact, rounded, held_out)
    if "strokes" in exact:
        lost["units"] = moved(exact["strokes"], rounded["strokes"], facts.latent_size, held_out.labels)
    check_loss(lost, "storing weights in float16")
    return lost


def moved(exact: onnx.ModelProto, rounded: onnx.ModelProto, latent_size: int, labels: NDArray[np.int64]) -> float:
    """Return how far the strokes that both graphs draw move, of latents of the prior.

    Args:
        exact: before.
        rounded: after.
        latent_size: of the model.
        labels: of the glyphs.

    Returns:
        The distance in units of the cell that 99 of 100 control points stay below.
    """
    z = np.random.default_rng(0).standard_normal((len(labels), latent_size), dtype=np.float32)
    before, after = (run(session(graph.SerializeToString()), {"z": z, "label": labels}) for graph in (exact, rounded))
    drawn = (before["presence"] > 0) & (after["presence"] > 0)  # (n, strokes)
    distance = np.linalg.norm(after["control"] - before["control"], axis=3)[drawn]  # (drawn, points)
    return significant(float(np.quantile(distance, 0.99))) if len(distance) else 0.0


def difference(
    facts: Facts, exact: dict[Part, onnx.ModelProto], other: dict[Part, onnx.ModelProto], held_out: Split
) -> dict[str, float]:
    """Measure `levels` and `nats` of `check_compact`, for any two versions of a model."""
    (before, cost), (after, more) = (described(facts, graphs, held_out) for graphs in (exact, other))
    return {"levels": significant(float(np.abs(after - before).mean())), "nats": significant(more - cost)}


def described(facts: Facts, graphs: dict[Part, onnx.ModelProto], split: Split) -> tuple[Floats, float]:
    """Return reconstructions at z = mu in grey levels, float32 (n, 28, 28), and the mean cost of an image in nats."""
    model = Exported(facts.to_dict(), *(session(graphs[part].SerializeToString()) for part in PARTS))
    mu, logvar = model.encode(split.images, split.labels)
    _, logits = model.decode(mu, split.labels)
    mean = torch.from_numpy(logits)  # log odds of ink at z = mu, (n, 28, 28)
    cost = reconstruction(mean, torch.from_numpy(split.images).float() / 255)
    cost += kl_divergence(torch.from_numpy(mu), torch.from_numpy(logvar))
    return 255 * torch.sigmoid(mean).numpy(), float(cost.mean())
