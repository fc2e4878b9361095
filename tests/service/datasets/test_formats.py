"""Each format, read by the library it is made for."""

import io
import tarfile
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torchvision
import webdataset

from glyphvae.api.context import Context
from glyphvae.datasets.formats import FORMATS, Name
from glyphvae.datasets.recipe import Dataset, DatasetParameters, Samples, make_recipe
from tests.service.processes import python

COUNT, START = 300, 100


@pytest.fixture(scope="module")
def dataset(context: Context) -> Dataset:
    return Dataset(make_recipe(DatasetParameters(count=COUNT, seed=7), context.registry), START, COUNT)


@pytest.fixture(scope="module")
def samples(dataset: Dataset) -> Samples:
    """The samples that every file has to hold."""
    parts = list(dataset.samples())
    return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("labels", "z", "pixels")))


def written(name: Name, dataset: Dataset, test: int = 0) -> bytes:
    return b"".join(FORMATS[name].write(dataset, test))


def test_numpy_reads_npz(dataset: Dataset, samples: Samples) -> None:
    with np.load(io.BytesIO(written("npz", dataset)), allow_pickle=False) as arrays:
        assert set(arrays) == {"images", "labels", "z", "classes"}
        assert (arrays["images"] == samples.pixels).all()
        assert (arrays["labels"] == samples.labels).all()
        assert (arrays["z"] == samples.z).all()
        assert "".join(arrays["classes"]) == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def test_torchvision_reads_idx_as_mnist(dataset: Dataset, samples: Samples, tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(written("idx", dataset, test=50)), mode="r:") as archive:
        archive.extractall(tmp_path, filter="data")
    train = torchvision.datasets.MNIST(str(tmp_path), train=True)
    test = torchvision.datasets.MNIST(str(tmp_path), train=False)
    assert (len(train), len(test)) == (COUNT - 50, 50)
    assert (np.concatenate([train.data.numpy(), test.data.numpy()]) == samples.pixels).all()
    assert np.concatenate([train.targets.numpy(), test.targets.numpy()]).tolist() == samples.labels.tolist()


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # webdataset leaves its file to the collector
def test_webdataset_reads_its_tar(dataset: Dataset, samples: Samples, tmp_path: Path) -> None:
    (tmp_path / "glyphs.tar").write_bytes(written("webdataset", dataset))
    read: list[Any] = list(webdataset.WebDataset(str(tmp_path / "glyphs.tar"), shardshuffle=False).decode("l8"))
    assert [int(sample["__key__"].rpartition("/")[2]) for sample in read] == list(range(START, START + COUNT))
    assert [sample["cls"] for sample in read] == samples.labels.tolist()
    assert (np.stack([sample["png"] for sample in read]) == samples.pixels).all()


def test_datasets_reads_parquet(dataset: Dataset, samples: Samples, tmp_path: Path) -> None:
    file = tmp_path / "glyphs.parquet"
    file.write_bytes(written("parquet", dataset))
    read = datasets.Dataset.from_parquet(str(file), cache_dir=str(tmp_path / "cache"))
    assert isinstance(read.features["image"], datasets.Image)
    assert read.features["label"].names[19] == "J"
    assert read["label"][:] == samples.labels.tolist()
    assert (np.stack([np.asarray(image) for image in read["image"]]) == samples.pixels).all()


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_is_the_same_each_time(name: Name, dataset: Dataset) -> None:
    assert written(name, dataset) == written(name, dataset)


PROGRAM = """
import os, sys
from pathlib import Path
from glyphvae.datasets.recipe import Dataset, DatasetParameters, make_recipe
from glyphvae.datasets.formats import FORMATS
from glyphvae.models.registry import load_registry
from glyphvae.settings import Settings

settings = Settings(models=sys.argv[1], default_model="cvae", device="cpu")
recipe = make_recipe(DatasetParameters(count=1, seed=7), load_registry(settings))

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def peak(format_, count):
    return max(resident() for piece in format_.write(Dataset(recipe, 0, count), 0))

for name, format_ in FORMATS.items():
    format_.check()
    print(name, peak(format_, 5_000), peak(format_, 40_000))
"""


def test_memory_does_not_grow_with_the_data_set(repository: Path) -> None:
    """Write 35,000 glyphs more: they have 27 MB of pixels, and what the allocator keeps stays below half of that."""
    done = python("-c", PROGRAM, repository)
    lines = [line.split() for line in done.stdout.splitlines()]
    growth = {name: int(large) - int(small) for name, small, large in lines}
    assert set(growth) == set(FORMATS), done.stderr
    assert max(growth.values()) < 13_000_000, growth
