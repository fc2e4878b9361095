"""Clients of the service, synchronous and asynchronous.

    from glyphvae.client import Client

    with Client("http://127.0.0.1:8000") as client:
        glyphs = client.generate("J", n=100, seed=7)      # glyphs.pixels: uint8 (100, 28, 28)
        client.render_text("HELLO", seed=7).save("hello.png")

They need httpx, NumPy for arrays and Pillow for images, but none of the service's other libraries.
"""

from glyphvae.client.clients import TIMEOUT, AsyncClient, Client
from glyphvae.client.errors import (
    BrokenResponseError,
    ClientError,
    DeadlineExceededError,
    NoResponseError,
    ProblemError,
    RefusedField,
)
from glyphvae.client.results import (
    Doubt,
    Encodings,
    File,
    Font,
    Glyphs,
    Hand,
    LabelledGlyphs,
    Letter,
    Picture,
    Preview,
    ReadCharacter,
    ReadLine,
    ReadText,
    ReadWord,
    Reconstructions,
    Samples,
    ServedModel,
    Writing,
)
from glyphvae.client.retry import Retry

__all__ = [
    "TIMEOUT",
    "AsyncClient",
    "BrokenResponseError",
    "Client",
    "ClientError",
    "DeadlineExceededError",
    "Doubt",
    "Encodings",
    "File",
    "Font",
    "Glyphs",
    "Hand",
    "LabelledGlyphs",
    "Letter",
    "NoResponseError",
    "Picture",
    "Preview",
    "ProblemError",
    "ReadCharacter",
    "ReadLine",
    "ReadText",
    "ReadWord",
    "Reconstructions",
    "RefusedField",
    "Retry",
    "Samples",
    "ServedModel",
    "Writing",
]
