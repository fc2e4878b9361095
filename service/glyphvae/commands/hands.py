"""The commands `glyphvae hand`, which finds the hand that wrote letters, and `glyphvae font`, which makes it a font."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glyphvae.commands.options import values_of, with_options
from glyphvae.commands.output import Output, format_of, write
from glyphvae.commands.source import Key, Models, Source, Url, source
from glyphvae.errors import StartError
from glyphvae.operations.font import FontRequest
from glyphvae.operations.hand import HandQuery

if TYPE_CHECKING:
    from glyphvae.client import Hand

_OWN = {
    "label": "What a picture shows: repeat it, one for each picture in their order, or give one for all. Default: the "
    "most likely character.",
    "labels": "Labels among which that of a picture is found: digits, capitals, small, ascii, letters, all, or "
    "characters; may be repeated.",
    "seed": "Seed, for a reproducible font. Default: random, and printed.",
    "z": "The hand: comma-separated latents; blank ones are sampled.",
    "hand": "A hand, as `glyphvae hand` prints it.",
    "model": "Model; see `glyphvae models`.",
    "beta": "Choose the model of this β from the series of --model.",
}


@with_options(HandQuery, own=_OWN)
def hand(
    pictures: Annotated[list[Path], typer.Argument(help="PNG, JPEG or WebP files, a letter each, or lines.")],
    models: Models = None,
    url: Url = None,
    key: Key = None,
    **options: Any,  # noqa: ANN401 (see HandQuery)
) -> None:
    """Print the hand that wrote letters, for --hand of other commands."""
    query = values_of(HandQuery, options)
    with source(models, url, key) as service:
        typer.echo(_found(service, pictures, query).hand)


@with_options(FontRequest, HandQuery, own=_OWN)
def font(
    output: Output,
    pictures: Annotated[
        list[Path] | None,
        typer.Option("--from", help="Picture of a letter in the hand; may be repeated, and --label with it."),
    ] = None,
    models: Models = None,
    url: Url = None,
    key: Key = None,
    **options: Any,  # noqa: ANN401 (see FontRequest and HandQuery)
) -> None:
    """Write a font of one hand to a TTF, OTF or WOFF2 file: that of pictures, of --hand or of a seed."""
    # Imported here, because a server does not need the client.
    from glyphvae.client import calls  # noqa: PLC0415
    from glyphvae.client.formats import FONTS  # noqa: PLC0415

    ending = format_of(output, FONTS)
    wanted, query = values_of(FontRequest, options), values_of(HandQuery, options)
    _check_origin(pictures, wanted, query)
    with source(models, url, key) as service:
        if pictures:
            wanted["hand"] = _found(service, pictures, query).hand
        write(service.send(calls.font(**wanted, format=ending)), output)


def _check_origin(pictures: Sequence[Path] | None, wanted: Mapping[str, Any], query: Mapping[str, Any]) -> None:
    """Check that options of pictures come with pictures, and a hand without.

    Raises:
        StartError: They do not.
    """
    if pictures and "hand" in wanted:
        raise StartError("--hand cannot be combined with --from, whose pictures give the hand")
    of_pictures = [f"--{name}" for name in query if name not in FontRequest.model_fields]
    if of_pictures and not pictures:
        raise StartError(f"{of_pictures[0]} needs --from, the picture that it describes")


def _found(service: Source, pictures: Sequence[Path], query: Mapping[str, Any]) -> "Hand":
    """Find the hand of pictures, and say on standard error how sure it is."""
    from glyphvae.client import calls  # noqa: PLC0415 (a server does not need it)

    found = service.send(calls.hand([*pictures], **query))
    labels = " ".join(letter.label or "?" for letter in found.letters)
    typer.echo(f"hand {found.hand} of {labels} by {found.model}, certainty {found.certainty:.2f}", err=True)
    is_sheet = "sheet" in query or "text" in query
    for number, letter in enumerate(found.letters):
        if letter.disagrees:
            place = f"letter {number + 1}" if is_sheet else pictures[number]
            typer.echo(f"{place}: this {letter.label or 'letter'} is unlike the others", err=True)
    return found
