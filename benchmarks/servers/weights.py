"""The exported decoder as a PyTorch module."""

import json
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

from glyphvae_training.export.fusion import Fused
from glyphvae_training.export.storage import expanded
from glyphvae_training.models.cvae import CVAE, CVAEConfig


def load_model(decoder: Path) -> Fused:
    """Load the decoder of a conditional model as it was exported.

    Weights that the export left out as zeros keep their first values, which are zeros too.
    """
    graph = expanded(onnx.load(decoder))
    facts = {entry.key.removeprefix("glyphvae."): json.loads(entry.value) for entry in graph.metadata_props}
    model = Fused(CVAE(CVAEConfig(**facts["config"])))
    weights = {
        entry.name.removeprefix("model."): torch.from_numpy(numpy_helper.to_array(entry).copy())
        for entry in graph.graph.initializer
        if entry.name.startswith("model.")
    }
    model.load_state_dict(weights, strict=False)
    return model.eval()
