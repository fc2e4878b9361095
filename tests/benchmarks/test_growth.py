from pathlib import Path

from benchmarks.growth import copy_models
from service.engine import load_engine
from service.settings import Settings


def test_copies_of_a_model_are_models_that_load(models: Path, tmp_path: Path) -> None:
    first = copy_models(models, tmp_path, 3)
    engine = load_engine(Settings(models=tmp_path, default_model=first, device="cpu"))
    assert sorted(engine.models) == ["copy-0", "copy-1", "copy-2"]
