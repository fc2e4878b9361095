"""Fixtures: the known models, and a folder to write into."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def here(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLYPHVAE_MODELS", str(repository))
    monkeypatch.chdir(tmp_path)
