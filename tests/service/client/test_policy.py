import runpy
from importlib import metadata

import pytest

from glyphvae.client import policy


def test_the_version_is_that_of_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: {"glyphvae-client": "1.2.3"}[name])
    assert runpy.run_path(policy.__file__)["VERSION"] == "1.2.3"


def test_a_source_tree_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert runpy.run_path(policy.__file__)["VERSION"] == "0+unknown"
