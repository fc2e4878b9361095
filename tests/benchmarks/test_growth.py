from pathlib import Path

import pytest

from benchmarks.growth import copy_models
from glyphvae.models.registry import load_engine
from glyphvae.settings import Settings
from tests.known_model import decoder, write_model


@pytest.mark.parametrize("parts", [(), ("decoder-int8",)])
def test_copies_of_a_model_are_models_that_load(tmp_path: Path, parts: tuple[str, ...]) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    target.mkdir()
    write_model(source, "cvae-hq", files={part: decoder() for part in parts})
    first = copy_models(source, target, 3)
    engine = load_engine(Settings(models=target, default_model=first, device="cpu"))
    assert sorted(engine.models) == ["copy-0", "copy-1", "copy-2"]
