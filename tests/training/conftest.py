from pathlib import Path

import pytest

from glyphvae_training.data.dataset import Dataset, load_alphanumeric, load_mnist

SAMPLE = Path(__file__).parent.parent / "data"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the session, never the developer's."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def sample_folder() -> Path:
    """The shipped sample, in the layouts of the originals."""
    return SAMPLE


@pytest.fixture(scope="session")
def sample(cache: Path) -> Dataset:
    """The 36 classes of the shipped sample."""
    return load_alphanumeric(SAMPLE, cache)


@pytest.fixture(scope="session")
def digits(cache: Path) -> Dataset:
    """MNIST of the shipped sample."""
    return load_mnist(SAMPLE, cache)
