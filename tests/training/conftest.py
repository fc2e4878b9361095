import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from glyphvae_training.data.dataset import Dataset, load_alphanumeric, load_mnist

SAMPLE = Path(__file__).parent.parent / "data"


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Share a cache of data sets among all workers of a session, apart from the developer's own."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLYPHVAE_CACHE", str(folder / "glyphvae-cache"))
        yield folder / "glyphvae-cache"


@pytest.fixture(scope="session")
def sample_folder() -> Path:
    """The shipped sample, in the layouts of the originals."""
    return SAMPLE


@pytest.fixture(scope="session")
def sample() -> Dataset:
    """The 36 classes of the shipped sample."""
    return load_alphanumeric(SAMPLE)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """MNIST of the shipped sample."""
    return load_mnist(SAMPLE)
