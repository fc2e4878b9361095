"""The exported decoder as a PyTorch module."""

import json
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

from glyphvae_training.export.fusion import Fused, FusedPen
from glyphvae_training.export.storage import expanded
from glyphvae_training.models.cvae import CVAE, CVAEConfig
from glyphvae_training.models.pen import Pen, PenConfig


def load_model(decoder: Path) -> Fused | FusedPen:
    """Load the decoder to pixels of a conditional model as it was exported.

    Weights that the export left out as zeros keep their first values, which are zeros too.
    """
    graph = expanded(onnx.load(decoder))
    facts = {entry.key.removeprefix("glyphvae."): json.loads(entry.value) for entry in graph.metadata_props}
    config = facts["config"]
    model = FusedPen(Pen(PenConfig(**config))) if "hand_size" in config else Fused(CVAE(CVAEConfig(**config)))
    weights = {
        entry.name.removeprefix("model."): torch.from_numpy(numpy_helper.to_array(entry).copy())
        for entry in graph.graph.initializer
        if entry.name.startswith("model.")
    }
    model.load_state_dict(weights, strict=False)
    return model.eval()
