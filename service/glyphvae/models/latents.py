"""Latents: parsed from requests, and drawn from the prior by a seed."""

import secrets
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glyphvae.wording import quoted

Floats = NDArray[np.float32]

# JavaScript reads integers exactly up to here.
MAX_SEED = 2**53 - 1

# Ten standard deviations: a decoder has seen nothing beyond, and float32 stays finite through any decoder.
MAX_LATENT = 10.0


class _Streams(threading.local):
    """A generator for each thread, set to one stream after the other: making a new one takes twice as long."""

    def __init__(self) -> None:
        self.bits = np.random.Philox(key=0)
        self.generator = np.random.Generator(self.bits)
        self.start = self.bits.state

    def of(self, seed: int) -> np.random.Generator:
        """The generator at the beginning of the stream of `seed`, until the next call."""
        self.start["state"]["key"][0] = seed
        self.bits.state = self.start
        return self.generator


_streams = _Streams()


def new_seed() -> int:
    """A seed nobody can predict, 0 to `MAX_SEED`."""
    return secrets.randbits(53)


def parse_latents(text: str, latent_size: int) -> tuple[float | None, ...]:
    """Latents written as numbers with commas between; a blank or missing one is None, to be drawn.

    Args:
        text: For example `0.5,,-1`.
        latent_size: How many the model has.

    Raises:
        ValueError: There are too many, or one is not a number from -10 to 10; the message says which.
    """
    parts = [part.strip(" ") for part in text.split(",")]
    if len(parts) > latent_size:
        raise ValueError(f"{len(parts)} latents were given, but the model has {latent_size}")
    values = [_parse(part, index) for index, part in enumerate(parts, start=1)]
    return tuple(values + [None] * (latent_size - len(values)))


def _parse(text: str, index: int) -> float | None:
    if not text:
        return None
    try:
        # float() alone would take the digits of any script, and underscores between them.
        value = float(text if text.isascii() and "_" not in text else "")
    except ValueError:
        raise ValueError(f"latent {index} is {quoted(text)}, not a number") from None
    # Written so that NaN, which compares false, is refused too.
    if not -MAX_LATENT <= value <= MAX_LATENT:
        raise ValueError(f"latent {index} is {text}, not a number from -10 to 10")
    return value


def draw_latents(seed: int, n: int, given: Sequence[float | None], temperature: float) -> Floats:
    """`n` latents from the prior N(0, temperature^2·I), with the given coordinates put in their place.

    The stream is NumPy's, with the seed as the key of a counter-based generator (Salmon et al., "Parallel random
    numbers: as easy as 1, 2, 3", 2011):
    `numpy.random.Generator(numpy.random.Philox(key=seed)).standard_normal((n, latent), numpy.float32)`. Rows are drawn
    in order, so the first rows do not depend on `n`, and a given coordinate does not change the others.

    Args:
        seed: 0 to `MAX_SEED`.
        n: Number of rows.
        given: One entry a coordinate, None where it is drawn.
        temperature: Standard deviation, at least 0; the given coordinates are not scaled by it.

    Returns:
        (n, latent) float32.
    """
    z = np.empty((n, len(given)), np.float32)
    fill_latents(z, seed, given, temperature)
    return z


def fill_latents(z: Floats, seed: int, given: Sequence[float | None], temperature: float) -> None:
    """As `draw_latents`, into an array that is there.

    Args:
        z: (n, latent), or (latent,) for one row; what it holds is lost.
        seed: As there.
        given: As there.
        temperature: As there.
    """
    _streams.of(seed).standard_normal(dtype=np.float32, out=z)
    if temperature != 1:
        z *= np.float32(temperature)
    for index, value in enumerate(given):
        if value is not None:
            z[..., index] = value
