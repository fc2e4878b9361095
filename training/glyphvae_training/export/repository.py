"""Publication of exported models in a Triton model repository, which is also what the service reads.

| file | what it is |
|---|---|
| `<name>.json` | the manifest |
| `<name>-encoder/config.pbtxt` | Triton's configuration |
| `<name>-encoder/<version>/model.onnx` | the graph; and the same for the decoder |
| `<name>-encoder-int8/…` and so on | what `glyphvae_training.export.quantise` made for CPUs and for GPUs, if anything |
| `<name>-classifier/…` | the classifier of labels, if there is one |
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import onnx

from glyphvae_training.errors import ExportError
from glyphvae_training.export.gates import check_graph
from glyphvae_training.export.graphs import ALL_PARTS, Part
from glyphvae_training.export.manifest import (
    Facts,
    entry_name,
    facts_of,
    file_entry,
    manifest_path,
    manifest_text,
    model_path,
    with_metadata,
)
from glyphvae_training.export.triton import config_pbtxt


def publish(folder: Path, facts: Facts, graphs: dict[Part, onnx.ModelProto]) -> Path:
    """Write one model: its graphs with the facts in their metadata, their configurations, and the manifest.

    Args:
        folder: the model repository; made if it is not there. Other models and versions in it stay.
        facts: about the model.
        graphs: encoder and decoder, and the others if there are any.

    Returns:
        The manifest's path.

    Raises:
        ExportError: a graph fails a gate of `glyphvae_training.export.gates`; nothing has been written.
    """
    entries: dict[str, Any] = {}
    files: dict[Path, bytes] = {}
    for part, graph in graphs.items():
        entries[part], written = files_of(facts, part, graph)
        files |= written
    return write_published(folder, facts, entries, files)


def publish_part(folder: Path, facts: Facts, part: Part, graph: onnx.ModelProto) -> Path:
    """Write one graph of a model that is published, and the facts in its manifest.

    The files of the other graphs stay as they are; arguments, result and errors as for `publish`.
    """
    manifest = read_manifest(folder, facts.name)
    entry, files = files_of(facts, part, graph)
    entries = {other: manifest[other] for other in manifest if other in ALL_PARTS}
    return write_published(folder, facts, entries | {part: entry}, files)


def files_of(facts: Facts, part: Part, graph: onnx.ModelProto) -> tuple[dict[str, Any], dict[Path, bytes]]:
    """Return the manifest's entry for a graph, and its files; raises as `publish`."""
    stamped = with_metadata(graph, facts, part)
    check_graph(stamped, part, facts.latent_size, len(facts.labels))
    content = stamped.SerializeToString(deterministic=True)
    entry = entry_name(facts.name, part)
    return file_entry(facts, part, content), {
        model_path(facts.name, facts.version, part): content,
        Path(entry, "config.pbtxt"): config_pbtxt(entry, stamped).encode(),
    }


def write_published(folder: Path, facts: Facts, entries: dict[str, Any], files: dict[Path, bytes]) -> Path:
    """Write the files of graphs and the manifest, which names all of them; returns the manifest's path."""
    # The manifest comes last: until it is there, nothing says that the model is.
    manifest = manifest_path(Path(), facts.name)
    write_all(folder, files | {manifest: manifest_text(facts, entries).encode()})
    return folder / manifest


def write_all(folder: Path, files: dict[Path, bytes]) -> None:
    """Write every file to a staging folder first, then move them into place: a full disk changes nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as staging:
        for path, content in files.items():
            staged = Path(staging, path)
            staged.parent.mkdir(parents=True, exist_ok=True)
            staged.write_bytes(content)
        for path in files:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            Path(staging, path).replace(target)


def published(folder: Path, name: str) -> tuple[Facts, dict[Part, onnx.ModelProto]]:
    """Read the facts and graphs of a published model, as `publish` takes them.

    Raises:
        ExportError: there is no such model.
    """
    manifest = read_manifest(folder, name)
    graphs = {part: onnx.load(folder / manifest[part]["file"]) for part in ALL_PARTS if part in manifest}
    return facts_of(manifest), graphs


def read_manifest(folder: Path, name: str) -> dict[str, Any]:
    """Read the JSON object of the manifest of a published model; raises `ExportError` if there is no such model."""
    path = manifest_path(folder, name)
    if not path.is_file():
        raise ExportError(f"{path} does not exist")
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def publish_metrics(folder: Path, name: str, metrics: dict[str, object]) -> Path:
    """Write new metrics into manifest and metadata of a published model; returns the manifest's path."""
    facts, graphs = published(folder, name)
    return publish(folder, facts.with_metrics(metrics), graphs)
