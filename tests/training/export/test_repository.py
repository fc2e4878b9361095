import hashlib
import json
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from glyphvae_training.errors import ExportError
from glyphvae_training.export.manifest import STROKES_SCHEMA
from glyphvae_training.export.repository import publish, publish_metrics, published, write_all
from tests.training.examples import FACTS, exported


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_model_is_published_as_an_entry_for_each_half_and_a_manifest(tmp_path: Path) -> None:
    manifest_file = publish(tmp_path / "models", FACTS, exported())
    assert files(tmp_path / "models") == [
        "cvae-decoder/1/model.onnx",
        "cvae-decoder/config.pbtxt",
        "cvae-encoder/1/model.onnx",
        "cvae-encoder/config.pbtxt",
        "cvae.json",
    ]
    manifest = json.loads(manifest_file.read_text())
    for part in ("encoder", "decoder"):
        content = (tmp_path / "models" / manifest[part]["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == manifest[part]["sha256"]
        assert len(content) == manifest[part]["bytes"]
        assert (tmp_path / "models" / f"cvae-{part}" / "config.pbtxt").read_text().startswith(f'name: "cvae-{part}"')


def test_other_versions_and_models_stay(tmp_path: Path) -> None:
    publish(tmp_path, FACTS, exported())
    publish(tmp_path, replace(FACTS, version=2), exported())
    publish(tmp_path, replace(FACTS, name="other"), exported())
    assert {"cvae-decoder/1/model.onnx", "cvae-decoder/2/model.onnx", "other-decoder/1/model.onnx"} < set(
        files(tmp_path)
    )
    assert json.loads((tmp_path / "cvae.json").read_text())["decoder"]["file"] == "cvae-decoder/2/model.onnx"


def test_a_graph_that_fails_a_gate_changes_nothing(tmp_path: Path) -> None:
    publish(tmp_path, FACTS, exported())
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    with pytest.raises(ExportError, match="the encoder has inputs and outputs"):
        publish(tmp_path, replace(FACTS, latent_size=7), exported())
    with pytest.raises(ExportError, match="local paths"):
        publish(tmp_path, replace(FACTS, summary=f"trained in {Path.cwd()}"), exported())
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path)} == before


def test_nothing_is_moved_into_place_before_everything_is_written(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"old")
    with pytest.raises(OSError, match="File name too long"):
        write_all(tmp_path, {Path("kept"): b"new", Path("x" * 300): b""})
    assert files(tmp_path) == ["kept"]
    assert (tmp_path / "kept").read_bytes() == b"old"


def test_metrics_go_into_the_manifest_and_both_graphs(tmp_path: Path) -> None:
    publish(tmp_path, replace(FACTS, series="0123456789ab"), exported())
    before = json.loads((tmp_path / "cvae.json").read_text())
    publish_metrics(tmp_path, "cvae", {"active_units": 6})
    after = json.loads((tmp_path / "cvae.json").read_text())
    assert after["metrics"] == {"active_units": 6}
    assert after["series"] == "0123456789ab"
    for part in ("encoder", "decoder"):
        content = (tmp_path / after[part]["file"]).read_bytes()
        assert after[part]["sha256"] == hashlib.sha256(content).hexdigest() != before[part]["sha256"]
        metadata = {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}
        assert metadata["glyphvae.metrics"] == '{"active_units":6}'
        assert metadata["glyphvae.part"] == f'"{part}"'
    unchanged = {"metrics", "encoder", "decoder"}
    assert {k: v for k, v in after.items() if k not in unchanged} == {
        k: v for k, v in before.items() if k not in unchanged
    }


def test_a_pen_is_published_with_its_strokes(tmp_path: Path) -> None:
    facts = replace(FACTS, name="pen", schema=STROKES_SCHEMA)
    publish(tmp_path, facts, exported("pen"))
    manifest = json.loads((tmp_path / "pen.json").read_text())
    assert manifest["schema"] == 2
    assert list(manifest)[-4:] == ["encoder", "decoder", "decoder-fixed", "strokes"]
    content = (tmp_path / "pen-strokes/1/model.onnx").read_bytes()
    assert manifest["strokes"] == {
        "entry": "pen-strokes",
        "file": "pen-strokes/1/model.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    assert (tmp_path / "pen-strokes/config.pbtxt").read_text().startswith('name: "pen-strokes"')
    metadata = {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}
    assert (metadata["glyphvae.part"], metadata["glyphvae.schema"]) == ('"strokes"', "2")
    again, graphs = published(tmp_path, "pen")
    assert again == facts
    assert set(graphs) == {"encoder", "decoder", "decoder-fixed", "strokes"}
