"""A client of the service, sync and async.

    from glyphvae.client import Client

    with Client("http://127.0.0.1:8000") as client:
        glyphs = client.generate("J", n=100, seed=7)      # glyphs.pixels: uint8 (100, 28, 28)
        client.render_text("HELLO", seed=7).save("hello.png")

It needs httpx, NumPy for arrays and Pillow for pictures, and nothing of what the service itself needs.
"""

from glyphvae.client.clients import TIMEOUT, AsyncClient, Client
from glyphvae.client.errors import (
    BrokenAnswerError,
    ClientError,
    DeadlineExceededError,
    NoAnswerError,
    ProblemError,
    RefusedField,
)
from glyphvae.client.results import (
    Encodings,
    Glyphs,
    LabelledGlyphs,
    Picture,
    Reconstructions,
    Samples,
    ServedModel,
    Writing,
)
from glyphvae.client.retry import Retry

__all__ = [
    "TIMEOUT",
    "AsyncClient",
    "BrokenAnswerError",
    "Client",
    "ClientError",
    "DeadlineExceededError",
    "Encodings",
    "Glyphs",
    "LabelledGlyphs",
    "NoAnswerError",
    "Picture",
    "ProblemError",
    "Reconstructions",
    "RefusedField",
    "Retry",
    "Samples",
    "ServedModel",
    "Writing",
]
