from pathlib import Path

import pytest

from tests.benchmarks.examples import export_untrained


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one model, the default one by its name."""
    folder = tmp_path_factory.mktemp("exported")
    export_untrained(folder)
    return folder


@pytest.fixture(scope="session")
def decoder(models: Path) -> Path:
    return models / "cvae-hq-decoder" / "1" / "model.onnx"
