"""Manifests signed with a shared key, so that who may write to the model repository cannot vouch for a model.

HMAC-SHA256 (RFC 2104) over the manifest's bytes; the manifest in turn names each file by its SHA-256. The signature of
`NAME.json` is 64 hexadecimal digits in `NAME.json.hmac`.
"""

import hmac
from pathlib import Path

from glyphvae.errors import StartError

# RFC 2104 recommends no less than the hash is long.
SHORTEST_KEY = 32


def read_key(path: Path) -> bytes:
    """The key, without the line break at its end.

    Raises:
        StartError: The file cannot be read, or is too short.
    """
    try:
        key = path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise StartError(f"{path}: {error.strerror}") from None
    if len(key) < SHORTEST_KEY:
        raise StartError(f"{path}: a key has at least {SHORTEST_KEY} bytes (`openssl rand -hex 32`)")
    return key


def check_signature(manifest: Path, content: bytes, key: bytes) -> None:
    """Refuse a manifest that is not signed with `key`.

    Args:
        manifest: Its file; the signature lies beside it.
        content: Its bytes, as they are used.
        key: The shared key.

    Raises:
        StartError: There is no signature, or it is of other bytes or another key.
    """
    path = _beside(manifest)
    try:
        signature = path.read_bytes().strip()
    except OSError as error:
        raise StartError(f"{path}: {error.strerror}; manifests have to be signed (`glyphvae sign`)") from None
    if not hmac.compare_digest(signature, _sign(content, key)):
        raise StartError(f"{path}: the signature is not that of the manifest")


def sign_manifest(manifest: Path, key: bytes) -> Path:
    """Put the signature of a manifest beside it; the file it is in."""
    path = _beside(manifest)
    path.write_bytes(_sign(manifest.read_bytes(), key) + b"\n")
    return path


def _beside(manifest: Path) -> Path:
    return manifest.with_name(f"{manifest.name}.hmac")


def _sign(content: bytes, key: bytes) -> bytes:
    return hmac.new(key, content, "sha256").hexdigest().encode()
