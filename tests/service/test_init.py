import runpy
from importlib import metadata

import pytest

import glyphvae
from glyphvae.client import policy


@pytest.mark.parametrize(
    ("file", "variable", "distribution"),
    [(glyphvae.__file__, "__version__", "glyphvae"), (policy.__file__, "VERSION", "glyphvae-client")],
)
def test_the_version_is_that_of_the_installed_distribution(
    monkeypatch: pytest.MonkeyPatch, file: str, variable: str, distribution: str
) -> None:
    installed = {distribution: "1.2.3"}

    def version(name: str) -> str:
        if name in installed:
            return installed[name]
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    assert runpy.run_path(file)[variable] == "1.2.3"
    installed.clear()  # a source tree
    assert runpy.run_path(file)[variable] == "0+unknown"
