"""Exported models, read back and run by ONNX Runtime: the shipped files are what is measured."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from glyphvae_training.errors import ExportError
from glyphvae_training.export.manifest import manifest_path

Arrays = dict[str, NDArray[Any]]
Floats = NDArray[np.float32]
# Large enough that the cost of a call vanishes, small enough that the activations stay in the cache.
BATCH = 256


def session(model: bytes) -> ort.InferenceSession:
    """Create a session on one CPU thread, whose results and timings do not depend on the number of cores."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run(model: ort.InferenceSession, inputs: Mapping[str, NDArray[Any]], batch: int = BATCH) -> Arrays:
    """Compute the outputs by name for all inputs, `batch` rows at a time; the last batch may be smaller."""
    names = [output.name for output in model.get_outputs()]
    rows = len(next(iter(inputs.values())))
    parts = [
        model.run(names, {key: values[start : start + batch] for key, values in inputs.items()})
        for start in range(0, rows, batch)
    ]
    return {name: np.concatenate(arrays) for name, arrays in zip(names, zip(*parts, strict=True), strict=True)}


def posterior_sample(mu: Floats, logvar: Floats, rng: np.random.Generator) -> Floats:
    """Draw z = mu + sigma·eps with eps ~ N(0, I); every array float32 (n, latent)."""
    eps = rng.standard_normal(mu.shape, dtype=np.float32)
    return np.asarray(mu + np.exp(logvar / 2) * eps, np.float32)


@dataclass(frozen=True)
class Exported:
    """An exported model.

    Attributes:
        manifest: the JSON object of its manifest.
        encoder: q(z|x), or q(z|x, label).
        decoder: p(x|z), or p(x|z, label).
        strokes: of a model that draws them.
    """

    manifest: dict[str, Any]
    encoder: ort.InferenceSession
    decoder: ort.InferenceSession
    strokes: ort.InferenceSession | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The characters of the labels; empty for an unconditional model."""
        return tuple(self.manifest["labels"])

    @property
    def latent_size(self) -> int:
        """The number of latents."""
        return int(self.manifest["latent_size"])

    def encode(self, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return `mu` and `logvar`, float32 (n, latent), of images uint8 (n, 28, 28); only a cVAE uses the labels."""
        outputs = run(self.encoder, {"pixels": pixels} | self.condition(labels))
        return outputs["mu"], outputs["logvar"]

    def decode(self, z: Floats, labels: NDArray[np.int64]) -> tuple[NDArray[np.uint8], Floats]:
        """Return `pixels` uint8 and `logits` float32, both (n, 28, 28), of latents float32 (n, latent)."""
        outputs = run(self.decoder, {"z": z} | self.condition(labels))
        return outputs["pixels"], outputs["logits"]

    @property
    def hand_size(self) -> int:
        """The number of latents that all glyphs of a writer share, the first ones: all of a model without a form."""
        return int(self.manifest["config"].get("hand_size", self.latent_size))

    def condition(self, labels: NDArray[np.int64]) -> Arrays:
        """Return the input `label` of a conditional model."""
        return {"label": labels} if self.labels else {}


def read_exported(folder: Path, name: str) -> Exported:
    """Read the exported model `name` in the model repository `folder`.

    Raises:
        ExportError: there is no such model; the message names those there are.
    """
    path = manifest_path(folder, name)
    if not path.is_file():
        others = ", ".join(sorted(other.stem for other in folder.glob("*.json"))) or "none"
        raise ExportError(f"{path} does not exist; models in {folder}: {others}")
    manifest = json.loads(path.read_text(encoding="utf-8"))
    parts = ("encoder", "decoder", *(("strokes",) if "strokes" in manifest else ()))
    graphs = [(folder / manifest[part]["file"]).read_bytes() for part in parts]
    return Exported(manifest, *(session(graph) for graph in graphs))
