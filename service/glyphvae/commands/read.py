"""The command `glyphvae read`, which prints the text of images."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from glyphvae.commands.options import values_of, with_options
from glyphvae.commands.source import Key, Models, Url, source
from glyphvae.operations.read import ReadOptions

_OWN = {
    "labels": "Characters that may occur: digits, capitals, small, ascii, letters, all, or several; may be repeated.",
    "model": "Model; see `glyphvae models`.",
    "beta": "Choose the model of this β from the series of --model.",
}


@with_options(ReadOptions, own=_OWN)
def read(
    pictures: Annotated[list[Path], typer.Argument(help="PNG, JPEG or WebP files of lines of separate characters.")],
    models: Models = None,
    url: Url = None,
    key: Key = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print lines, words and characters with their places.")
    ] = False,
    **options: Any,  # noqa: ANN401 (see ReadOptions)
) -> None:
    """Print the text of images with lines of separate characters, as hand-printed forms; joined writing is not read."""
    # Imported here, because a server does not need the client.
    from glyphvae.client import calls  # noqa: PLC0415

    wanted = values_of(ReadOptions, options)
    with source(models, url, key) as service:
        found = service.send(calls.read([*pictures], **wanted))
    typer.echo(json.dumps(asdict(found), ensure_ascii=False, indent=2) if as_json else found.text)
    for note in found.notes:
        typer.echo(note, err=True)
