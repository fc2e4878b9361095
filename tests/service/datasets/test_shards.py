"""Shards are the whole, whoever makes them and however often it is begun anew."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from glyphvae.datasets.formats import DatasetRequest
from glyphvae.datasets.shards import Shard, split, write_shards
from glyphvae.errors import StartError

ORDER = DatasetRequest.model_validate({"count": 300, "start": 10, "seed": 7, "format": "npz"})


def here(shards: list[Shard]) -> Iterator[tuple[Shard, bytes]]:
    return ((shard, shard.make()) for shard in shards)


def backwards(shards: list[Shard]) -> Iterator[tuple[Shard, bytes]]:
    return here(shards[::-1])


def labels_and_pixels(files: list[bytes]) -> list[NDArray[np.uint8]]:
    arrays = [np.load(io.BytesIO(file)) for file in files]
    names = sorted(arrays[0].files)
    return [np.concatenate([array[name] for array in arrays]) for name in names if name != "classes"]


def content(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("part-*"))]


def test_shards_together_are_the_whole(repository: Path, tmp_path: Path) -> None:
    (whole,) = split(ORDER, 300, repository)
    parts = split(ORDER, 70, repository)
    assert [part.name for part in parts][-1] == "part-00004-of-00005.npz"
    assert list(write_shards(tmp_path, ORDER, parts, backwards)) == [20, 70, 70, 70, 70]
    for expected, got in zip(labels_and_pixels([whole.make()]), labels_and_pixels(content(tmp_path)), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_existing_shards_are_not_made_again(repository: Path, tmp_path: Path) -> None:
    parts = split(ORDER, 100, repository)
    list(write_shards(tmp_path, ORDER, parts, here))
    before = content(tmp_path)
    (tmp_path / parts[1].name).unlink()
    made: list[str] = []

    def noted(shards: list[Shard]) -> Iterator[tuple[Shard, bytes]]:
        made.extend(shard.name for shard in shards)
        return here(shards)

    assert sum(write_shards(tmp_path, ORDER, parts, noted)) == 300
    assert made == [parts[1].name]
    assert content(tmp_path) == before


def test_a_run_that_breaks_off_leaves_only_whole_files(repository: Path, tmp_path: Path) -> None:
    parts = split(ORDER, 100, repository)

    def broken(shards: list[Shard]) -> Iterator[tuple[Shard, bytes]]:
        yield shards[0], shards[0].make()
        raise OSError("the cluster is gone")

    with pytest.raises(OSError, match="gone"):
        list(write_shards(tmp_path, ORDER, parts, broken))
    assert sorted(path.name for path in tmp_path.iterdir()) == [parts[0].name, "request.json"]


def test_shards_of_another_data_set_are_not_mixed_in(repository: Path, tmp_path: Path) -> None:
    list(write_shards(tmp_path, ORDER, split(ORDER, 300, repository), here))
    other = ORDER.model_copy(update={"seed": 8})
    with pytest.raises(StartError, match="another data set"):
        list(write_shards(tmp_path, other, split(other, 300, repository), here))
    with pytest.raises(StartError, match="another data set"):
        list(write_shards(tmp_path, ORDER, split(ORDER, 100, repository), here))


def test_shards_need_a_seed_and_have_no_test_files() -> None:
    with pytest.raises(StartError, match="--seed"):
        split(ORDER.model_copy(update={"seed": None}), 100, None)
    with pytest.raises(StartError, match="test files"):
        split(ORDER.model_copy(update={"test": 10}), 100, None)
