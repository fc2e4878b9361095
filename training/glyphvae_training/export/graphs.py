"""A trained model as ONNX graphs, the encoder and the decoder, with the signature that the service relies on.

| part | inputs | outputs |
|---|---|---|
| encoder | `pixels` uint8 [batch, 28, 28], `label` int64 [batch] | `mu`, `logvar` float32 [batch, latent] |
| decoder | `z` float32 [batch, latent], `label` int64 [batch] | `pixels` uint8, `logits` float32 [batch, 28, 28] |
| decoder-fixed | likewise | likewise |
| classifier | `pixels` uint8 [batch, 28, 28] | `logits` float32 [batch, labels] |
| strokes | `z` float32 [batch, latent], `label` int64 [batch] | `control`, `radius`, `presence`, `proportions` |

`control` [batch, strokes, points, 2], `radius` [batch, strokes, knots], `presence` [batch, strokes] (0 or 1) and
`proportions` [batch, 4] are float32, and those of `glyphvae_training.models.pen.Writing`.

A pen's decoder leaves out strokes that are not drawn, so that sizes inside depend on the glyphs; in `decoder-fixed`
they depend on the batch alone, as CUDA graphs need.

An unconditional model has no `label`; a conditional one may have a classifier
(`glyphvae_training.export.classifier`). No graph draws random numbers: the noise is the caller's.
"""

import logging
from collections.abc import Sequence
from typing import Literal

import onnx
import torch
from torch import Tensor, nn

from glyphvae_training.export.fusion import Fused, FusedPen
from glyphvae_training.models.cvae import CVAE
from glyphvae_training.models.families import Model
from glyphvae_training.models.pen import DRAWN, Pen

# Optional are a second encoder and decoder, for CPUs or GPUs (`glyphvae_training.export.quantise`), and the classifier.
Part = Literal[
    "encoder", "decoder", "encoder-int8", "decoder-int8", "decoder-float16", "classifier", "decoder-fixed", "strokes"
]

PARTS: tuple[Part, Part] = ("encoder", "decoder")
PEN_PARTS: tuple[Part, Part] = ("decoder-fixed", "strokes")
ALL_PARTS: tuple[Part, ...] = (*PARTS, "encoder-int8", "decoder-int8", "decoder-float16", "classifier", *PEN_PARTS)
SIDE = 28
# Every operator here is older than opset 20 (ONNX 1.15); ONNX Runtime has run it since 1.17, and so does every Triton
# release since 24.02. A newer opset would only shut out older runtimes.
OPSET = 20
# IR 10 (ONNX 1.16, ONNX Runtime 1.18) is the oldest that holds metadata at nodes, which the exporter writes before we
# strip it; ONNX Runtime 1.24, the oldest this project supports, reads up to IR 12.
IR_VERSION = 10
# The exporter specialises a graph whose example has a batch of 1.
EXAMPLE_BATCH = 2
INPUTS = {"encoder": "pixels", "decoder": "z", "decoder-fixed": "z", "strokes": "z"}
OUTPUTS = {
    "encoder": ("mu", "logvar"),
    "decoder": ("pixels", "logits"),
    "decoder-fixed": ("pixels", "logits"),
    "strokes": ("control", "radius", "presence", "proportions"),
}


class EncoderGraph(nn.Module):
    """Encoder with 8-bit pixels as input."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor, *label: Tensor) -> tuple[Tensor, Tensor]:
        """Map `pixels` uint8 (n, 28, 28) and, if conditional, `label` int64 (n,) to `mu` and `logvar` (n, latent)."""
        mu, logvar = self.model.encode(pixels.float() / 255, *label)
        return mu, logvar


class DecoderGraph(nn.Module):
    """Decoder with 8-bit pixels as output, so that a host converts nothing."""

    def __init__(self, model: Model | Fused | FusedPen) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor, *label: Tensor) -> tuple[Tensor, Tensor]:
        """Map `z` float32 (n, latent) and, if conditional, `label` int64 (n,) to `pixels` uint8 and `logits`."""
        logits = self.model.decode(z, *label)
        pixels = (torch.sigmoid(logits) * 255).round().to(torch.uint8)
        return pixels, logits


class StrokesGraph(nn.Module):
    """The strokes of a pen."""

    def __init__(self, model: Pen | FusedPen) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor, *label: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Map `z` float32 (n, latent) and `label` int64 (n,) to the control points, radii, presences, proportions."""
        writing = self.model.write(self.model.to_latents(z, *label), *label)
        return writing.control, writing.radius, (writing.presence > DRAWN).float(), writing.metrics


def graph_of(model: Model, part: Part) -> EncoderGraph | DecoderGraph | StrokesGraph:
    """Wrap one part of the model in evaluation mode, with the inputs and outputs of its export."""
    if part == "strokes":
        assert isinstance(model, Pen)  # noqa: S101 (no other model has strokes)
        return StrokesGraph(model).eval()
    graph = EncoderGraph(model) if part == "encoder" else DecoderGraph(model)
    return graph.eval()


def parts_of(model: Model) -> tuple[Part, ...]:
    """Return the parts that every export of the model has."""
    return (*PARTS, *PEN_PARTS) if isinstance(model, Pen) else PARTS


def exported_graph_of(model: Model, part: Part) -> EncoderGraph | DecoderGraph | StrokesGraph:
    """Wrap one part of the model as `graph_of` does, in fewer operations."""
    if part == "encoder" or model.kind == "vae":
        return graph_of(model, part)
    if isinstance(model, CVAE):
        return DecoderGraph(Fused(model)).eval()
    assert isinstance(model, Pen)  # noqa: S101 (no other kind is left)
    fused = FusedPen(model, fixed=part == "decoder-fixed")
    return (StrokesGraph(fused) if part == "strokes" else DecoderGraph(fused)).eval()


def example_inputs(model: Model, part: Part) -> tuple[Tensor, ...]:
    """Return inputs of the right shape and dtype: `pixels` or `z`, and `label` if the model is conditional."""
    if part == "encoder":
        first = torch.zeros(EXAMPLE_BATCH, SIDE, SIDE, dtype=torch.uint8)
    else:
        first = torch.zeros(EXAMPLE_BATCH, model.config.latent_size)
    if model.kind == "vae":
        return (first,)
    return first, torch.zeros(EXAMPLE_BATCH, dtype=torch.int64)


def to_onnx(model: Model, part: Part) -> onnx.ModelProto:
    """Export one part of the model: dynamic batch, batch normalisation folded in, nothing about this machine.

    Args:
        model: on the CPU; it is put into evaluation mode.
        part: which one.

    Returns:
        A model whose weights are inside it; not yet checked (`glyphvae_training.export.gates`) and without metadata.
    """
    inputs = example_inputs(model, part)
    names = (INPUTS[part], "label")[: len(inputs)]
    return traced(exported_graph_of(model, part), inputs, names, OUTPUTS[part])


def traced(
    graph: nn.Module, inputs: tuple[Tensor, ...], input_names: Sequence[str], output_names: Sequence[str]
) -> onnx.ModelProto:
    """Export a module in evaluation mode to ONNX.

    Args:
        graph: on the CPU.
        inputs: examples, of `EXAMPLE_BATCH` rows each.
        input_names: of the graph.
        output_names: of the graph.
    """
    # It reports, for every graph, that it cannot export operators of torchvision, which is not used.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    program = torch.onnx.export(
        graph,
        inputs,
        dynamo=True,
        external_data=False,
        optimize=True,
        verbose=False,
        opset_version=OPSET,
        input_names=list(input_names),
        output_names=list(output_names),
        dynamic_shapes=batch_axes(len(inputs)),
    )
    assert program is not None  # noqa: S101 (there is none only where a file is named)
    return stripped(program.model_proto)


def batch_axes(inputs: int) -> tuple[object, ...]:
    """Mark the first axis of each input as dynamic, all of one size, named "batch"."""
    # Naming it once more on the second input would make the exporter warn that the name is taken.
    named, same = {0: torch.export.Dim("batch", min=1)}, {0: torch.export.Dim.AUTO}
    return (named, (same,))[:inputs]


def stripped(model: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a model without documentation strings and exporter metadata, which hold paths of this machine."""
    clean = onnx.ModelProto()
    clean.CopyFrom(model)
    graph = clean.graph
    for item in (clean, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        item.ClearField("doc_string")
        item.ClearField("metadata_props")
    clean.ir_version = IR_VERSION
    return clean
