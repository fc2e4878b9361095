from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from glyphvae.models.manifest import read_manifest, read_verified
from glyphvae_training.data.alphabet import ALPHABET
from glyphvae_training.data.sources import SMALL_LETTERS
from glyphvae_training.errors import ExportError
from glyphvae_training.export.export import dataset_name, export_run
from glyphvae_training.export.manifest import weights_sha256
from glyphvae_training.models.families import ModelKind
from tests.training.examples import LABELS, data_set, finished_run


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export_run(finished_run("cvae"), data_set(), folder, "cvae")
    export_run(finished_run("vae"), data_set(), folder, "vae-z6", version=3)
    export_run(finished_run("pen"), data_set(), folder, "pen", replaces=["cvae-hq"])
    return folder


@pytest.mark.parametrize(("name", "kind", "version"), [("cvae", "cvae", 1), ("vae-z6", "vae", 3)])
def test_the_service_accepts_what_was_exported(repository: Path, name: str, kind: ModelKind, version: int) -> None:
    manifest = read_manifest(repository / f"{name}.json")
    assert (manifest.name, manifest.kind, manifest.version, manifest.latent_size) == (name, kind, version, 6)
    assert manifest.labels == (LABELS if kind == "cvae" else ())
    assert manifest.data == {"name": "alphanumeric", "sha256": "a" * 64, "sources": ["blobs"]}
    # What storing weights in float16 costs is measured when they are stored.
    assert set(manifest.metrics) == {"compact"}
    assert manifest.metrics["compact"]["levels"] < 0.1
    assert manifest.config["latent_size"] == 6
    run = finished_run(kind)
    assert manifest.series == run.series
    assert manifest.training == {"seed": run.seed, "epochs": run.epochs} | run.training
    assert (manifest.schema_version, manifest.strokes, manifest.replaces) == (1, None, ())
    for file in (manifest.encoder, manifest.decoder):
        session = ort.InferenceSession(read_verified(repository, file), providers=["CPUExecutionProvider"])
        inputs = [value.name for value in session.get_inputs()]
        assert inputs[1:] == (["label"] if kind == "cvae" else [])


def test_the_service_accepts_a_pen(repository: Path) -> None:
    manifest = read_manifest(repository / "pen.json")
    assert (manifest.schema_version, manifest.kind, manifest.latent_size) == (2, "cvae", 6)
    assert manifest.labels == LABELS
    assert manifest.metrics["compact"]["units"] < 0.05
    assert manifest.replaces == ("cvae-hq",)
    assert manifest.strokes is not None
    assert manifest.decoder_fixed is not None
    assert manifest.weights == weights_sha256(onnx.load(repository / manifest.strokes.file))
    session = ort.InferenceSession(read_verified(repository, manifest.strokes), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    z = rng.standard_normal((7, 6), dtype=np.float32)
    control, radius, presence, proportions = session.run(None, {"z": z, "label": np.arange(7)})
    assert [values.shape for values in (control, radius, presence, proportions)] == [
        (7, 2, 5, 2),
        (7, 2, 4),
        (7, 2),
        (7, 4),
    ]
    assert set(np.unique(presence)) <= {0, 1}


def test_the_summary_says_what_the_model_is(repository: Path) -> None:
    assert read_manifest(repository / "cvae.json").summary == (
        "Conditional variational autoencoder of 36 handwritten characters with 6 latents, trained on blobs."
    )
    assert read_manifest(repository / "vae-z6.json").summary == (
        "Variational autoencoder with 6 latents, trained on blobs."
    )


def test_the_decoder_gives_the_grey_levels_of_its_logits(repository: Path) -> None:
    graph = onnx.load(repository / "cvae-decoder/1/model.onnx")
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    z = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    pixels, logits = session.run(["pixels", "logits"], {"z": z, "label": np.arange(5)})
    assert pixels.dtype == np.uint8
    expected = np.rint(255 * torch.sigmoid(torch.from_numpy(logits)).numpy())
    assert np.abs(pixels.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("name", ["", "CVAE", "../escape", "-cvae", "a" * 65, "two words"])
def test_names_that_are_no_folder_everywhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExportError, match="cannot name a model"):
        export_run(finished_run(), data_set(), tmp_path, name)


def test_versions_start_at_one(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="version 0 is not a number from 1"):
        export_run(finished_run(), data_set(), tmp_path, "cvae", version=0)


def test_the_data_must_be_those_of_the_run(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"trained on data a{12}, not on these \(b{12}\)"):
        export_run(finished_run(), replace(data_set(), sha256="b" * 64), tmp_path, "cvae")
    assert not list(tmp_path.iterdir())


def test_a_model_that_does_not_agree_is_not_exported(tmp_path: Path) -> None:
    run = finished_run()
    with torch.no_grad():
        for weights in run.model.decoder.parameters():
            weights.fill_(torch.inf)
    with pytest.raises(ExportError, match="of the decoder differs by nan"):
        export_run(run, data_set(), tmp_path, "cvae")
    assert not list(tmp_path.iterdir())


def test_the_labels_of_a_run_tell_its_data() -> None:
    assert dataset_name(finished_run()) == "alphanumeric"
    assert dataset_name(replace(finished_run("vae"), labels=tuple("0123456789"))) == "mnist"
    assert dataset_name(replace(finished_run(), labels=LABELS + SMALL_LETTERS)) == "byclass"
    assert dataset_name(replace(finished_run("pen"), labels=ALPHABET)) == "pen"
