import runpy
from importlib import metadata
from pathlib import Path

import pytest

import glyphvae

FILE = Path(glyphvae.__file__)


def test_the_version_is_that_of_the_installed_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: {"glyphvae": "1.2.3"}[name])
    assert runpy.run_path(str(FILE))["__version__"] == "1.2.3"


def test_a_source_tree_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert runpy.run_path(str(FILE))["__version__"] == "0+unknown"
