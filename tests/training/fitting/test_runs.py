import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from glyphvae_training.errors import RunError
from glyphvae_training.fitting.runs import RECIPE, claim_folder, load_run, save_run
from glyphvae_training.fitting.trainer import TrainingConfig
from glyphvae_training.models.families import ModelKind
from tests.training.examples import finished_run, untrained


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


def test_runs_of_one_series_differ_in_beta_alone(tmp_path: Path) -> None:
    config = TrainingConfig()
    run = replace(finished_run(), training=asdict(config))
    save_run(tmp_path, run)
    heavier = replace(run, beta=10.0, training=asdict(replace(config, beta=10.0)))
    assert run.series == load_run(tmp_path).series == heavier.series
    assert re.fullmatch("[0-9a-f]{12}", run.series)
    others = [
        replace(run, training=asdict(replace(config, epochs=21))),
        replace(run, training=asdict(replace(config, seed=1))),
        replace(run, training=run.training | {"prior": {}}),
        replace(run, data_sha256="b" * 64),
        replace(run, model=finished_run("vae").model),
        replace(run, model=untrained(decoder="residual")),
    ]
    assert len({run.series, *(other.series for other in others)}) == 7


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


def test_a_folder_is_claimed_for_one_recipe(tmp_path: Path) -> None:
    folder, recipe = tmp_path / "run", {"trained": "cvae", "training.epochs": 1, "betas": [0.9, 0.999]}
    claim_folder(folder, recipe, resume=False)
    for resume in (False, True):
        claim_folder(folder, recipe, resume=resume)
    with pytest.raises(RunError) as caught:
        claim_folder(folder, recipe | {"training.epochs": 2, "training.beta": 10.0}, resume=True)
    changes = "training.beta None, not 10.0; training.epochs 1, not 2"
    assert str(caught.value) == f"{folder} holds a run with {changes}; choose another folder with --out"


def test_a_run_of_an_earlier_version_is_only_resumed_on_request(tmp_path: Path) -> None:
    save_run(tmp_path, finished_run())
    with pytest.raises(RunError, match="holds a run already"):
        claim_folder(tmp_path, {"trained": "cvae"}, resume=False)
    claim_folder(tmp_path, {"trained": "cvae"}, resume=True)
    assert (tmp_path / RECIPE).exists()


def test_where_no_run_is_nothing_is_resumed(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run, so there is nothing to resume"):
        claim_folder(tmp_path / "run", {}, resume=True)
    assert not (tmp_path / "run").exists()
