"""Fixtures: the known models, and a folder to write into."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.operations.test_font import write_pen

ServePen = Callable[..., Path]


@pytest.fixture(autouse=True)
def here(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLYPHVAE_MODELS", str(repository))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def serve_pen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServePen:
    """Return what makes a model of some labels, which draws strokes, the default of commands; it returns the folder."""

    def serve(*labels: str) -> Path:
        folder = tmp_path / "models"
        folder.mkdir()
        write_pen(folder, *labels)
        monkeypatch.setenv("GLYPHVAE_MODELS", str(folder))
        monkeypatch.setenv("GLYPHVAE_DEFAULT_MODEL", "pen")
        return folder

    return serve
