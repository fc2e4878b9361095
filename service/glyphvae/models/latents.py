"""Parsing of latents, and sampling them from the prior with a seed."""

import os
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glyphvae.wording import quoted

Floats = NDArray[np.float32]

# The largest integer up to which JavaScript represents all integers exactly.
MAX_SEED = 2**53 - 1

# Ten standard deviations: no decoder was trained beyond them, and within them float32 stays finite in any decoder.
MAX_LATENT = 10.0


# The second half of the generator's key, which is 0 for latents.
_DRIFT = 1


class _Streams(threading.local):
    """A random generator per thread, reset to the stream of each seed, which takes half the time of a new generator."""

    def __init__(self) -> None:
        self.bits = np.random.Philox(key=0)
        self.generator = np.random.Generator(self.bits)
        self.start = self.bits.state

    def of(self, seed: int, number: int = 0) -> np.random.Generator:
        """Return the generator at the start of the stream of `seed`; it is valid until the next call."""
        self.start["state"]["key"][:] = seed, number
        self.bits.state = self.start
        return self.generator


_streams = _Streams()


def draw_drift(seed: int, n: int) -> NDArray[np.float64]:
    """Draw `n` standard normal numbers from another stream of a seed than that of its latents.

    Args:
        seed: 0 to `MAX_SEED`.
        n: How many; the first ones do not depend on it.
    """
    return _streams.of(seed, _DRIFT).standard_normal(n)


def new_seed() -> int:
    """Return an unpredictable seed, 0 to `MAX_SEED`."""
    (seed,) = new_seeds(1)
    return seed


def new_seeds(count: int) -> list[int]:
    """Return unpredictable seeds, each as `new_seed` does."""
    random = np.frombuffer(os.urandom(8 * count), np.uint64)
    seeds: list[int] = (random & np.uint64(MAX_SEED)).tolist()
    return seeds


def parse_latents(text: str, latent_size: int) -> tuple[float | None, ...]:
    """Parse comma-separated latents; a blank or missing one becomes None and will be sampled.

    Args:
        text: For example `0.5,,-1`.
        latent_size: The model's number of latents.

    Raises:
        ValueError: There are too many latents, or one is not a number from -10 to 10; the message names it.
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
        # float() alone would accept digits of any script, and underscores between them.
        value = float(text if text.isascii() and "_" not in text else "")
    except ValueError:
        raise ValueError(f"latent {index} is {quoted(text)}, not a number") from None
    # Written so that NaN, which compares false, is rejected too.
    if not -MAX_LATENT <= value <= MAX_LATENT:
        raise ValueError(f"latent {index} is {text}, not a number from -10 to 10")
    return value


def draw_latents(seed: int, n: int, given: Sequence[float | None], temperature: float) -> Floats:
    """Sample `n` latents from the prior N(0, temperature^2·I), then set the given coordinates.

    The stream is NumPy's counter-based generator with the seed as its key (Salmon et al., "Parallel random numbers: as
    easy as 1, 2, 3", 2011):
    `numpy.random.Generator(numpy.random.Philox(key=seed)).standard_normal((n, latent), numpy.float32)`. Rows are drawn
    in order, so the first rows do not depend on `n`, and a given coordinate does not change the others.

    Args:
        seed: 0 to `MAX_SEED`.
        n: Number of rows.
        given: One entry per coordinate, None if it is sampled.
        temperature: Standard deviation, at least 0; the given coordinates are not scaled by it.

    Returns:
        (n, latent) float32.
    """
    z = np.empty((n, len(given)), np.float32)
    fill_latents(z, seed, given, temperature)
    return z


def draw_style(seed: int, given: Sequence[float | None], temperature: float, hand_size: int) -> Floats:
    """Sample the latents (latent,) that the glyphs of one handwriting vary around.

    Args:
        seed: See `draw_latents`.
        given: See `draw_latents`.
        temperature: See `draw_latents`.
        hand_size: Latents, the first ones, that are a hand which the glyphs share; 0 if all of them vary. The others
            are 0 then unless they are given, because the usual form of each label is at 0.
    """
    if hand_size:
        given = [*given[:hand_size], *(0.0 if value is None else value for value in given[hand_size:])]
    style: Floats = draw_latents(seed, 1, given, temperature)[0]
    return style


def form_only(latent_size: int, hand_size: int) -> tuple[float | None, ...]:
    """Return what is given of the deviation of a glyph from its style: nothing, but of the hand that it is 0."""
    return (0.0,) * hand_size + (None,) * (latent_size - hand_size)


def fill_latents(z: Floats, seed: int, given: Sequence[float | None], temperature: float) -> None:
    """Sample latents like `draw_latents`, into an existing array.

    Args:
        z: (n, latent), or (latent,) for one row; it is overwritten.
        seed: See `draw_latents`.
        given: See `draw_latents`.
        temperature: See `draw_latents`.
    """
    _streams.of(seed).standard_normal(dtype=np.float32, out=z)
    if temperature != 1:
        z *= np.float32(temperature)
    for index, value in enumerate(given):
        if value is not None:
            z[..., index] = value
