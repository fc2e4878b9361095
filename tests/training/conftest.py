import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from glyphvae_training.data.dataset import Dataset, load_alphanumeric, load_mnist
from glyphvae_training.data.font_families import FONTS
from tests.training.data.tiny_font import BOXES, font_bytes
from tests.training.data.tiny_strokes import write_fonts
from tests.untraced import untraced

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


@pytest.fixture(scope="session", autouse=True)
def _untraced_export() -> Iterator[None]:
    """Measure no coverage in the exporter of PyTorch, all Python; tests of modules call what it calls of ours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.onnx, "export", untraced()(torch.onnx.export))
        yield


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


@pytest.fixture(scope="session")
def pen_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample of MNIST and EMNIST, with tiny fonts in place of those of the pen."""
    folder = tmp_path_factory.mktemp("pen")
    for name in ("mnist", "emnist"):
        shutil.copytree(SAMPLE / name, folder / name)
    content = font_bytes({character: BOXES[character] for character in "Hl."})
    for part in FONTS.values():
        for name in part:
            (folder / f"{name}.woff2").write_bytes(content)
    return write_fonts(folder, {})
