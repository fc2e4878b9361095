import json
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from glyphvae_training.export.graphs import Part
from glyphvae_training.export.manifest import (
    Facts,
    code_facts,
    code_sha256,
    facts_of,
    file_entry,
    manifest_text,
    model_path,
    weights_sha256,
    with_metadata,
)
from tests.training.examples import graph

FACTS = Facts(
    name="cvae",
    version=2,
    kind="cvae",
    summary="Says what it is.",
    labels=("0", "Ä"),
    latent_size=6,
    beta=0.5,
    data={"sha256": "a" * 64, "sources": ["MNIST"]},
    code={"version": "0.1.0", "sha256": "b" * 64},
    config={"latent_size": 6},
    metrics={},
)


def test_the_manifest_names_each_file_with_its_hash() -> None:
    contents: dict[Part, bytes] = {"encoder": b"first", "decoder": b"second!"}
    manifest = json.loads(manifest_text(FACTS, {part: file_entry(FACTS, part, contents[part]) for part in contents}))
    assert list(manifest) == [
        *("schema", "name", "version", "kind", "summary", "labels", "latent_size", "beta", "likelihood", "pixels"),
        *("data", "code", "config", "metrics", "encoder", "decoder"),
    ]
    assert manifest["schema"] == 1
    assert manifest["labels"] == ["0", "Ä"]
    assert manifest["pixels"]["normalisation"] == "mnist-20x20-mass"
    assert manifest["decoder"] == {
        "entry": "cvae-decoder",
        "file": "cvae-decoder/2/model.onnx",
        "sha256": "d8470465f9e7614921a043dd05deb31e1f8926c516afc00432359aa2ebb07d30",
        "bytes": 7,
    }


@pytest.mark.parametrize("series", [None, "0123456789ab"])
@pytest.mark.parametrize("replaces", [(), ("cvae-hq", "cvae")])
def test_facts_come_back_from_the_manifest(series: str | None, replaces: tuple[str, ...]) -> None:
    measured = replace(FACTS, metrics={"negative_elbo": {"value": 100.0}}, series=series, replaces=replaces)
    if replaces:
        measured = replace(measured, training={"seed": 3}, weights="c" * 64)
    assert facts_of(json.loads(manifest_text(measured, {"encoder": {}, "decoder": {}}))) == measured


def test_metadata_hold_the_same_facts_as_json() -> None:
    model = graph("encoder")
    onnx.helper.set_model_props(model, {"left": "over"})
    stamped = with_metadata(model, FACTS, "encoder")
    metadata = {entry.key: json.loads(entry.value) for entry in stamped.metadata_props}
    assert metadata == {f"glyphvae.{key}": value for key, value in (FACTS.to_dict() | {"part": "encoder"}).items()}
    assert [entry.key for entry in model.metadata_props] == ["left"]


def test_model_path_is_that_of_a_triton_repository() -> None:
    assert model_path("vae-z2", 3, "decoder").as_posix() == "vae-z2-decoder/3/model.onnx"


@pytest.mark.parametrize("change", ["content", "name", "none", "line endings"])
def test_the_code_hash_changes_with_the_code(tmp_path: Path, change: str) -> None:
    source = tmp_path / "one.py"
    source.write_bytes(b"x = 1\ny = 2\n")
    before = code_sha256(tmp_path)
    if change == "content":
        source.write_bytes(b"x = 1\ny = 3\n")
    elif change == "name":
        source.rename(tmp_path / "two.py")
    elif change == "line endings":
        source.write_bytes(b"x = 1\r\ny = 2\r\n")
    assert (code_sha256(tmp_path) == before) == (change in {"none", "line endings"})


def test_code_facts() -> None:
    assert set(code_facts()) == {"version", "sha256"}
    assert code_facts("no-such-distribution")["version"] == "0+unknown"
    assert code_facts("numpy")["version"][0].isdigit()


def test_the_fingerprint_of_weights_is_that_of_their_values() -> None:
    plain, stamped, other = graph("strokes", "pen"), graph("strokes", "pen"), graph("strokes", "pen")
    found = weights_sha256(plain)
    stamped.metadata_props.add(key="glyphvae.metrics", value="{}")
    shuffled = list(stamped.graph.initializer)[::-1]
    del stamped.graph.initializer[:]
    stamped.graph.initializer.extend(shuffled)
    assert weights_sha256(stamped) == found
    weight = next(tensor for tensor in other.graph.initializer if tensor.name.startswith("model."))
    weight.raw_data = bytes(len(weight.raw_data))
    assert weights_sha256(other) != found
