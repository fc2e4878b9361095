"""The source of a command's results: local models, or a remote service."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer

from glyphvae.commands.remote import remote
from glyphvae.errors import StartError

if TYPE_CHECKING:
    from glyphvae.client.call import Call

Result = TypeVar("Result")

Models = Annotated[Path | None, typer.Option(help="Folder of exported models.")]
Url = Annotated[str | None, typer.Option(help="URL of a service that does it instead.")]
Key = Annotated[str | None, typer.Option(envvar="GLYPHVAE_KEY", help="Bearer key for that service.")]


class Source(Protocol):
    """A `Writer` or a client, which makes calls."""

    def send(self, call: "Call[Result]", /) -> Result:
        """Make a call."""


def check_source(models: Path | None, url: str | None) -> None:
    """Refuse local models beside a remote service.

    Raises:
        StartError: Both are given.
    """
    if url is not None and models is not None:
        raise StartError("--models cannot be combined with --url; the remote service has its own models")


@contextmanager
def source(models: Path | None, url: str | None, key: str | None) -> Iterator[Source]:
    """Open local models, or the service at `url`.

    Raises:
        StartError: Both are given, or the models cannot be loaded.
    """
    check_source(models, url)
    if url is None:
        from glyphvae.writer import Writer  # noqa: PLC0415 (needs the HTTP client's library, which a server does not)

        yield Writer(models)
        return
    with remote(url, key) as client:
        yield client
