"""A service elsewhere, for commands; what they need for it is imported only when one is named."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from glyphvae.errors import GlyphvaeError

if TYPE_CHECKING:
    from glyphvae.client import Client


class RemoteError(GlyphvaeError):
    """A service elsewhere does not answer, or refuses; the message is one line."""


@contextmanager
def remote(url: str, key: str | None) -> Iterator["Client"]:
    """A client of the service at `url`.

    Raises:
        RemoteError: In place of any error of the client's.
    """
    # An HTTP client is a few megabytes that a server does without.
    from glyphvae.client import Client, ClientError  # noqa: PLC0415

    try:
        with Client(url, key=key) as client:
            yield client
    except ClientError as error:
        raise RemoteError(str(error)) from error
