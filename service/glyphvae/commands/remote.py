"""Access of commands to a remote service; its imports are made only when one is used."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from glyphvae.errors import GlyphvaeError

if TYPE_CHECKING:
    from glyphvae.client import Client


class RemoteError(GlyphvaeError):
    """The remote service does not respond or refuses the request; the message is one line."""


@contextmanager
def remote(url: str, key: str | None) -> Iterator["Client"]:
    """Open a client of the service at `url`.

    Raises:
        RemoteError: In place of every `ClientError`, and for a URL without a scheme.
    """
    if "://" not in url:
        raise RemoteError(f"--url: {url!r} has no scheme; write http://{url}, or https://")
    # Imported here, because the HTTP client takes a few megabytes that a server does not need.
    from glyphvae.client import Client, ClientError  # noqa: PLC0415

    try:
        with Client(url, key=key) as client:
            yield client
    except ClientError as error:
        raise RemoteError(str(error)) from error
