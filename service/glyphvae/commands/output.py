"""Files that commands write, whose endings decide their formats."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from glyphvae.errors import StartError

if TYPE_CHECKING:
    from glyphvae.client import File

Name = TypeVar("Name", bound=str)
Output = Annotated[Path, typer.Option("--output", "-o", help="File to write; its ending decides the format.")]

_COUNTS = {"glyphvae-folded": "written as others", "glyphvae-unknown": "skipped or left blank"}


def format_of(output: Path, formats: Mapping[Name, str]) -> Name:
    """Return the format that the ending of a file to write decides.

    Raises:
        StartError: The ending is unknown, or there is no such folder.
    """
    ending = next((name for name in formats if output.suffix.lower() == f".{name}"), None)
    if ending is None:
        known = ", ".join(f".{name}" for name in formats)
        raise StartError(f"--output: the ending of {output.name!r} is none of {known}")
    if not output.parent.is_dir():
        raise StartError(f"--output: there is no folder {str(output.parent)!r}")
    return ending


def write(file: "File", output: Path) -> None:
    """Write a file, and say on standard error what was written, by which model and seed."""
    file.save(output)
    notes = [f"characters {note}: {file.headers[name]}" for name, note in _COUNTS.items() if name in file.headers]
    facts = "; ".join([f"{len(file.content)} bytes by {file.model}, seed {file.seed}", *notes])
    typer.echo(f"{output}: {facts}", err=True)
