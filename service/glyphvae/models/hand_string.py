"""Hands as short strings that fit in a link.

URL-safe base64 without padding (RFC 4648, section 5) of

| bytes | |
|---|---|
| 1 | the version of the format, now 1 |
| 3 | the beginning of `weights` of the model, which give the latents their meaning, or of the sha256 of its decoder |
| 10 bits a latent, filled up with zeros | round(latent / 0.02) + 512 |
| 2 | CRC-16 of all bytes before, big-endian |

A later version may change everything between the version and the checksum. A hand of twelve latents has 28 characters.
"""

import base64
import binascii
from collections.abc import Mapping

import numpy as np

from glyphvae.models.latents import MAX_LATENT, Floats
from glyphvae.models.manifest import Manifest
from glyphvae.wording import quoted

VERSION = 1
# Half of it, the largest error, is far below the deviation of any hand that a hundred letters tell; ten bits of it
# reach `MAX_LATENT`.
RESOLUTION = 0.02
LATENT_BITS = 10

_MODEL, _CHECK = 3, 2
_MIDDLE = 1 << (LATENT_BITS - 1)

AGAIN = "make it again with POST /hand"


def write_hand(mu: Floats, manifest: Manifest) -> str:
    """Return the string of a hand.

    Args:
        mu: (hand,) from -10 to 10, rounded to multiples of 0.02.
        manifest: Of the model that the hand is of.
    """
    steps = np.round(np.clip(mu, -MAX_LATENT, MAX_LATENT) / RESOLUTION).astype(int) + _MIDDLE
    number = 0
    for step in steps.tolist():
        number = number << LATENT_BITS | step
    size = _size(len(steps))
    number <<= 8 * size - LATENT_BITS * len(steps)
    content = bytes([VERSION]) + _model(manifest) + number.to_bytes(size, "big")
    return base64.urlsafe_b64encode(content + _checksum(content)).rstrip(b"=").decode()


def read_hand(text: str, manifest: Manifest, others: Mapping[str, Manifest]) -> tuple[float, ...]:
    """Return the latents of a hand, one for each of the model's `hand_size`.

    Args:
        text: As `write_hand` returns it.
        manifest: Of the model that is to write in the hand.
        others: All models that are served, by name.

    Raises:
        ValueError: The model has no hand, the string is damaged, of an unknown version, or of another model; the
            message says what to do.
    """
    if not manifest.hand_size:
        raise ValueError(without_hand(manifest, others))
    content = _decoded(text)
    if content[0] != VERSION:
        raise ValueError(
            f"it is of format version {content[0]}, and this service reads version {VERSION}; {AGAIN} here"
        )
    model, packed = content[1 : 1 + _MODEL], content[1 + _MODEL : -_CHECK]
    if model != _model(manifest):
        owners = [name for name, other in others.items() if other.hand_size and _model(other) == model]
        wanted = f"model {owners[0]!r}; send model={owners[0]}" if owners else f"a model that is not served; {AGAIN}"
        raise ValueError(f"it is no hand of model {manifest.name!r} but of {wanted}")
    count = manifest.hand_size
    if len(packed) != _size(count):
        raise ValueError(f"it has not the {count} latents of a hand of model {manifest.name!r}; {AGAIN}")
    number = int.from_bytes(packed, "big") >> (8 * len(packed) - LATENT_BITS * count)
    steps = [number >> LATENT_BITS * place & (2 * _MIDDLE - 1) for place in reversed(range(count))]
    values = np.clip((np.array(steps) - _MIDDLE) * RESOLUTION, -MAX_LATENT, MAX_LATENT)
    return tuple(values.tolist())


def without_hand(manifest: Manifest, others: Mapping[str, Manifest]) -> str:
    """Say that a model has no hand, and which of the models that are served have one."""
    with_hand = [name for name, other in others.items() if other.hand_size]
    there = f"models with one are: {', '.join(with_hand)}" if with_hand else "no model that is served has one"
    return f"model {manifest.name!r} has no hand; {there}"


def _decoded(text: str) -> bytes:
    """Return the bytes of a string whose checksum is right.

    Raises:
        ValueError: It is wrong, or this is no base64.
    """
    try:
        # It must be written in one way only: other decoders skip characters, and ignore the bits after the last byte.
        content = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        whole = base64.urlsafe_b64encode(content).rstrip(b"=") == text.encode()
    except ValueError:
        content, whole = b"", False
    if not whole or len(content) < 1 + _MODEL + _CHECK or _checksum(content[:-_CHECK]) != content[-_CHECK:]:
        raise ValueError(
            f"{quoted(text)} is no hand, or a part of it is missing or changed; copy all of `hand` from POST /hand"
        )
    return content


def _model(manifest: Manifest) -> bytes:
    return bytes.fromhex(manifest.weights or manifest.decoder.sha256)[:_MODEL]


def _size(count: int) -> int:
    """Return the bytes that the latents of a hand take."""
    return -(-count * LATENT_BITS // 8)


def _checksum(content: bytes) -> bytes:
    return binascii.crc_hqx(content, 0).to_bytes(_CHECK, "big")
