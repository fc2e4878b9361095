"""The certificate and the Unix domain socket of the service's port."""

import socket
from pathlib import Path
from typing import TYPE_CHECKING

from glyphvae.errors import StartError
from glyphvae.settings import Settings

if TYPE_CHECKING:
    from ssl import SSLContext


def check_certificate(settings: Settings) -> None:
    """Check that the certificate and its key can be used.

    Raises:
        StartError: They cannot.
    """
    if settings.tls_cert is None:
        return
    import ssl  # noqa: PLC0415 (most services leave TLS to a proxy)

    load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), settings)


def load_certificate(context: "SSLContext", settings: Settings) -> None:
    """Have connections from now on use the certificate that is in its file.

    Raises:
        StartError: It cannot be used.
    """
    cert, key = settings.tls_cert, settings.tls_key
    assert cert is not None  # noqa: S101 (narrows what the setting leaves open)
    try:
        context.load_cert_chain(cert, key, password=str)  # none, rather than to ask at the terminal
    except OSError as error:
        files = f"{cert}, {key}" if key else cert
        raise StartError(f"setting GLYPHVAE_TLS_CERT: {files}: {error.strerror}") from None


def remove_stale(path: Path | None) -> None:
    """Remove a Unix domain socket that a service has left which was killed."""
    if path is None or not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()


def remove_socket(path: Path | None) -> None:
    """Remove the Unix domain socket, at the end."""
    if path is not None:
        path.unlink(missing_ok=True)
