"""The manifest of an exported model: every fact about it, and the hashes that bind its files into one model.

The same facts, without the hashes of the files themselves, stand in the metadata of each ONNX file, one JSON value per
key, so that a file that is copied elsewhere still says what it is.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import onnx
from onnx import numpy_helper

from glyphvae_training.data.pixels import BOX, NORMALISATION
from glyphvae_training.export.graphs import ALL_PARTS, SIDE, Part

# Of the manifest; the second has strokes.
SCHEMA, STROKES_SCHEMA = 1, 2
PREFIX = "glyphvae."
PIXELS = {"height": SIDE, "width": SIDE, "paper": 0, "ink": 255, "normalisation": NORMALISATION, "box": BOX}


@dataclass(frozen=True)
class Facts:
    """Everything known about a model apart from its files.

    Attributes:
        name: of the model and of its entries in the model repository.
        version: of this export, from 1.
        kind: "cvae" or "vae".
        summary: one sentence.
        labels: the character of each label; empty for an unconditional model.
        latent_size: the number of latents.
        beta: weight of the KL term in training.
        data: `sha256` and `sources` of the training set.
        code: `version` of the package and `sha256` of its training modules.
        config: the fields of the model's frozen config.
        metrics: what the evaluation measured; empty before it.
        likelihood: p(x|z), by name.
        series: fingerprint of everything that the training was given but beta; None if it is not known.
        schema: of the manifest.
        replaces: names of models that have gone and whose place it takes.
        training: every setting of the training, its seed, and its last losses where they are known; None if unknown.
        weights: of a model with a hand, `weights_sha256` of its strokes when it was exported. Hands that people keep
            name it, so a change of another graph, or of metrics, must not change it.
    """

    name: str
    version: int
    kind: str
    summary: str
    labels: tuple[str, ...]
    latent_size: int
    beta: float
    data: dict[str, Any]
    code: dict[str, Any]
    config: dict[str, Any]
    metrics: dict[str, Any]
    likelihood: str = "bernoulli"
    series: str | None = None
    schema: int = SCHEMA
    replaces: tuple[str, ...] = ()
    training: dict[str, Any] | None = None
    weights: str | None = None

    def with_metrics(self, metrics: dict[str, Any]) -> "Facts":
        """Return the same facts with other metrics."""
        return replace(self, metrics=metrics)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object without the files, in the manifest's order."""
        return {
            "schema": self.schema,
            "name": self.name,
            "version": self.version,
            "kind": self.kind,
            **({"replaces": list(self.replaces)} if self.replaces else {}),
            "summary": self.summary,
            "labels": list(self.labels),
            "latent_size": self.latent_size,
            "beta": self.beta,
            **({} if self.series is None else {"series": self.series}),
            "likelihood": self.likelihood,
            "pixels": PIXELS,
            "data": self.data,
            "code": self.code,
            "config": self.config,
            **({} if self.training is None else {"training": self.training}),
            **({} if self.weights is None else {"weights": self.weights}),
            "metrics": self.metrics,
        }


def facts_of(manifest: dict[str, Any]) -> Facts:
    """Read the facts from the JSON object of a manifest."""
    left_out = {"pixels", *ALL_PARTS}
    fields = {key: value for key, value in manifest.items() if key not in left_out}
    lists = {key: tuple(manifest.get(key, ())) for key in ("labels", "replaces")}
    return Facts(**fields | lists)


def weights_sha256(graph: onnx.ModelProto) -> str:
    """Hash the trained weights of a graph, each by name, type, shape and values."""
    digest = hashlib.sha256()
    for tensor in sorted(graph.graph.initializer, key=lambda tensor: tensor.name):
        if tensor.name.startswith("model."):  # as every buffer and parameter of a module is named
            values = numpy_helper.to_array(tensor)
            digest.update(f"{tensor.name} {values.dtype} {values.shape}\n".encode() + values.tobytes())
    return digest.hexdigest()


def entry_name(name: str, part: Part) -> str:
    """Return the name of one graph in the model repository."""
    return f"{name}-{part}"


def model_path(name: str, version: int, part: Part) -> Path:
    """Return the path of an ONNX file, relative to the model repository."""
    return Path(entry_name(name, part), str(version), "model.onnx")


def manifest_path(folder: Path, name: str) -> Path:
    """Return the path of the manifest."""
    return folder / f"{name}.json"


def with_metadata(model: onnx.ModelProto, facts: Facts, part: Part) -> onnx.ModelProto:
    """Copy a model with the facts as its metadata, replacing any other metadata."""
    stamped = onnx.ModelProto()
    stamped.CopyFrom(model)
    del stamped.metadata_props[:]
    values = facts.to_dict() | {"part": part}
    onnx.helper.set_model_props(stamped, {PREFIX + key: to_json(value) for key, value in values.items()})
    return stamped


def to_json(value: object) -> str:
    """Serialise to compact JSON, the same text for the same value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def file_entry(facts: Facts, part: Part, content: bytes) -> dict[str, Any]:
    """Return the manifest's entry for one ONNX file."""
    return {
        "entry": entry_name(facts.name, part),
        "file": model_path(facts.name, facts.version, part).as_posix(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }


def manifest_text(facts: Facts, entries: dict[str, Any]) -> str:
    """Format the manifest as indented JSON that ends with a newline.

    Args:
        facts: about the model.
        entries: what `file_entry` returns of each part.
    """
    return json.dumps(facts.to_dict() | entries, ensure_ascii=False, indent=2) + "\n"


def code_facts(distribution: str = "glyphvae") -> dict[str, str]:
    """Return the package's version and the hash of its training modules."""
    try:
        version = installed_version(distribution)
    except PackageNotFoundError:  # run from a source tree that was never installed
        version = "0+unknown"
    return {"version": version, "sha256": code_sha256()}


def code_sha256(folder: Path = Path(__file__).parents[1]) -> str:
    """Hash the training modules, each by relative path and content."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        # Read as text, since line endings depend on how the repository was checked out.
        source = path.read_text(encoding="utf-8").encode()
        digest.update(f"{path.relative_to(folder).as_posix()} {len(source)}\n".encode() + source)
    return digest.hexdigest()
