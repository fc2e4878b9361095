"""The commands `glyphvae keys`, which makes a bearer key, and `glyphvae sign`, which signs manifests."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from glyphvae.models.signatures import read_key, sign_manifest


def keys(
    name: Annotated[str, typer.Argument(help="Name of the key's owner: letters, digits, dots and dashes.")],
    file: Annotated[Path, typer.Option(help="File of keys, as in the setting `keys`; created if missing.")],
    days: Annotated[int | None, typer.Option(min=1, help="Days until the key expires. Default: never.")] = None,
    rate: Annotated[str | None, typer.Option(help="Rate limit, such as 100/minute. Default: none.")] = None,
    route: Annotated[
        list[str] | None, typer.Option(help="Path that the key gives access to; may be repeated. Default: all.")
    ] = None,
) -> None:
    """Make a bearer key. The key is shown once; the file stores only its hash."""
    from glyphvae.web.keys import new_key, read_keys  # noqa: PLC0415 (its libraries would slow down other commands)

    expires = None if days is None else datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    if file.exists() and name in {key.name for key in read_keys(file)}:
        raise ValueError(f"{file} already has a key {name!r}")
    token, key = new_key(name, expires, rate, route or ())
    # Readable by the owner only: the hashes are harmless, but the names of the keys' owners are private.
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8") as lines:
        lines.write(key.model_dump_json(exclude_defaults=True) + "\n")
    typer.echo(token)


def sign(
    models: Annotated[Path, typer.Argument(help="Folder of exported models.")],
    key: Annotated[Path, typer.Option(help="File of the shared key of at least 32 bytes.")],
) -> None:
    """Sign the manifests of all models in a folder, for services with the same key in the setting `models_key`."""
    secret = read_key(key)
    for manifest in sorted(models.glob("*.json")):
        typer.echo(sign_manifest(manifest, secret))
