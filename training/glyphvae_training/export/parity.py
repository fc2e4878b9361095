"""The gate that compares the exported graphs with the trained model, number by number, on real images."""

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from scipy.special import expit

from glyphvae_training.data.dataset import Split
from glyphvae_training.errors import ExportError
from glyphvae_training.export.exported import Arrays, posterior_sample, run, session
from glyphvae_training.export.graphs import INPUTS, Part, graph_of
from glyphvae_training.models.families import Model
from glyphvae_training.models.pen import Pen
from glyphvae_training.models.vae import VAE

BATCHES = (1, 2, 7, 64)
IMAGES = 1000
# float32 sums of some hundred terms in another order differ by about 1e-6, where the values are of order 1: so are the
# mean, the log variance and the grey value sigmoid(logit).
TOLERANCE = 1e-5
# Logits reach 30 and more: the same relative error is larger in absolute terms.
LOGIT_TOLERANCE = 1e-4
# Of control points and radii: a unit of the cell is a pixel at 28×28.
UNIT_TOLERANCE = 1e-3
# Of log odds and grey values painted from strokes: they are what control points are, over the softness of an edge.
PAINTED = 5e-3
# A grey value that lies on the edge between two levels may round either way.
PIXEL_LEVELS = 1
# Through a flow, logvar has the slopes of ReLUs in it, and jumps where one of them is at its kink: with some hundred of
# them, a rounding takes one across in about one image of a thousand. This share of the images may do so, and as large
# a share of the strokes may be drawn or not by a rounding.
JUMPS = 0.002


def check_parity(
    model: Model, graphs: dict[Part, onnx.ModelProto], split: Split, rng: np.random.Generator
) -> dict[str, float]:
    """Check that ONNX Runtime and PyTorch agree at several batch sizes.

    Args:
        model: the trained model, on the CPU.
        graphs: the exported encoder and decoder, and the strokes of a pen.
        split: real images; `IMAGES` of them are drawn, or all where there are fewer.
        rng: chooses the images and the noise of their latents.

    Returns:
        The largest difference found, by output: `mu`, `logvar`, `mean` (grey value 0-1), `logits` (relative where they
        exceed 1) and `pixels` (levels); of strokes `control` and `radius` (units), `proportions` (as `logits`), and as
        `presence` the share of strokes that only one of the two draws.

    Raises:
        ExportError: an output differs by more than its tolerance; the message gives output, batch and difference.
    """
    chosen = np.sort(rng.choice(len(split), min(IMAGES, len(split)), replace=False))
    label: Arrays = {"label": split.labels[chosen]} if len(graphs["encoder"].graph.input) > 1 else {}
    worst: dict[str, float] = {}
    inputs: Arrays = {INPUTS["encoder"]: split.images[chosen]} | label
    posterior = compare(model, graphs["encoder"], "encoder", inputs, worst)
    z = posterior_sample(posterior["mu"], posterior["logvar"], rng)
    for part, graph in graphs.items():
        if part != "encoder":
            compare(model, graph, part, {INPUTS[part]: z} | label, worst)
    return worst


def compare(model: Model, graph: onnx.ModelProto, part: Part, inputs: Arrays, worst: dict[str, float]) -> Arrays:
    """Compare one graph with its module at every batch size; returns the module's own outputs.

    The largest difference of each output goes into `worst`, unless it is there already.
    """
    expected = torch_outputs(model, graph, part, inputs)
    onnx_session = session(graph.SerializeToString())
    for batch in BATCHES:
        try:
            found = run(onnx_session, inputs, batch)
        except Exception as error:  # ONNX Runtime raises a family of untyped exceptions
            raise ExportError(f"the {part} does not run at batch {batch}: {error}") from error
        jumps = JUMPS if has_flow(model) else 0
        differences = output_differences(expected, found, jumps, painted=isinstance(model, Pen))
        for name, (difference, tolerance) in differences.items():
            if not difference <= tolerance:  # so that a difference of NaN fails too
                raise ExportError(
                    f"{name} of the {part} differs by {difference:.2g} between ONNX Runtime {ort.__version__} and "
                    f"PyTorch {torch.__version__} at batch {batch}; allowed is {tolerance:g}"
                )
            worst[name] = max(worst.get(name, 0.0), difference)
    return expected


def has_flow(model: Model) -> bool:
    """Return whether the encoder ends in the inverse of a flow."""
    if isinstance(model, Pen):
        return model.form_flow is not None
    return isinstance(model, VAE) and model.flow is not None


def torch_outputs(model: Model, graph: onnx.ModelProto, part: Part, inputs: Arrays) -> Arrays:
    """Compute PyTorch's outputs for all inputs at once, by the names of the graph's outputs."""
    with torch.inference_mode():
        outputs = graph_of(model, part)(*(torch.from_numpy(values) for values in inputs.values()))
    return {value.name: output.numpy() for value, output in zip(graph.graph.output, outputs, strict=True)}


def output_differences(
    expected: Arrays, found: Arrays, jumps: float = 0, *, painted: bool = False
) -> dict[str, tuple[float, float]]:
    """Return the largest difference of each output with its tolerance.

    Args:
        expected: PyTorch's outputs.
        found: ONNX Runtime's.
        jumps: the share of the images whose logvar is left out, those that differ most.
        painted: whether pixels are painted from strokes, one of which may be drawn or not by a rounding, too.
    """
    differences = {}
    for name, values in expected.items():
        if name == "pixels":
            error = ordinary(np.abs(values.astype(int) - found[name].astype(int)), painted and jumps)
            differences[name] = (largest(error), float(PIXEL_LEVELS))
        elif name == "logits":
            error = np.abs(values - found[name]) / np.maximum(np.abs(values), 1)
            differences[name] = (largest(ordinary(error, painted and jumps)), PAINTED if painted else LOGIT_TOLERANCE)
            error = ordinary(np.abs(expit(values) - expit(found[name])), painted and jumps)
            differences["mean"] = (largest(error), PAINTED if painted else TOLERANCE)
        elif name == "logvar":
            differences[name] = (largest(ordinary(np.abs(values - found[name]), jumps)), TOLERANCE)
        elif name in {"control", "radius"}:
            differences[name] = (largest(values - found[name]), UNIT_TOLERANCE)
        elif name == "presence":
            differences[name] = (float((values != found[name]).mean()), JUMPS)
        elif name == "proportions":
            differences[name] = (largest((values - found[name]) / np.maximum(np.abs(values), 1)), TOLERANCE)
        else:
            differences[name] = (largest(values - found[name]), TOLERANCE)
    return differences


def ordinary(error: NDArray[np.number], jumps: float) -> NDArray[np.number]:
    """Return the largest error of each image (n, ...), but for a share of the images, those that differ most."""
    rows = np.sort(error.reshape(len(error), -1).max(axis=1))  # (n,), NaN last
    return rows if np.isnan(rows[-1]) else rows[: len(rows) - int(jumps * len(rows))]


def largest(values: NDArray[np.number]) -> float:
    """Return the largest absolute value; NaN if there is one."""
    return float(np.abs(values).max())
