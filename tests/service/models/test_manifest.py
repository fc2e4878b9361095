import hashlib
import json
import os
from pathlib import Path

import pytest

from glyphvae.errors import StartError
from glyphvae.models.manifest import File, read_manifest, read_verified
from glyphvae.models.registry import load_registry
from glyphvae.settings import Settings
from tests.known_model import strokes, write_model, write_more

CONTENT = b"the model"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
CLASSIFIER = {"entry": "e", "file": "model.onnx", "sha256": "0" * 64, "bytes": 1}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path, "cvae")
    return tmp_path


def the_file(folder: Path, file: str = "model.onnx") -> File:
    (folder / "model.onnx").write_bytes(CONTENT)
    return File(entry="e", file=file, sha256=DIGEST, bytes=len(CONTENT))


def test_facts_are_read(folder: Path) -> None:
    manifest = read_manifest(folder / "cvae.json")
    assert (manifest.name, manifest.version, manifest.kind, manifest.latent_size) == ("cvae", 1, "cvae", 6)
    assert manifest.labels[19] == "J"
    assert manifest.decoder.file == "cvae-decoder/1/model.onnx"
    assert manifest.series is None
    assert manifest.model_dump(by_alias=True)["schema"] == 1


def test_strokes_are_those_of_schema_2(tmp_path: Path) -> None:
    write_more(tmp_path)
    manifest = read_manifest(tmp_path / "more.json")
    assert manifest.schema_version == 2
    assert manifest.strokes is not None
    assert manifest.strokes.file == "more-strokes/1/model.onnx"
    assert read_verified(tmp_path, manifest.strokes) == strokes(len(manifest.labels))
    assert manifest.labels[-1] == "\N{COMBINING ACUTE ACCENT}"


def test_strokes_are_verified_at_the_start(tmp_path: Path) -> None:
    write_more(tmp_path)
    (tmp_path / "more-strokes/1/model.onnx").write_bytes(strokes(1))
    with pytest.raises(StartError, match=r"more-strokes/1/model\.onnx: .* but the manifest says"):
        load_registry(Settings(models=tmp_path, default_model="more", device="cpu"))


def test_what_a_model_replaces_is_read(tmp_path: Path) -> None:
    write_model(tmp_path, "pen", replaces=["cvae", "cvae-hq"])
    assert read_manifest(tmp_path / "pen.json").replaces == ("cvae", "cvae-hq")
    write_model(tmp_path, "other")
    assert read_manifest(tmp_path / "other.json").replaces == ()


@pytest.mark.parametrize("content", [b"", b"{", b"not json", b"\xff\xfe", b"[]", b"null", b'{"schema": 1'])
def test_an_invalid_manifest_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cvae.json"
    path.write_bytes(content)
    with pytest.raises(StartError) as caught:
        read_manifest(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: not a model manifest: ")
    assert "\n" not in message
    assert ": : " not in message


@pytest.mark.parametrize(
    ("facts", "where"),
    [
        ({"schema": 3}, "schema: Input should be 1 or 2"),
        ({"schema": 2}, "a manifest of schema 2 names a graph of strokes"),
        ({"strokes": CLASSIFIER}, "one of schema 1 none"),
        ({"schema": 2, "strokes": {}}, "strokes.entry: Field required"),
        ({"schema": 2, "kind": "vae", "labels": [], "strokes": CLASSIFIER}, "an unconditional model draws no strokes"),
        ({"version": 0}, "version: "),
        ({"kind": "gan"}, "kind: Input should be 'vae' or 'cvae'"),
        ({"name": "../etc"}, "name: "),
        ({"labels": [""]}, "labels.0: "),
        ({"labels": ["x" * 17]}, "labels.0: String should have at most 16 characters"),
        ({"labels": []}, "a conditional model has labels"),
        ({"kind": "vae"}, "an unconditional one has none"),
        ({"kind": "vae", "labels": [], "classifier": CLASSIFIER}, "an unconditional model has no classifier"),
        ({"latent_size": 0}, "latent_size: "),
        ({"likelihood": "gaussian"}, "likelihood: "),
        ({"pixels": {"height": 28}}, "pixels.width: Field required"),
        ({"encoder": {"sha256": "short"}}, "encoder."),
        ({"decoder": CLASSIFIER | {"file": "model\0onnx"}}, "decoder.file: Input should be a path"),
        ({"series": "0123456789AB"}, "series: Input should be 12 hexadecimal digits"),
        ({"surprise": 1}, "surprise: Extra inputs are not permitted"),
        *(
            ({"config": {"hand_size": size}}, "config.hand_size is not a whole number from 0 to 6")
            for size in (-1, 7, "2")
        ),
    ],
)
def test_a_wrong_fact_is_named(folder: Path, facts: dict[str, object], where: str) -> None:
    path = folder / "cvae.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))
    with pytest.raises(StartError) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(f"{path}: not a model manifest: ")
    assert where in str(caught.value)


def test_names_of_labels_have_up_to_16_characters(folder: Path) -> None:
    path = folder / "cvae.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"labels": ["A", "x" * 16]}))
    assert read_manifest(path).labels == ("A", "x" * 16)


@pytest.mark.parametrize(("config", "size"), [({}, 0), ({"hand_size": 0}, 0), ({"hand_size": 6, "form_size": 0}, 6)])
def test_the_hand_is_the_first_latents(folder: Path, config: dict[str, int], size: int) -> None:
    path = folder / "cvae.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"config": config}))
    assert read_manifest(path).hand_size == size


def test_a_manifest_lies_under_its_models_name(folder: Path) -> None:
    with pytest.raises(StartError, match=r"copy\.json: No such file or directory$"):
        read_manifest(folder / "copy.json")
    path = (folder / "cvae.json").rename(folder / "copy.json")
    with pytest.raises(StartError, match=r"copy\.json: this is the manifest of 'cvae', which belongs in cvae\.json$"):
        read_manifest(path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file or directory"),
        (CONTENT[:-1], "8 bytes, but the manifest says 9"),
        (CONTENT + b"!", "more than 9 bytes"),
        (CONTENT[:-1] + b"L", f"sha256 is {hashlib.sha256(b'the modeL').hexdigest()}, but the manifest says {DIGEST}"),
    ],
)
def test_another_file_than_the_manifest_describes_is_named(tmp_path: Path, content: bytes | None, says: str) -> None:
    file, path = the_file(tmp_path), tmp_path / "model.onnx"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StartError, match=f"^{path}: {says}$"):
        read_verified(tmp_path, file)


def test_what_is_no_file_is_named_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "cvae.json")
    with pytest.raises(StartError, match=r"cvae\.json: not a regular file$"):
        read_manifest(tmp_path / "cvae.json")
    with pytest.raises(StartError, match=r"cvae\.json: not a regular file$"):
        read_verified(tmp_path, the_file(tmp_path, "cvae.json"))


def test_links_in_a_circle_are_named(tmp_path: Path) -> None:
    (tmp_path / "cvae.json").symlink_to("cvae.json")
    with pytest.raises(StartError, match=r"cvae\.json: Too many levels of symbolic links$"):
        read_manifest(tmp_path / "cvae.json")


@pytest.mark.parametrize("path", ["../outside.onnx", "a/../../outside.onnx", "{outside}", "link.onnx"])
def test_a_file_outside_the_repository_is_refused(tmp_path: Path, path: str) -> None:
    repository = tmp_path / "exported"
    repository.mkdir()
    outside = tmp_path / "outside.onnx"
    outside.write_bytes(CONTENT)
    (repository / "link.onnx").symlink_to(outside)
    file = the_file(repository, path.format(outside=outside))
    with pytest.raises(StartError, match=r": lies outside the model repository$"):
        read_verified(repository, file)


@pytest.mark.parametrize("name", ["model.onnx", "link.onnx"])
def test_a_file_or_a_link_to_it_is_read(tmp_path: Path, name: str) -> None:
    file = the_file(tmp_path, name)
    (tmp_path / "link.onnx").symlink_to(tmp_path / "model.onnx")
    assert read_verified(tmp_path, file) == CONTENT


def test_a_manifest_that_is_a_link_out_of_the_repository_is_refused(folder: Path, tmp_path: Path) -> None:
    inside = tmp_path / "repository"
    inside.mkdir()
    (inside / "cvae.json").symlink_to(folder / "cvae.json")
    with pytest.raises(StartError, match="lies outside the model repository"):
        read_manifest(inside / "cvae.json")


def test_links_within_the_repository_are_followed(folder: Path) -> None:
    """Read from a volume as Kubernetes mounts it: the names are links into a folder of the version."""
    (folder / "..data").mkdir()
    (folder / "cvae.json").rename(folder / "..data" / "cvae.json")
    (folder / "cvae.json").symlink_to("..data/cvae.json")
    assert read_manifest(folder / "cvae.json").name == "cvae"
