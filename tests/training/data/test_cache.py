from pathlib import Path

import pytest

from glyphvae_training.data.cache import cache_folder


def test_the_variable_names_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLYPHVAE_CACHE", "elsewhere")
    assert cache_folder() == Path("elsewhere")


@pytest.mark.parametrize(
    ("platform", "folder"),
    [
        ("linux", "home/.cache/glyphvae"),
        ("darwin", "home/Library/Caches/glyphvae"),
        ("win32", "home/AppData/Local/glyphvae"),
    ],
)
def test_every_platform_has_its_own(monkeypatch: pytest.MonkeyPatch, platform: str, folder: str) -> None:
    for name in ("GLYPHVAE_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("home"))
    assert cache_folder() == Path(folder)


def test_the_standard_variable_of_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLYPHVAE_CACHE", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "caches")
    assert cache_folder() == Path("caches/glyphvae")
