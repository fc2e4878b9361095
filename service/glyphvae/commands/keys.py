"""The commands `glyphvae keys`, for a new bearer key, and `glyphvae sign`, for manifests."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from glyphvae.models.signatures import read_key, sign_manifest


def keys(
    name: Annotated[str, typer.Argument(help="Who gets it; letters, digits, dots and dashes.")],
    file: Annotated[Path, typer.Option(help="The file of keys, as the setting `keys` names it; made if missing.")],
    days: Annotated[int | None, typer.Option(min=1, help="Days until it ends; without it, it does not.")] = None,
    rate: Annotated[str | None, typer.Option(help="Most requests in a time, as 100/minute.")] = None,
    route: Annotated[list[str] | None, typer.Option(help="A path it opens; repeat for several. Default: all.")] = None,
) -> None:
    """Make a bearer key: its hash goes into a file, the key itself is shown once and kept nowhere."""
    from glyphvae.web.keys import new_key, read_keys  # noqa: PLC0415 (its libraries would slow every other command)

    expires = None if days is None else datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    if file.exists() and name in {key.name for key in read_keys(file)}:
        raise ValueError(f"{file} has a key {name!r} already")
    token, key = new_key(name, expires, rate, route or ())
    # Hashes are no secret worth much, but who has keys is nobody else's business.
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as lines:
        lines.write(key.model_dump_json(exclude_defaults=True) + "\n")
    typer.echo(token)


def sign(
    models: Annotated[Path, typer.Argument(help="Folder of exported models.")],
    key: Annotated[Path, typer.Option(help="File of the shared key, at least 32 bytes.")],
) -> None:
    """Sign the manifest of every model in a folder, for services whose setting `models_key` names the same key."""
    secret = read_key(key)
    for manifest in sorted(models.glob("*.json")):
        typer.echo(sign_manifest(manifest, secret))
