"""Gates that an exported graph has to pass before it is published. Each raises `ExportError` with its finding.

That it also computes what the trained model computes is the gate in `glyphvae_training.export.parity`.
"""

import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import onnx
from onnx import TensorProto

from glyphvae_training.errors import ExportError
from glyphvae_training.export.graphs import IR_VERSION, OPSET, SIDE, Part

Shape = tuple[str | int, ...]
# Element type and shape by name.
Signature = dict[str, tuple[int, Shape]]

# https://onnx.ai/onnx/operators: the operators whose result is drawn anew at each run.
RANDOM_OPERATORS = {
    "Bernoulli",
    "Dropout",
    "Multinomial",
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
}
# What a leaked path looks like, whoever's machine it is from. Weights are left out of this search: four random bytes
# make up such a pattern often enough.
LOCAL_PATH = re.compile(rb"[\w.-]+\.py\b|(?<![\w.])/(?:home|Users|usr|opt|var|tmp|mnt|root|private)/|\b[A-Za-z]:\\\w")

# What less precision may cost: more would be seen in a picture, or change which label an image is read as.
# A unit of the cell is 18 pixels of a glyph that is drawn at 512.
MOST_LOST = {"levels": 1.0, "nats": 0.5, "units": 0.05}


def check_loss(lost: Mapping[str, float], what: str) -> None:
    """Check the cost of a lower precision.

    Args:
        lost: `levels`, the mean difference of a pixel, `nats`, that of an image, and of strokes `units`.
        what: loses it, for the error.

    Raises:
        ExportError: one is more than is allowed.
    """
    for name, value in lost.items():
        if not value <= MOST_LOST[name]:  # so that NaN fails too
            raise ExportError(f"{what} loses {value:.3g} {name}; allowed are {MOST_LOST[name]:g}")


def check_graph(model: onnx.ModelProto, part: Part, latent_size: int, labels: int) -> None:
    """Check everything that can be checked without running the graph.

    Args:
        model: the exported graph, with its metadata.
        part: which one it is.
        latent_size: of the model.
        labels: of the model; 0 for an unconditional one.

    Raises:
        ExportError: the first gate that does not pass.
    """
    check_valid(model)
    check_versions(model)
    check_domains(model)
    check_deterministic(model)
    check_self_contained(model)
    check_signature(model, part, latent_size, labels)
    check_no_paths(model)


def check_valid(model: onnx.ModelProto) -> None:
    """Run `onnx.checker` in full, shape inference included."""
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"onnx.checker refuses the graph: {error}") from error


def check_versions(model: onnx.ModelProto) -> None:
    """Check the pinned IR version and opset."""
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    if model.ir_version != IR_VERSION or opsets.get("") != OPSET:
        raise ExportError(
            f"the graph has IR {model.ir_version} and opset {opsets.get('')} instead of IR {IR_VERSION} and {OPSET}"
        )


def check_domains(model: onnx.ModelProto) -> None:
    """Check that all operators are standard ones and none is defined inside the file."""
    domains = {entry.domain for entry in model.opset_import} | {node.domain for node in all_nodes(model.graph)}
    if foreign := sorted(domains - {"", "ai.onnx"}):
        raise ExportError(f"the graph uses operators of {', '.join(foreign)}, which not every runtime has")
    if model.functions:
        raise ExportError(f"the graph defines functions: {', '.join(f.name for f in model.functions)}")


def check_deterministic(model: onnx.ModelProto) -> None:
    """Check that no operator draws random numbers, which would ignore the caller's seed."""
    if found := sorted({node.op_type for node in all_nodes(model.graph)} & RANDOM_OPERATORS):
        raise ExportError(f"the graph draws random numbers: {', '.join(found)}")


def check_self_contained(model: onnx.ModelProto) -> None:
    """Check that every weight is inside the file."""
    external = [t.name for t in model.graph.initializer if t.data_location == TensorProto.EXTERNAL]
    if external:
        raise ExportError(f"weights lie in other files: {', '.join(external)}")


def check_signature(model: onnx.ModelProto, part: Part, latent_size: int, labels: int) -> None:
    """Check names, element types and shapes of inputs and outputs against `glyphvae_training.export.graphs`."""
    image: Shape = ("batch", SIDE, SIDE)
    latent: Shape = ("batch", latent_size)
    inputs: Signature
    outputs: Signature
    if part.startswith("encoder"):
        inputs = {"pixels": (TensorProto.UINT8, image)}
        outputs = {"mu": (TensorProto.FLOAT, latent), "logvar": (TensorProto.FLOAT, latent)}
    elif part == "strokes":
        inputs = {"z": (TensorProto.FLOAT, latent)}
        outputs = stroke_outputs(signature(model.graph.output))
    elif part == "classifier":
        inputs = {"pixels": (TensorProto.UINT8, image)}
        outputs = {"logits": (TensorProto.FLOAT, ("batch", labels))}
    else:
        inputs = {"z": (TensorProto.FLOAT, latent)}
        outputs = {"pixels": (TensorProto.UINT8, image), "logits": (TensorProto.FLOAT, image)}
    if labels and part != "classifier":
        inputs |= {"label": (TensorProto.INT64, ("batch",))}
    expected = (inputs, outputs)
    found = (signature(model.graph.input), signature(model.graph.output))
    if [list(values.items()) for values in found] != [list(values.items()) for values in expected]:
        raise ExportError(f"the {part} has inputs and outputs {found} instead of {expected}")


def stroke_outputs(found: Signature) -> Signature:
    """Return the outputs that a graph of strokes should have, with as many strokes, points and knots as it has."""
    _, control = found.get("control", (0, ()))
    _, radius = found.get("radius", (0, ()))
    strokes, points, knots = map(fixed, ((*control[1:], 0, 0)[0], (*control[2:], 0)[0], (0, *radius)[-1]))
    shapes: dict[str, Shape] = {
        "control": ("batch", strokes, points, 2),
        "radius": ("batch", strokes, knots),
        "presence": ("batch", strokes),
        "proportions": ("batch", 4),
    }
    return {name: (TensorProto.FLOAT, shape) for name, shape in shapes.items()}


def fixed(axis: str | int) -> int:
    """Return the size of an axis, 1 for one that has none."""
    return axis if isinstance(axis, int) and axis > 0 else 1


def signature(values: Iterable[onnx.ValueInfoProto]) -> Signature:
    """Return element type and shape by name, in order."""
    return {
        value.name: (
            value.type.tensor_type.elem_type,
            tuple(axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim),
        )
        for value in values
    }


def check_no_paths(model: onnx.ModelProto) -> None:
    """Check that no string of the file holds a path of the exporting machine."""
    known = {Path.cwd(), Path.home(), Path(sys.prefix), Path(tempfile.gettempdir()), Path(__file__).parents[3]}
    content = without_weights(model).SerializeToString()
    found = [str(path).encode() for path in known if len(path.parts) > 1 and str(path).encode() in content]
    found += LOCAL_PATH.findall(content)
    if found:
        raise ExportError(f"the graph holds local paths: {b', '.join(sorted(set(found))).decode()}")


def without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a graph without the data of its initializers."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for tensor in copy.graph.initializer:
        tensor.ClearField("raw_data")
    return copy


def all_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of a graph and of every graph inside it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from all_nodes(inner)
