"""Data sets in shards: files that can be made anywhere, in any order, and together hold all samples."""

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

# A few megabytes per file.
SHARD = 80 * BLOCK

# Makes shards, in any order, and yields each with the bytes of its file.
Run = Callable[[list["Shard"]], Iterable[tuple["Shard", bytes]]]


@dataclass(frozen=True)
class Shard:
    """A part of a data set, written to its own file.

    Attributes:
        request: The parameters; `request.start` and `request.count` are the shard's own.
        name: The file's name.
        models: Folder of exported models, None for the shipped models.
    """

    request: DatasetRequest
    name: str
    models: Path | None

    def make(self) -> bytes:
        """Return the content of the shard's file; the models are loaded once per process."""
        recipe = make_recipe(self.request, _registry(self.models))
        if not recipe.model.loaded:
            recipe.model.sessions.build()
        samples = Dataset(recipe, self.request.start, self.request.count)
        return b"".join(FORMATS[self.request.format].write(samples, 0))


@lru_cache(maxsize=1)
def _registry(models: Path | None) -> Registry:
    return load_registry(load_settings(models=models))


def split(request: DatasetRequest, size: int, models: Path | None) -> list[Shard]:
    """Divide a data set into shards.

    Args:
        request: The parameters of the whole data set.
        size: Samples per shard; the last may have fewer.
        models: Folder of exported models, None for the shipped models.

    Raises:
        StartError: There is no seed, so that shards made later would belong to another data set, or there are samples
            for test files, which shards do not have.
    """
    if request.seed is None:
        raise StartError("shards need --seed, so that all of them belong to the same data set")
    if request.test:
        raise StartError("shards have no test files; make a separate data set for testing, with --start")
    starts = range(0, request.count, size)
    suffix = Path(FORMATS[request.format].file).suffix
    shards = []
    for index, start in enumerate(starts):
        part = request.model_copy(update={"start": request.start + start, "count": min(size, request.count - start)})
        shards.append(Shard(part, f"part-{index:05}-of-{len(starts):05}{suffix}", models))
    return shards


def write_shards(folder: Path, request: DatasetRequest, shards: list[Shard], run: Run) -> Iterator[int]:
    """Write the missing shards; yield the number of samples of each shard when its file is complete.

    Args:
        folder: Folder of the shards, created if necessary.
        request: The parameters of the whole data set, stored in the folder as request.json.
        shards: All shards of the data set.
        run: Makes the missing shards.

    Raises:
        StartError: The folder holds shards of another data set.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _check_same(folder / "request.json", {**request.model_dump(mode="json"), "shards": len(shards)})
    present = [shard for shard in shards if (folder / shard.name).exists()]
    yield from (shard.request.count for shard in present)
    for shard, content in run([shard for shard in shards if shard not in present]):
        unfinished = folder / f"{shard.name}.part"
        unfinished.write_bytes(content)
        unfinished.replace(folder / shard.name)
        yield shard.request.count


def _check_same(path: Path, facts: dict[str, object]) -> None:
    if path.exists() and json.loads(path.read_text(encoding="utf-8")) != facts:
        raise StartError(f"{path} belongs to another data set; choose another folder, or repeat the same command")
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
