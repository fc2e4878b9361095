"""Data sets by their name."""

from pathlib import Path

from glyphvae_training.data.dataset import Dataset, load_alphanumeric, load_byclass, load_mnist
from glyphvae_training.data.pen import load_pen
from glyphvae_training.errors import DataError
from glyphvae_training.progress import StageProgress, no_stage_progress


def load_named(
    name: str, folder: Path, cache: Path | None = None, progress: StageProgress = no_stage_progress
) -> Dataset:
    """Load the set with this `Dataset.name`; arguments and errors as for `load_alphanumeric`.

    Raises:
        DataError: there is no such set.
    """
    loaders = {"alphanumeric": load_alphanumeric, "byclass": load_byclass, "mnist": load_mnist, "pen": load_pen}
    if name not in loaders:
        raise DataError(f"there is no data set {name!r}; there are {', '.join(loaders)}")
    return loaders[name](folder, cache, progress)
