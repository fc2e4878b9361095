"""Small models and characters that need no training, for the tests of export and evaluation."""

import functools
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import nn

from glyphvae_training.data.cache import cache_folder
from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.data.lettering import Lettering
from glyphvae_training.export.exported import Exported, session
from glyphvae_training.export.graphs import PARTS, PEN_PARTS, Part, to_onnx
from glyphvae_training.export.manifest import Facts
from glyphvae_training.files import replacing
from glyphvae_training.fitting import pen_offset, pen_pictures, pen_settle
from glyphvae_training.fitting.runs import Run
from glyphvae_training.models.families import Model, ModelKind, build_model
from glyphvae_training.models.pen import Pen, PenConfig

LABELS = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
# A pen of as many latents and labels, with flows.
PEN = {
    "hand_size": 3,
    "form_size": 3,
    "label_count": 36,
    "strokes": 2,
    "control_points": 5,
    "segments": 6,
    "width": 16,
    "couplings": 2,
}
# A pen that is trained within a test.
SMALL_PEN = PenConfig(hand_size=3, form_size=4, label_count=5, strokes=2, control_points=5, segments=6, width=16)
# What an export says of `untrained`.
FACTS = Facts(
    name="cvae",
    version=1,
    kind="cvae",
    summary="A model.",
    labels=LABELS,
    latent_size=6,
    beta=1.0,
    data={"sha256": "a" * 64, "sources": ["MNIST"]},
    code={"version": "0.1.0", "sha256": "b" * 64},
    config={"latent_size": 6},
    metrics={},
)


def untrained(kind: ModelKind = "cvae", encoder: str = "paper", decoder: str = "dense", seed: int = 0) -> Model:
    """A model with drawn weights, its batch normalisation at statistics that matter."""
    config = PEN if kind == "pen" else {"latent_size": 6, "encoder": encoder, "decoder": decoder}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build_model(kind, config)
        draw_statistics(model)
        for weights in flow_weights(model):
            nn.init.normal_(weights, std=0.2)
    return model.eval()


def flow_weights(model: Model) -> list[nn.Parameter]:
    """The weights of a pen's flows, which begin as zeros."""
    flows = [model.hand_flow, model.form_flow] if isinstance(model, Pen) else []
    return [weights for flow in flows if flow is not None for weights in flow.parameters()]


def draw_statistics(model: nn.Module) -> None:
    """Gives every batch normalisation statistics that matter."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2)


@functools.cache
def exported_once(kind: ModelKind, part: Part, encoder: str, decoder: str) -> onnx.ModelProto:
    """One graph of `untrained`, exported once for all workers, since it takes seconds; not to be changed."""
    path = cache_folder() / f"{kind}-{part}-{encoder}-{decoder}.onnx"
    if not path.exists():
        with replacing(path) as temporary:
            onnx.save(to_onnx(untrained(kind, encoder, decoder), part), temporary)
    return onnx.load(path)


def graph(part: Part, kind: ModelKind = "cvae", encoder: str = "paper", decoder: str = "dense") -> onnx.ModelProto:
    """A copy of one exported graph, to be changed."""
    copy = onnx.ModelProto()
    copy.CopyFrom(exported_once(kind, part, encoder, decoder))
    return copy


def exported(kind: ModelKind = "cvae") -> dict[Part, onnx.ModelProto]:
    """Copies of all graphs."""
    return {part: graph(part, kind) for part in (*PARTS, *(PEN_PARTS if kind == "pen" else ()))}


@functools.cache
def exported_model(kind: ModelKind = "cvae") -> Exported:
    """`untrained`, exported and read back."""
    parts = {part: session(model.SerializeToString()) for part, model in exported(kind).items()}
    sessions = [parts[part] for part in ("encoder", "decoder", "strokes") if part in parts]
    config = PEN if kind == "pen" else {}
    return Exported({"name": kind, "labels": LABELS, "latent_size": 6, "config": config}, *sessions)


def painter(kind: ModelKind, image: NDArray[np.uint8]) -> Exported:
    """The exported model, with a decoder that gives one image (28, 28) whatever it is asked for."""
    model = exported_model(kind)
    float32, uint8, int64 = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8, onnx.TensorProto.INT64
    z, label = (
        helper.make_tensor_value_info("z", float32, ["n", 6]),
        helper.make_tensor_value_info("label", int64, ["n"]),
    )
    rows = numpy_helper.from_array(image[None], "image")
    logits = numpy_helper.from_array((image[None] / 16 - 8).astype(np.float32), "grey")
    shape = numpy_helper.from_array(np.array([28, 28]), "side")
    nodes = [
        helper.make_node("Shape", ["label"], ["count"]),
        helper.make_node("Concat", ["count", "side"], ["shape"], axis=0),
        helper.make_node("Expand", ["image", "shape"], ["pixels"]),
        helper.make_node("Expand", ["grey", "shape"], ["logits"]),
    ]
    outputs = [
        helper.make_tensor_value_info("pixels", uint8, ["n", 28, 28]),
        helper.make_tensor_value_info("logits", float32, ["n", 28, 28]),
    ]
    graph = helper.make_graph(nodes, "painter", [z, label], outputs, [rows, logits, shape])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return replace(model, decoder=session(made.SerializeToString()))


def characters(per_label: int, seed: int = 0) -> Split:
    """Blobs whose place tells the label: what any classifier learns at once. Sorted by label."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(LABELS)), per_label)
    rows, columns = np.mgrid[:28, :28]
    y, x = (
        4 + 4 * (labels // 6) + rng.normal(0, 0.2, labels.size),
        4 + 4 * (labels % 6) + rng.normal(0, 0.2, labels.size),
    )
    distance = (rows - y[:, None, None]) ** 2 + (columns - x[:, None, None]) ** 2  # (n, 28, 28)
    return Split((255 * np.exp(-distance / 4)).astype(np.uint8), labels)


def data_set(per_label: int = 2) -> Dataset:
    """`characters` in all three parts."""
    parts = [characters(per_label, seed) for seed in range(3)]
    return Dataset("alphanumeric", LABELS, parts[0], parts[1], parts[2], "a" * 64, ("blobs",))


def finished_run(kind: ModelKind = "cvae") -> Run:
    """A run on `data_set`."""
    return Run(
        model=untrained(kind),
        labels=LABELS,
        beta=1.0,
        seed=0,
        epochs=1,
        data_sha256="a" * 64,
        sources=("blobs",),
        training={},
    )


def random_characters(count: int, labels: int) -> Split:
    """Single characters with labels, as noise."""
    generator = np.random.default_rng(0)
    return Split(generator.integers(0, 256, (count, 28, 28), np.uint8), generator.integers(0, labels, count))


def random_lettering(writers: int, labels: int) -> Lettering:
    """Writers who each wrote every label, as noise."""
    numbers = np.repeat(np.arange(writers), labels)
    count = len(numbers)
    return Lettering(
        images=np.random.default_rng(1).integers(0, 256, (count, 56, 56), np.uint8),
        labels=np.tile(np.arange(labels), writers),
        writers=numbers,
        fonts=numbers,
        metrics=np.zeros((count, 4), np.float32),
        names=tuple("abcdefgh"[:writers]),
    )


def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the last stages of a pen draw few samples, where what they find is not looked at."""
    monkeypatch.setattr(pen_offset, "HANDS", 20)
    monkeypatch.setattr(pen_settle, "SAMPLES", 20)
    monkeypatch.setattr(pen_pictures, "SAMPLES", 20)
    monkeypatch.setattr(pen_pictures, "ROUNDS", 2)
