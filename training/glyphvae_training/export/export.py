"""Export of a trained run; nothing is written unless every gate passes."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from glyphvae_training.data.alphabet import ALPHABET
from glyphvae_training.data.dataset import Dataset
from glyphvae_training.data.sources import CAPITALS, DIGITS, SMALL_LETTERS
from glyphvae_training.errors import ExportError
from glyphvae_training.export.graphs import Part, parts_of, to_onnx
from glyphvae_training.export.manifest import SCHEMA, STROKES_SCHEMA, Facts, code_facts, weights_sha256
from glyphvae_training.export.parity import check_parity
from glyphvae_training.export.repository import publish
from glyphvae_training.export.storage import check_compact, compact
from glyphvae_training.fitting.runs import Run

# What the service accepts, and what is a folder's name on every system.
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# Chooses the images of the parity gate; any other number would do.
PARITY_SEED = 0


def export_run(
    run: Run, data: Dataset, folder: Path, name: str, version: int = 1, *, replaces: Sequence[str] = ()
) -> Path:
    """Export a run into a model repository.

    Args:
        run: the trained model and the facts about its training.
        data: the data set it was trained on, whose held-out test images hold PyTorch against ONNX Runtime.
        folder: the model repository.
        name: of the model, e.g. "cvae".
        version: of the export, from 1; the number that Triton gives its folder.
        replaces: names of models that have gone, for which the service names this one.

    Returns:
        The manifest's path.

    Raises:
        ExportError: the name or version cannot be used, `data` is another data set, or a gate does not pass; the model
            repository is then as it was.
    """
    if not NAME.fullmatch(name):
        raise ExportError(f"{name!r} cannot name a model: 1-64 of a-z, 0-9, '.', '_', '-', not starting with a sign")
    if version < 1:
        raise ExportError(f"version {version} is not a number from 1")
    if data.sha256 != run.data_sha256:
        raise ExportError(f"the run was trained on data {run.data_sha256[:12]}, not on these ({data.sha256[:12]})")
    model = run.model.cpu()
    graphs: dict[Part, onnx.ModelProto] = {part: to_onnx(model, part) for part in parts_of(model)}
    check_parity(model, graphs, data.test, np.random.default_rng(PARITY_SEED))
    facts = replace(facts_of_run(run, data, name, version), replaces=tuple(replaces))
    compacted = {part: compact(graph) for part, graph in graphs.items()}
    if "strokes" in compacted:
        facts = replace(facts, weights=weights_sha256(compacted["strokes"]))
    lost = check_compact(facts, graphs, compacted, data.test)
    return publish(folder, facts.with_metrics({"compact": lost}), compacted)


def dataset_name(run: Run) -> str:
    """Infer the `Dataset.name` of the data that a run was trained on from its labels."""
    names = {DIGITS: "mnist", DIGITS + CAPITALS + SMALL_LETTERS: "byclass", ALPHABET: "pen"}
    return names.get(tuple(run.labels), "alphanumeric")


def facts_of_run(run: Run, data: Dataset, name: str, version: int) -> Facts:
    """Collect the facts about a run; what only an evaluation knows is empty."""
    labels = run.labels if run.kind != "vae" else ()
    return Facts(
        name=name,
        version=version,
        kind="vae" if run.kind == "vae" else "cvae",
        summary=summary(labels, data, run.model.config.latent_size),
        labels=tuple(labels),
        latent_size=run.model.config.latent_size,
        beta=run.beta,
        data={"name": data.name, "sha256": data.sha256, "sources": list(data.sources)},
        code=code_facts(),
        config=run.model.config.to_dict(),
        metrics={},
        series=run.series,
        training={"seed": run.seed, "epochs": run.epochs} | run.training,
        schema=STROKES_SCHEMA if run.kind == "pen" else SCHEMA,
    )


def summary(labels: tuple[str, ...], data: Dataset, latent_size: int) -> str:
    """Describe the model in one sentence."""
    sources = " and ".join(data.sources)
    if not labels:
        return f"Variational autoencoder with {latent_size} latents, trained on {sources}."
    return (
        f"Conditional variational autoencoder of {len(labels)} handwritten characters with {latent_size} latents, "
        f"trained on {sources}."
    )
