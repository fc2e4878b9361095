from pathlib import Path

import pytest
import torch

from glyphvae_training.errors import RunError
from glyphvae_training.fitting.runs import load_run, save_run
from glyphvae_training.models.families import ModelKind
from tests.training.examples import finished_run


@pytest.mark.parametrize("kind", ["vae", "cvae"])
def test_a_run_comes_back_as_it_was_saved(tmp_path: Path, kind: ModelKind) -> None:
    run = finished_run(kind)
    save_run(tmp_path, run)
    loaded = load_run(tmp_path)
    assert loaded.to_dict() == run.to_dict()
    assert not loaded.model.training
    for name, tensor in loaded.model.state_dict().items():
        assert torch.equal(tensor, run.model.state_dict()[name])


def test_an_unfinished_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"model\.pt: no such file; has the run finished\?"):
        load_run(tmp_path)


@pytest.mark.parametrize("lacking", ["kind", "state", "beta"])
def test_a_file_that_lacks_something(tmp_path: Path, lacking: str) -> None:
    save_run(tmp_path, finished_run())
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    del content[lacking]
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(RunError, match="not a run of this version"):
        load_run(tmp_path)


def test_weights_of_another_model(tmp_path: Path) -> None:
    save_run(tmp_path, finished_run())
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    content["config"]["latent_size"] = 3
    torch.save(content, tmp_path / "model.pt")
    with pytest.raises(RunError, match="size mismatch"):
        load_run(tmp_path)


def test_a_run_from_elsewhere_brings_no_code(tmp_path: Path) -> None:
    torch.save({"kind": print}, tmp_path / "model.pt")
    with pytest.raises(RunError, match="not a run of this version"):
        load_run(tmp_path)


def test_a_damaged_file(tmp_path: Path) -> None:
    save_run(tmp_path, finished_run())
    path = tmp_path / "model.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(RunError, match="not a run of this version"):
        load_run(tmp_path)
