"""Shards made over Ray's interface, by a stand-in that runs in this process; `tests/ray` has real clusters."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from glyphvae.datasets.formats import DatasetRequest
from glyphvae.datasets.shards import Shard, split, write_shards
from tests.service.commands.test_main import run

CORES = 2
ORDER = DatasetRequest.model_validate({"count": 700, "seed": 7, "format": "npz", "model": "cvae"})


class Ray:
    """A stand-in for Ray that finishes the last of the running tasks first."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.running: list[int] = []

    def init(self, address: str, *, log_to_driver: bool) -> None:
        assert not log_to_driver
        self.addresses.append(address)

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": float(CORES)}

    def remote(self, function: Callable[[Shard], bytes]) -> object:
        return SimpleNamespace(remote=lambda shard: (function, shard))

    def wait(self, tasks: list[Any]) -> tuple[list[Any], list[Any]]:
        self.running.append(len(tasks))
        return tasks[-1:], tasks[:-1]

    def get(self, task: Any) -> bytes:  # noqa: ANN401 (what `remote` returned)
        function, shard = task
        content: bytes = function(shard)
        return content


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ray]:
    ray = Ray()
    monkeypatch.setitem(sys.modules, "ray", ray)
    yield ray
    sys.modules.pop("glyphvae.datasets.ray", None)


def test_all_shards_are_made_and_few_of_them_at_once(
    ray: Ray, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLYPHVAE_DEFAULT_MODEL", "vae")  # so that each process has to load the other one
    (tmp_path / "models").symlink_to(repository)
    from glyphvae.datasets.ray import run_on  # noqa: PLC0415 (the stand-in has to be there first)

    shards = split(ORDER, 100, tmp_path / "models")
    assert list(write_shards(tmp_path / "made", ORDER, shards, run_on("auto"))) == [100] * 7
    assert {path.name: path.read_bytes() for path in (tmp_path / "made").glob("part-*")} == {
        shard.name: shard.make() for shard in shards
    }
    assert ray.addresses == ["auto"]
    assert ray.running == [2 * CORES] * 4 + [3, 2, 1]


def test_the_command_makes_shards(
    ray: Ray, repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--format", "npz", "--seed", "7", "--ray", "local", "--shard-size", "100"]
    assert run("dataset", "250", "-o", tmp_path / "made", "--models", repository, *options) == 0
    assert len(list((tmp_path / "made").glob("part-*.npz"))) == 3
    assert ray.addresses == ["local"]
    assert "250 samples in 3 shards, seed 7" in " ".join(capsys.readouterr().err.split())
