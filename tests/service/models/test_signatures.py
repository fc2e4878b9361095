import hashlib
import hmac
import json
from pathlib import Path

import pytest

from glyphvae.errors import StartError
from glyphvae.models.registry import load_registry
from glyphvae.settings import Settings
from tests.known_model import write_model
from tests.service.commands.test_main import run

KEY = b"0123456789abcdef0123456789abcdef"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_bytes(KEY + b"\n")
    return path


@pytest.fixture
def signed(tmp_path: Path, key: Path) -> Path:
    folder = tmp_path / "exported"
    folder.mkdir()
    write_model(folder, "cvae")
    assert run("sign", folder, "--key", key) == 0
    return folder


def load(folder: Path, key: Path | None) -> None:
    load_registry(Settings(models=folder, models_key=key, device="cpu"))


def refused(folder: Path, key: Path) -> str:
    with pytest.raises(StartError) as caught:
        load(folder, key)
    return str(caught.value)


def test_a_signed_repository_is_loaded(signed: Path, key: Path) -> None:
    load(signed, key)
    expected = hmac.new(KEY, (signed / "cvae.json").read_bytes(), hashlib.sha256).hexdigest()
    assert (signed / "cvae.json.hmac").read_text() == f"{expected}\n"


def test_an_altered_manifest_is_refused(signed: Path, key: Path) -> None:
    path = signed / "cvae.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"summary": "Another."}))
    assert refused(signed, key) == f"{path}.hmac: the signature does not match the manifest"


def test_another_key_is_refused(signed: Path, key: Path) -> None:
    key.write_bytes(KEY[::-1])
    assert refused(signed, key).endswith("the signature does not match the manifest")


def test_every_model_needs_a_signature(signed: Path, key: Path) -> None:
    write_model(signed, "vae", conditional=False)
    assert "vae.json.hmac: No such file or directory; manifests must be signed" in refused(signed, key)


@pytest.mark.parametrize("content", [b"", b"short", KEY[:-1] + b"\n"])
def test_a_short_key_is_refused(signed: Path, key: Path, content: bytes) -> None:
    key.write_bytes(content)
    assert "a key must have at least 32 bytes" in refused(signed, key)


def test_a_missing_key_is_named(signed: Path, key: Path) -> None:
    key.unlink()
    assert refused(signed, key) == f"{key}: No such file or directory"


def test_without_a_key_signatures_mean_nothing(signed: Path) -> None:
    (signed / "cvae.json.hmac").write_text("nonsense")
    load(signed, None)
