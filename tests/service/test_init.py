import runpy
from importlib import metadata
from types import ModuleType

import pytest

import glyphvae
from glyphvae.client import policy


@pytest.mark.parametrize(
    ("module", "variable", "distribution"),
    [(glyphvae, "__version__", "glyphvae"), (policy, "VERSION", "glyphvae-client")],
)
def test_the_version_is_that_of_the_installed_distribution(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, variable: str, distribution: str
) -> None:
    installed = {distribution: "1.2.3"}

    def version(name: str) -> str:
        if name in installed:
            return installed[name]
        raise metadata.PackageNotFoundError(name)

    def told() -> object:
        # Coverage knows the module by its name.
        return runpy.run_path(str(module.__file__), run_name=module.__name__)[variable]

    monkeypatch.setattr(metadata, "version", version)
    assert told() == "1.2.3"
    installed.clear()  # a source tree
    assert told() == "0+unknown"
