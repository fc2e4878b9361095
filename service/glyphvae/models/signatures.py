"""Manifests signed with a shared key, so that write access to the model repository is not enough to add a model.

HMAC-SHA256 (RFC 2104) over the manifest's bytes; the manifest in turn names each file by its SHA-256. The signature of
`NAME.json` is 64 hexadecimal digits in `NAME.json.hmac`.
"""

import hmac
from pathlib import Path

from glyphvae.errors import StartError
from glyphvae.files import read_file

# RFC 2104 recommends a key at least as long as the hash.
SHORTEST_KEY = 32


def read_key(path: Path) -> bytes:
    """Read a key from a file, without the line break at its end.

    Raises:
        StartError: The file cannot be read, or the key is too short.
    """
    key = read_file(path).rstrip(b"\r\n")
    if len(key) < SHORTEST_KEY:
        raise StartError(f"{path}: a key must have at least {SHORTEST_KEY} bytes (`openssl rand -hex 32`)")
    return key


def check_signature(manifest: Path, content: bytes, key: bytes) -> None:
    """Refuse a manifest that is not signed with `key`.

    Args:
        manifest: Path of the manifest; the signature is beside it.
        content: The manifest's bytes, as they are used.
        key: The shared key.

    Raises:
        StartError: There is no signature, or it does not match these bytes and this key.
    """
    path = _beside(manifest)
    try:
        signature = read_file(path).strip()
    except StartError as error:
        raise StartError(f"{error}; manifests must be signed (`glyphvae sign`)") from None
    if not hmac.compare_digest(signature, _sign(content, key)):
        raise StartError(f"{path}: the signature does not match the manifest")


def sign_manifest(manifest: Path, key: bytes) -> Path:
    """Write the signature of a manifest beside it and return the signature's path."""
    path = _beside(manifest)
    path.write_bytes(_sign(read_file(manifest), key) + b"\n")
    return path


def _beside(manifest: Path) -> Path:
    return manifest.with_name(f"{manifest.name}.hmac")


def _sign(content: bytes, key: bytes) -> bytes:
    return hmac.new(key, content, "sha256").hexdigest().encode()
