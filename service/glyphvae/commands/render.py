"""The command `glyphvae render`, which writes a text to a file."""

from typing import Annotated, Any

import typer

from glyphvae.commands.options import values_of, with_options
from glyphvae.commands.output import Output, format_of, write
from glyphvae.commands.source import Key, Models, Url, source
from glyphvae.operations.render_text import RenderText

_OWN = {
    "seed": "Seed, for a reproducible result. Default: random, and printed.",
    "z": "Style: comma-separated latents; blank ones are sampled.",
    "hand": "A hand, as `glyphvae hand` prints it.",
    "model": "Model; see `glyphvae models`.",
    "beta": "Choose the model of this β from the series of --model.",
}


@with_options(RenderText, own=_OWN)
def render(
    text: Annotated[str, typer.Argument(help="Text to write.")],
    output: Output,
    models: Models = None,
    url: Url = None,
    key: Key = None,
    **options: Any,  # noqa: ANN401 (see RenderText)
) -> None:
    """Write a text to a PNG, WebP, SVG or PDF file, with local models or by a remote service."""
    # Imported here, because a server does not need the client.
    from glyphvae.client import calls  # noqa: PLC0415
    from glyphvae.client.formats import TEXTS  # noqa: PLC0415

    ending = format_of(output, TEXTS)
    wanted = values_of(RenderText, {"text": text, **options})
    with source(models, url, key) as service:
        write(service.send(calls.render_text(**wanted, format=ending)), output)
