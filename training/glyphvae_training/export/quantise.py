"""Graphs of lower precision: 8-bit integers, which take a CPU about half the time, and float16 for GPUs.

In integers, the weights of each large matrix product become integers with a scale for each output, its inputs unsigned
integers with one scale for all (Jacob et al., "Quantization and training of neural networks for efficient
integer-arithmetic-only inference", 2018, equations 1-4, with zero points of 0). Scales are fixed when the graph is
made, so that the result of a row does not depend on the rest of its batch. Everything between the products stays in
float32.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.errors import ExportError
from glyphvae_training.export.exported import Arrays, Exported, Floats, run, session
from glyphvae_training.export.gates import check_loss
from glyphvae_training.export.graphs import Part
from glyphvae_training.export.repository import publish, published
from glyphvae_training.export.storage import compact, difference, expanded
from glyphvae_training.fitting.objective import reconstruction
from glyphvae_training.measures.measure import significant

Precision = Literal["int8", "float16"]

PARTS_OF: dict[Precision, Part] = {"int8": "decoder-int8", "float16": "decoder-float16"}
# Products of fewer inputs or outputs are not worth it: latents need their precision, and their products cost nothing.
FEWEST = 64
# Weights in 7 bits: processors without VNNI add two products of 8-bit numbers in 16 bits, which 8-bit weights overflow
# (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html#when-and-why-do-i-need-to-try-u8u8).
LARGEST_WEIGHT = 63
LARGEST_INPUT = 255
# Samples of the prior whose activations set the scales.
CALIBRATION_ROWS = 8192


def quantise_model(
    folder: Path, name: str, held_out: Split, precision: Precision = "int8", seed: int = 0
) -> dict[str, float]:
    """Add the decoder of a published model to it in lower precision.

    Args:
        folder: the model repository.
        name: of the model.
        held_out: real images, for the gate.
        precision: of the added decoder.
        seed: of the latents that set the scales of integers.

    Returns:
        What `check_quantised` measured.

    Raises:
        ExportError: there is no such model, its decoder has nothing to quantise, or the gate does not pass; nothing
            has been written.
    """
    facts, graphs = published(folder, name)
    part = PARTS_OF[precision]
    if precision == "int8":
        rng = np.random.default_rng(seed)
        inputs: Arrays = {"z": rng.standard_normal((CALIBRATION_ROWS, facts.latent_size), dtype=np.float32)}
        if facts.labels:
            inputs["label"] = np.arange(CALIBRATION_ROWS) % len(facts.labels)
        graphs[part] = compact(quantised(expanded(graphs["decoder"]), inputs))
    else:
        # GPUs run the decoder of fixed sizes, where there is one.
        graphs[part] = to_float16(expanded(graphs.get("decoder-fixed", graphs["decoder"])))
    exact = Exported(facts.to_dict(), *(session(graphs[part].SerializeToString()) for part in ("encoder", "decoder")))
    lost = check_quantised(exact, session(graphs[part].SerializeToString()), held_out)
    publish(folder, facts.with_metrics(facts.metrics | {precision: lost}), graphs)
    return lost


def quantise_encoder(folder: Path, name: str, data: Dataset) -> dict[str, float]:
    """Add the encoder of a published model to it in 8-bit integers.

    Args:
        folder: the model repository.
        name: of the model.
        data: what it was trained on; images of the validation part set the scales, those of the test part are the gate.

    Returns:
        `levels`, the mean difference of a reconstructed pixel in grey levels, and `nats`, what an image costs more on
        average: -log p(x|z) at z = mu, plus the KL.

    Raises:
        ExportError: there is no such model, `data` is other, its encoder has nothing to quantise, or either figure is
            more than is allowed; nothing has been written.
    """
    facts, graphs = published(folder, name)
    if data.sha256 != facts.data["sha256"]:
        raise ExportError(f"{name} was trained on other data ({facts.data['sha256'][:12]}, not {data.sha256[:12]})")
    known = data.validation
    inputs: Arrays = {"pixels": known.images} | ({"label": known.labels} if facts.labels else {})
    graphs["encoder-int8"] = compact(quantised(expanded(graphs["encoder"]), inputs))
    lost = difference(facts, graphs, graphs | {"encoder": graphs["encoder-int8"]}, data.test)
    check_loss(lost, "the encoder in less precision")
    publish(folder, facts.with_metrics(facts.metrics | {"encoder-int8": lost}), graphs)
    return lost


def quantised(model: onnx.ModelProto, inputs: Arrays) -> onnx.ModelProto:
    """Return a graph whose large matrix products are computed in 8-bit integers.

    Args:
        model: in float32.
        inputs: what it is fed to find the largest input of each product.

    Raises:
        ExportError: it has no product that is worth it.
    """
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    large = [node for node in model.graph.node if _is_large_product(node, weights)]
    ranges = _ranges(model, [node.input[0] for node in large], inputs) if large else {}
    products = [node for node in large if node.input[0] in ranges]
    if not products:
        raise ExportError(f"the graph has no matrix product of {FEWEST} non-negative inputs and outputs or more")
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.node[:], result.graph.initializer[:]
    tensors: list[onnx.TensorProto] = []
    for node in model.graph.node:
        if node not in products:
            result.graph.node.append(node)
            continue
        new_nodes, new_tensors = _in_integers(node, weights, ranges[node.input[0]])
        result.graph.node.extend(new_nodes)
        tensors += new_tensors
    used = {name for node in result.graph.node for name in node.input}
    result.graph.initializer.extend([tensor for name, tensor in weights.items() if name in used] + tensors)
    return result


def to_float16(decoder: onnx.ModelProto) -> onnx.ModelProto:
    """Convert a decoder to float16, with the same inputs and outputs."""
    # The conversion puts its casts at the end; a graph has to be in order.
    half = OnnxModel(convert_float_to_float16(decoder, keep_io_types=True))
    half.topological_sort()
    converted: onnx.ModelProto = half.model
    return converted


def check_quantised(exact: Exported, fast: ort.InferenceSession, held_out: Split) -> dict[str, float]:
    """Check the loss of real images that are reconstructed by both decoders.

    Args:
        exact: the model in float32.
        fast: its decoder in less precision.
        held_out: the images.

    Returns:
        `levels`, the mean difference of a pixel in grey levels, and `nats`, what the reconstruction of an image costs
        more on average.

    Raises:
        ExportError: either is more than is allowed.
    """
    mu, _ = exact.encode(held_out.images, held_out.labels)
    pixels, logits = exact.decode(mu, held_out.labels)
    found = run(fast, {"z": mu} | exact.condition(held_out.labels))
    x = torch.from_numpy(held_out.images).float() / 255
    more, less = (float(reconstruction(torch.from_numpy(v), x).mean()) for v in (found["logits"], logits))
    levels = float(np.abs(found["pixels"].astype(int) - pixels).mean())
    lost = {"levels": significant(levels), "nats": significant(more - less)}
    check_loss(lost, "the decoder in less precision")
    return lost


def _is_large_product(node: onnx.NodeProto, weights: dict[str, onnx.TensorProto]) -> bool:
    if node.op_type != "Gemm" or node.input[1] not in weights or len(node.input) < 3:
        return False
    attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    plain = attributes.get("alpha", 1.0) == attributes.get("beta", 1.0) == 1.0 and not attributes.get("transA", 0)
    return plain and min(weights[node.input[1]].dims) >= FEWEST


def _ranges(model: onnx.ModelProto, names: Sequence[str], inputs: Arrays) -> dict[str, float]:
    """Return the largest value of each named tensor without negative values, which fits unsigned integers."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    watched.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in set(names))
    found = run(session(watched.SerializeToString()), inputs)
    # A tensor of zeros needs some scale, and any will do.
    return {name: float(values.max()) or 1.0 for name, values in found.items() if values.min() >= 0}


def _in_integers(
    node: onnx.NodeProto, weights: dict[str, onnx.TensorProto], largest: float
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Replace a `Gemm` by nodes over integers; returns them with the constants they need."""
    source, weight_name, bias = node.input
    out = node.output[0]
    transposed = any(item.name == "transB" and item.i for item in node.attribute)
    weight: Floats = numpy_helper.to_array(weights[weight_name])
    weight = weight.T if transposed else weight  # (inputs, outputs)
    scale = np.maximum(np.abs(weight).max(axis=0), np.float32(1e-12)) / LARGEST_WEIGHT  # (outputs,)
    integers: NDArray[np.int8] = np.rint(weight / scale).astype(np.int8)
    step = np.float32(largest / LARGEST_INPUT)
    constants = {
        f"{out}.weight": integers,
        f"{out}.scale": (scale * step).astype(np.float32),
        f"{out}.step": np.array(step, np.float32),
        f"{out}.zero": np.array(0, np.uint8),
    }
    nodes = [
        helper.make_node("QuantizeLinear", [source, f"{out}.step", f"{out}.zero"], [f"{out}.input"]),
        helper.make_node("MatMulInteger", [f"{out}.input", f"{out}.weight"], [f"{out}.sum"]),
        helper.make_node("Cast", [f"{out}.sum"], [f"{out}.float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{out}.float", f"{out}.scale"], [f"{out}.scaled"]),
        helper.make_node("Add", [f"{out}.scaled", bias], [out]),
    ]
    return nodes, [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in constants.items()]
