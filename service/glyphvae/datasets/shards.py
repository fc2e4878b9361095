"""A data set in shards: files that together are the whole, made anywhere, in any order."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from glyphvae.datasets.formats import FORMATS, DatasetRequest
from glyphvae.datasets.recipe import BLOCK, Dataset, make_recipe
from glyphvae.errors import StartError
from glyphvae.models.registry import Registry, load_registry
from glyphvae.settings import load_settings

# A few megabytes a file.
SHARD = 80 * BLOCK
SUFFIXES = {"npz": "npz", "idx": "tar", "webdataset": "tar", "parquet": "parquet"}

# Makes shards, in any order; each with the bytes of its file.
Run = Callable[[list["Shard"]], Iterable[tuple["Shard", bytes]]]


@dataclass(frozen=True)
class Shard:
    """A part of a data set.

    Attributes:
        order: Which samples; `order.start` and `order.count` are the shard's own.
        name: Of its file.
        models: Folder of exported models, None for those shipped.
    """

    order: DatasetRequest
    name: str
    models: Path | None

    def make(self) -> bytes:
        """The shard's file; a process that makes several loads the models once."""
        recipe = make_recipe(self.order, _registry(self.models))
        if not recipe.model.loaded:
            recipe.model.sessions.build()
        return b"".join(FORMATS[self.order.format].write(Dataset(recipe, self.order.start, self.order.count), 0))


@lru_cache(maxsize=1)
def _registry(models: Path | None) -> Registry:
    return load_registry(load_settings(**({} if models is None else {"models": models})))


def split(order: DatasetRequest, size: int, models: Path | None) -> list[Shard]:
    """The shards of a data set.

    Args:
        order: The whole.
        size: Samples in a shard; the last may have fewer.
        models: Folder of exported models, None for those shipped.

    Raises:
        StartError: There is no seed, so that shards made later would be of another data set, or test files are asked
            for, which only a whole has.
    """
    if order.seed is None:
        raise StartError("shards need --seed, so that those made later belong to those that are there")
    if order.test:
        raise StartError("shards have no test files; make those by themselves, with --start")
    total = -(-order.count // size)
    return [
        Shard(
            order.model_copy(
                update={"start": order.start + index * size, "count": min(size, order.count - index * size)}
            ),
            f"part-{index:05}-of-{total:05}.{SUFFIXES[order.format]}",
            models,
        )
        for index in range(total)
    ]


def write_shards(folder: Path, order: DatasetRequest, shards: list[Shard], run: Run) -> Iterator[int]:
    """Write what is not there yet; yields the samples of each shard when its file is complete.

    Args:
        folder: Of the shards; made if it is not there.
        order: The whole; kept beside them as order.json.
        shards: All of it.
        run: Makes those that are missing.

    Raises:
        StartError: The folder holds shards of another data set.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _agree(folder / "order.json", {**order.model_dump(mode="json"), "shards": len(shards)})
    there = [shard for shard in shards if (folder / shard.name).exists()]
    yield from (shard.order.count for shard in there)
    for shard, content in run([shard for shard in shards if shard not in there]):
        unfinished = folder / f"{shard.name}.part"
        unfinished.write_bytes(content)
        unfinished.replace(folder / shard.name)
        yield shard.order.count


def _agree(path: Path, facts: dict[str, object]) -> None:
    if path.exists() and json.loads(path.read_text(encoding="utf-8")) != facts:
        raise StartError(f"{path} is of another data set; choose another folder, or ask for the same")
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
