"""Options that several commands share, and the way in which all of them report errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from glyphvae_training.errors import TrainingError

ModelName = Annotated[str, typer.Argument(help="Name of an exported model.")]
DataFolder = Annotated[Path, typer.Option(help="Folder with the source files, at any depth.")]
ModelRepository = Annotated[Path, typer.Option(help="Folder of exported models.")]

DATA, EXPORTED = Path("data"), Path("exported")


@contextmanager
def errors_reported() -> Iterator[None]:
    """Turn errors that the user can fix into one line and exit status 1."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise SystemExit(
            f"glyphvae: {error.name} is not installed; in a clone `make train` installs what training needs, elsewhere "
            "`pip install` of the wheels that `make wheels` builds there"
        ) from error
    except TrainingError as error:
        raise SystemExit(f"glyphvae: {error}") from error
