"""A model whose answers are known in your head.

Decoder: every pixel is 100 + 10·z[0] + label (z[0] alone for the unconditional kind).
Encoder: mu[0] = (pixel (0, 0) - 100 - label) / 10, which undoes the decoder; the other latents are 0, and so is logvar.

So grey 119 is a J (label 19) in the model's eyes: under J its mu is 0, and under any other label it is further off.

A model may be given a classifier, which counts labels from the other end, so that it can be told from the ELBO:
logits[label] = -(pixel (0, 0) - 135 + label)², and grey 119 is a G (label 16).

Or a graph of strokes: a bar from x = 4 to 24 at y = 5 + label / 2 + z[0], of radius 1, and a thick stroke that is not
there, so that each row of a picture of two pixels a unit is paper or ink from x = 8 to 48.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

LABELS = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
# Labels of a model that knows more characters; the last is a mark that is written over a letter.
MORE_LABELS = (*LABELS, "a", "b", "ß", ".", "\u0301")
LATENT_SIZE = 6

_OPSET = [helper.make_opsetid("", 17)]
_CONSTANTS: dict[str, NDArray[Any]] = {
    "zero": np.array([0], dtype=np.int64),
    "axis1": np.array([1], dtype=np.int64),
    "ten": np.array(10, dtype=np.float32),
    "hundred": np.array(100, dtype=np.float32),
    "nothing": np.array(0, dtype=np.float32),
}


def _model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: dict[str, NDArray[Any]],
) -> bytes:
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "known", inputs, outputs, tensors)
    model = helper.make_model(graph, opset_imports=_OPSET, ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


def _label_rows(conditional: bool) -> list[onnx.NodeProto]:
    """Return nodes that turn `label` into floats (batch, 1); a label without a row fails as a real model's does."""
    if not conditional:
        return []
    return [
        helper.make_node("Gather", ["rows_of_labels", "label"], ["label_float"]),
        helper.make_node("Unsqueeze", ["label_float", "axis1"], ["label_rows"]),
    ]


def _inputs(name: str, dtype: int, shape: list[str | int], conditional: bool) -> list[onnx.ValueInfoProto]:
    inputs = [helper.make_tensor_value_info(name, dtype, shape)]
    if conditional:
        inputs.append(helper.make_tensor_value_info("label", TensorProto.INT64, ["batch"]))
    return inputs


def decoder(
    conditional: bool = True, rows: int = len(LABELS), latent_size: int = LATENT_SIZE, base: float = 100
) -> bytes:
    """pixels = round(base + 10·z[0] + label), logits = pixels / 255 with ones everywhere else.

    A decoder with fewer `rows` than labels fails when it is run with one of the others.
    """
    nodes = [
        *_label_rows(conditional),
        helper.make_node("Gather", ["z", "zero"], ["first"], axis=1),
        helper.make_node("Mul", ["first", "ten"], ["scaled"]),
        helper.make_node("Add", ["scaled", "hundred"], ["shifted"]),
        helper.make_node("Add", ["shifted", "label_rows" if conditional else "nothing"], ["grey"]),
        helper.make_node("Mul", ["grey", "ones"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["image"]),
        helper.make_node("Clip", ["image", "low", "high"], ["clipped"]),
        helper.make_node("Round", ["clipped"], ["rounded"]),
        helper.make_node("Cast", ["rounded"], ["pixels"], to=TensorProto.UINT8),
        helper.make_node("Div", ["rounded", "high"], ["logits"]),
    ]
    constants = {
        **_CONSTANTS,
        "hundred": np.array(base, dtype=np.float32),
        "rows_of_labels": np.arange(rows, dtype=np.float32),
        "ones": np.ones((1, 784), dtype=np.float32),
        "shape": np.array([-1, 28, 28], dtype=np.int64),
        "low": np.array(0, dtype=np.float32),
        "high": np.array(255, dtype=np.float32),
    }
    outputs = [
        helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", 28, 28]),
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 28, 28]),
    ]
    return _model(nodes, _inputs("z", TensorProto.FLOAT, ["batch", latent_size], conditional), outputs, constants)


def encoder(conditional: bool = True, latent_size: int = LATENT_SIZE, rows: int = len(LABELS)) -> bytes:
    """mu = [(pixel (0, 0) - 100 - label) / 10, 0, …], logvar = 0."""
    nodes = [
        *_label_rows(conditional),
        helper.make_node("Cast", ["pixels"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["grey", "flat"], ["rows"]),
        helper.make_node("Gather", ["rows", "zero"], ["corner"], axis=1),
        helper.make_node("Sub", ["corner", "hundred"], ["unshifted"]),
        helper.make_node("Sub", ["unshifted", "label_rows" if conditional else "nothing"], ["unlabelled"]),
        helper.make_node("Div", ["unlabelled", "ten"], ["first"]),
        helper.make_node("Mul", ["first", "unit"], ["mu"]),
        helper.make_node("Mul", ["mu", "nothing"], ["logvar"]),
    ]
    constants = {
        **_CONSTANTS,
        "rows_of_labels": np.arange(rows, dtype=np.float32),
        "unit": np.eye(1, latent_size, dtype=np.float32),
        "flat": np.array([-1, 784], dtype=np.int64),
    }
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", latent_size]) for name in ("mu", "logvar")
    ]
    return _model(nodes, _inputs("pixels", TensorProto.UINT8, ["batch", 28, 28], conditional), outputs, constants)


def classifier(labels: int = len(LABELS)) -> bytes:
    """logits = -(pixel (0, 0) - 135 + label)²."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["grey", "flat"], ["rows"]),
        helper.make_node("Gather", ["rows", "zero"], ["corner"], axis=1),
        helper.make_node("Sub", ["corner", "levels"], ["difference"]),
        helper.make_node("Mul", ["difference", "difference"], ["squared"]),
        helper.make_node("Neg", ["squared"], ["logits"]),
    ]
    constants = {
        "zero": _CONSTANTS["zero"],
        "flat": np.array([-1, 784], dtype=np.int64),
        "levels": 135 - np.arange(labels, dtype=np.float32)[None],
    }
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", labels])]
    return _model(nodes, _inputs("pixels", TensorProto.UINT8, ["batch", 28, 28], False), outputs, constants)


def strokes(rows: int = len(LABELS), latent_size: int = LATENT_SIZE, points: int = 8, knots: int = 4) -> bytes:
    """control[:, 0] = (4 … 24, 5 + label / 2 + z[0]), radius = (1, 9), presence = (1, 0).

    With other than 4 `knots` there are more radii than strokes, or fewer.
    """
    across = np.zeros((2, points, 2), np.float32)
    across[..., 0] = np.linspace(4, 24, points)
    nodes = [
        *_label_rows(True),
        helper.make_node("Gather", ["z", "zero"], ["first"], axis=1),
        helper.make_node("Mul", ["label_rows", "half"], ["lower"]),
        helper.make_node("Add", ["lower", "five"], ["middle"]),
        helper.make_node("Add", ["middle", "first"], ["y"]),
        helper.make_node("Mul", ["y", "down"], ["flat_y"]),
        helper.make_node("Add", ["flat_y", "across"], ["flat_points"]),
        helper.make_node("Reshape", ["flat_points", "shape_of_control"], ["control"]),
        helper.make_node("Mul", ["y", "nothing"], ["blank"]),
        helper.make_node("Add", ["blank", "radii"], ["flat_radii"]),
        helper.make_node("Reshape", ["flat_radii", "shape_of_radius"], ["radius"]),
        helper.make_node("Add", ["blank", "there"], ["presence"]),
        helper.make_node("Add", ["blank", "usual"], ["proportions"]),
    ]
    constants = {
        **_CONSTANTS,
        "rows_of_labels": np.arange(rows, dtype=np.float32),
        "half": np.array(0.5, dtype=np.float32),
        "five": np.array(5, dtype=np.float32),
        "down": np.tile(np.array([[0, 1]], dtype=np.float32), (1, 2 * points)),
        "across": across.reshape(1, -1),
        "shape_of_control": np.array([-1, 2, points, 2], dtype=np.int64),
        "radii": np.array([[1, 1, 1, 1, 9, 9, 9, 9]], dtype=np.float32),
        "shape_of_radius": np.array([-1, 8 // knots, knots], dtype=np.int64),
        "there": np.array([[1, 0]], dtype=np.float32),
        "usual": np.array([[0.05, 24, 0.1, 0.2]], dtype=np.float32),
    }
    shapes = {"control": [2, points, 2], "radius": [8 // knots, knots], "presence": [2], "proportions": [4]}
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape]) for name, shape in shapes.items()
    ]
    return _model(nodes, _inputs("z", TensorProto.FLOAT, ["batch", latent_size], True), outputs, constants)


def write_model(
    repository: Path,
    name: str = "cvae",
    conditional: bool = True,
    files: Mapping[str, bytes] | None = None,
    **facts: object,
) -> None:
    """Add the known model to `repository`, manifest and all.

    Args:
        repository: The folder.
        name: The model's name.
        conditional: Whether it takes a label.
        files: Other content for `encoder` or `decoder`, or a `decoder-int8`, `classifier` or `strokes`, which the
            manifest then vouches for.
        facts: Other facts for the manifest.
    """
    manifest: dict[str, object] = {
        "schema": 1,
        "name": name,
        "version": 1,
        "kind": "cvae" if conditional else "vae",
        "summary": "Every pixel is 100 + 10·z[0] + label.",
        "labels": LABELS if conditional else (),
        "latent_size": LATENT_SIZE,
        "beta": 1.0,
        "likelihood": "bernoulli",
        "pixels": {
            "height": 28,
            "width": 28,
            "paper": 0,
            "ink": 255,
            "normalisation": "mnist-20x20-mass",
            "box": 20,
        },
        "data": {"sha256": "0" * 64, "sources": []},
        "code": {},
        "config": {},
        "metrics": {},
    }
    parts = {"encoder": encoder(conditional), "decoder": decoder(conditional)} | dict(files or {})
    for part, content in parts.items():
        file = f"{name}-{part}/1/model.onnx"
        path = repository / file
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        manifest[part] = {"entry": f"{name}-{part}", "file": file, "sha256": digest, "bytes": len(content)}
    (repository / f"{name}.json").write_text(json.dumps(manifest | facts), encoding="utf-8")


def write_more(repository: Path, *, classified: bool = False, hand_size: int = 0) -> None:
    """Add the known model `more`, of `MORE_LABELS`, which draws strokes, and has a classifier if it is to.

    Args:
        repository: The folder.
        classified: Whether it has a classifier.
        hand_size: Latents that are a hand.
    """
    count = len(MORE_LABELS)
    files = {"encoder": encoder(rows=count), "decoder": decoder(rows=count), "strokes": strokes(count)}
    files |= {"classifier": classifier(count)} if classified else {}
    write_model(repository, "more", files=files, labels=MORE_LABELS, schema=2, config={"hand_size": hand_size})
