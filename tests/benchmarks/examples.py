"""An untrained model, exported as a trained one would be."""

import os
import shutil
from pathlib import Path

import pytest
import torch

from benchmarks.server import DEFAULT_MODEL
from glyphvae_training.export.graphs import PARTS, to_onnx
from glyphvae_training.export.manifest import Facts, code_facts
from glyphvae_training.export.repository import publish
from glyphvae_training.models.cvae import CVAE, CVAEConfig
from glyphvae_training.models.pen import Pen, PenConfig

needs_two_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two processor cores")
needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")

MODEL = CVAEConfig(latent_size=6, label_count=36, encoder="dense", decoder="dense")
LABELS = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def export_untrained(folder: Path, config: CVAEConfig | PenConfig = MODEL) -> None:
    """Add a model, named as the default one, to a repository."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = (Pen(config) if isinstance(config, PenConfig) else CVAE(config)).eval()
    facts = Facts(
        name=DEFAULT_MODEL,
        version=1,
        kind="cvae",
        summary="An untrained model.",
        labels=LABELS,
        latent_size=config.latent_size,
        beta=1.0,
        data={"name": "none", "sha256": "0" * 64, "sources": []},
        code=code_facts(),
        config=config.to_dict(),
        metrics={},
    )
    publish(folder, facts, {part: to_onnx(model, part) for part in PARTS})
