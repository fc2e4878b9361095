from dataclasses import replace
from pathlib import Path

import pytest

from glyphvae_training.data.dataset import Dataset
from glyphvae_training.export.repository import publish
from tests.training.examples import FACTS, graph
from tests.training.examples import exported as graphs


@pytest.fixture
def repository(tmp_path: Path, sample: Dataset) -> Path:
    """A model repository with an untrained conditional model of the sample."""
    facts = replace(FACTS, data={"name": "alphanumeric", "sha256": sample.sha256, "sources": []})
    publish(tmp_path / "exported", facts, graphs() | {"encoder": graph("encoder", encoder="dense")})
    return tmp_path / "exported"
